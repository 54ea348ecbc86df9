"""Other joint sets: the right joints under the right names, axes as their standards say, and unmeasured ones marked."""

import numpy as np
import pytest
from support.synthetic_hand import MIRROR_X, hand, random_hand, random_rotation

from handmesh_ros.hand import JOINT_NAMES, Side
from handmesh_ros.joint_sets import OPENXR_NAMES, WEBXR_NAMES, dex_retargeting, openxr, webxr

SIDES = pytest.mark.parametrize("side", list(Side))
# An open hand, its back to the camera, fingers up: wrist axes in the optical frame.
BACK_TO_CAMERA = np.column_stack([[0.0, -1, 0], np.cross([0.0, 0, -1], [0.0, -1, 0]), [0.0, 0, -1]])


def test_names_are_the_standards() -> None:
    assert len(WEBXR_NAMES) == 25
    assert len(OPENXR_NAMES) == 26
    assert [WEBXR_NAMES.index(f"{finger}_tip") for finger in ("thumb", "index", "middle", "ring", "little")] == [4, 9, 14, 19, 24]
    assert OPENXR_NAMES[:3] == ("palm", "wrist", "thumb_metacarpal")
    assert OPENXR_NAMES[6] == "index_metacarpal"


@SIDES
def test_joints_lie_where_they_belong(side: Side) -> None:
    joints, rotations = random_hand(np.random.default_rng(0), side)
    joints = joints + (0.1, 0.2, 0.7)
    result = openxr(joints, rotations)
    pairs = {"wrist": "wrist", "thumb_metacarpal": "thumb_cmc", "thumb_distal": "thumb_ip", "index_proximal": "index_mcp"}
    pairs |= {"ring_intermediate": "ring_pip", "little_distal": "little_dip", "middle_tip": "middle_tip"}
    for theirs, ours in pairs.items():
        x, y, z = joints[JOINT_NAMES.index(ours)]
        np.testing.assert_allclose(result.positions[OPENXR_NAMES.index(theirs)], (x, -y, -z))
    unmeasured = [f"{finger}_metacarpal" for finger in ("index", "middle", "ring", "little")]
    assert [name for name, valid in zip(result.names, result.valid, strict=True) if not valid] == unmeasured
    assert np.isfinite(result.positions).all(axis=1).tolist() == result.valid.tolist()
    assert np.isfinite(result.rotations).all(axis=(1, 2)).tolist() == result.valid.tolist()
    np.testing.assert_allclose(np.linalg.det(result.rotations[result.valid]), 1)
    np.testing.assert_array_equal(webxr(joints, rotations).positions, result.positions[1:])


@SIDES
def test_axes_of_a_hand_held_up(side: Side) -> None:
    """Back to the viewer, fingers up: -z of the wrist points up, y to the viewer (OpenXR's +z), x to the right."""
    result = webxr(*hand(side, np.zeros((5, 3)), wrist=BACK_TO_CAMERA))
    x, y, z = result.rotations[0].T
    np.testing.assert_allclose([x, y, z], [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=1e-12)


def test_dex_retargeting_does_not_depend_on_the_view() -> None:
    rng = np.random.default_rng(0)
    joints, _ = random_hand(rng)
    turned = joints @ random_rotation(rng).T + rng.normal(size=3)
    np.testing.assert_allclose(dex_retargeting(turned, Side.RIGHT), dex_retargeting(joints, Side.RIGHT), atol=1e-12)


@SIDES
def test_dex_retargeting_wrist_frame(side: Side) -> None:
    """MANO's axes as dex-retargeting has them: fingers along +z, the palm to +x, the index on the +y side of a
    right hand and the -y side of a left."""
    joints, _ = hand(side, np.zeros((5, 3)), wrist=BACK_TO_CAMERA)
    points = dex_retargeting(joints + 1.0, side)
    np.testing.assert_allclose(points[0], 0, atol=1e-12)
    np.testing.assert_allclose(points[9], [0, 0, np.linalg.norm(joints[9])], atol=1e-12)
    across = points[5] - points[9]
    assert np.sign(across[1]) == (1 if side is Side.RIGHT else -1)
    np.testing.assert_allclose(across[0], 0, atol=1e-12)
    curled = dex_retargeting(hand(side, np.full((5, 3), 0.4), wrist=BACK_TO_CAMERA)[0], side)
    assert (curled[[8, 12, 16, 20], 0] > 0.02).all(), "fingers curl into the palm"


def test_dex_retargeting_mirrors() -> None:
    joints, _ = random_hand(np.random.default_rng(3))
    right, left = dex_retargeting(joints, Side.RIGHT), dex_retargeting(joints @ MIRROR_X, Side.LEFT)
    np.testing.assert_allclose(left, right * (1, -1, 1), atol=1e-12)


@pytest.mark.parametrize("joints", [np.zeros((21, 3)), np.zeros((20, 3))])
def test_dex_retargeting_refuses_what_is_no_hand(joints: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"line|expected"):
        dex_retargeting(joints, Side.LEFT)
