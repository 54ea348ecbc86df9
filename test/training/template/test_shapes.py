"""Shapes of hands: the mean hand has the published lengths, and people differ as published."""

import numpy as np
import pytest

from handmesh_ros.hand import INDEX_MCP, JOINT_NAMES, MIDDLE_MCP, WRIST, FloatArray
from handmesh_training.template import HandTemplate
from handmesh_training.template.shapes import RATIO_SD, SIZE_SD, mean_shape, sample_shapes

COUNT = 4000
INDEX, MIDDLE, RING = ([first, first + 1, first + 2, first + 3] for first in (5, 9, 13))


@pytest.fixture(scope="module")
def template() -> HandTemplate:
    return HandTemplate.load()


@pytest.fixture(scope="module")
def mean_joints(template: HandTemplate) -> FloatArray:
    """Millimetres."""
    return 1000 * template.pose(template.rig.rest_rotations, mean_shape(template.rig))[1]


@pytest.fixture(scope="module")
def people(template: HandTemplate) -> FloatArray:
    """(COUNT, 21, 3) joints of random hands at rest."""
    rig = template.rig
    scale = sample_shapes(rig, np.random.default_rng(3), COUNT)
    return rig.joint_positions(rig.bone_transforms(np.repeat(rig.rest_rotations[None], COUNT, 0), scale))


def lengths(joints: FloatArray, chain: list[int]) -> FloatArray:
    return np.asarray(np.linalg.norm(np.diff(joints[..., chain, :], axis=-2), axis=-1))


@pytest.mark.parametrize(
    ("finger", "bones"),
    [
        # Buryanov and Kotiuk 2010, mm: proximal, middle, distal phalanx.
        ("index", (39.8, 22.4, 15.8)), ("middle", (44.6, 26.3, 17.4)), ("ring", (41.4, 25.7, 17.3)), ("little", (32.7, 18.1, 16.0)),
    ],
)  # fmt: skip
def test_fingers_are_as_long_as_their_bones(mean_joints: FloatArray, finger: str, bones: tuple[float, ...]) -> None:
    first = JOINT_NAMES.index(f"{finger}_mcp")
    proximal, middle, distal = lengths(mean_joints, [first, first + 1, first + 2, first + 3])
    # Joints turn within the head of the bone before: at most the half of a head's depth apart from the ends of the bone.
    assert bones[0] + 2 < proximal < bones[0] + 5
    assert bones[1] < middle < bones[1] + 2
    assert distal == pytest.approx(bones[2] + 4.0, abs=0.5), "4 mm of pulp, of which the mark keeps away as far as the joint from the bone"
    assert proximal + middle + distal == pytest.approx(sum(bones) + 4.0 + 7.0 - 2.5, abs=0.1)


def test_the_thumb_is_as_long_as_its_bones(mean_joints: FloatArray, template: HandTemplate) -> None:
    rig = template.rig
    root = 1000 * rig.bone_transforms(rig.rest_rotations, mean_shape(rig))[rig.bone("Thumb_Metacarpal_R"), :3, 3]
    assert np.linalg.norm(mean_joints[2] - root) == pytest.approx(46.2 - 7.0, abs=0.1)
    assert np.allclose(lengths(mean_joints, [2, 3, 4]), (31.6 + 3.5, 21.7 + 3.5 + 4.0 - 2.5), atol=0.1)


def test_palm_and_wrist_are_in_proportion_to_the_fingers(mean_joints: FloatArray) -> None:
    palm = np.linalg.norm(mean_joints[[5, 9, 13, 17]] - mean_joints[WRIST], axis=1)
    # Metacarpals without their heads, 61, 58, 51, 47 mm, and the carpus before them.
    assert np.all((palm > 75) & (palm < 88)) and palm[0] > palm[1] > palm[2]
    # Buchholz, Armstrong and Goldstein 1992: 0.266 of the hand's length to 0.446; their wrist is at the crease, 3 to 8 mm behind.
    proximal = lengths(mean_joints, MIDDLE)[0]
    assert 0.266 / 0.446 < proximal / palm[1] < 0.266 / 0.40
    # Adults' hands: 187 mm from the crease of the wrist.
    assert palm[1] + lengths(mean_joints, MIDDLE).sum() + 2.5 == pytest.approx(187 - 7, abs=3)


def test_hands_vary_in_size_and_fingers_against_palm(people: FloatArray, template: HandTemplate) -> None:
    size = np.linalg.norm(people[:, MIDDLE_MCP] - people[:, WRIST], axis=1)
    finger = lengths(people, MIDDLE).sum(1)
    assert np.log(size + finger).std() == pytest.approx(SIZE_SD, rel=0.1)
    # The finger's own rest comes on top.
    assert RATIO_SD < np.log(finger / size).std() < RATIO_SD + 0.012
    assert 0.7 < np.corrcoef(size, finger)[0, 1] < 0.95
    assert abs(size.mean() - template.reference_size_m) < 0.003
    assert size.min() > 0.055 and size.max() < 0.115


def test_index_and_ring_finger_differ_as_in_people(people: FloatArray) -> None:
    """The digit ratio's standard deviation is 0.03 (Manning et al. 1998)."""
    ratio = np.log(lengths(people, INDEX).sum(1) / lengths(people, RING).sum(1))
    assert ratio.std() == pytest.approx(0.03, abs=0.005)


def test_bones_vary_one_by_one_as_published(people: FloatArray) -> None:
    """Coefficients of variation of phalanges are published between 5 and 9 %."""
    for chain in (INDEX, MIDDLE, RING):
        spread = np.log(lengths(people, chain)).std(0)
        assert np.all((spread > 0.05) & (spread < 0.09))


def test_knuckles_do_not_step(people: FloatArray) -> None:
    palm = np.linalg.norm(people[:, [INDEX_MCP, MIDDLE_MCP]] - people[:, None, WRIST], axis=2)
    assert np.log(palm[:, 0] / palm[:, 1]).std() < 0.025


def test_thickness_varies_apart_from_lengths(template: HandTemplate) -> None:
    rig = template.rig
    logs = np.log(sample_shapes(rig, np.random.default_rng(4), COUNT) / mean_shape(rig))
    bone = rig.bone("Middle_Intermediate_R")
    assert 0.08 < (logs[:, bone, 0] - logs[:, bone, 1]).std() < 0.14
    assert (logs[:, bone, 0] == logs[:, bone, 2]).all()
