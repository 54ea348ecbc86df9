"""Joint orientations against chains of bones whose orientations are known."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from support.synthetic_hand import MIRROR_X, THUMB_SPREAD, hand, random_hand, random_rotation, rotation

from handmesh_ros.hand import Side
from handmesh_ros.perception.frames import joint_rotations, viewing_ray_rotation

SIDES = pytest.mark.parametrize("side", list(Side))
SEEDS = st.integers(0, 2**32 - 1)


def assert_rotations(rotations: np.ndarray) -> None:
    assert np.isfinite(rotations).all()
    np.testing.assert_allclose(rotations @ rotations.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (21, 3, 3)), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(rotations), 1.0, atol=1e-9)


def angles_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # By the chord: the arc cosine of the trace knows no angle below 1e-8.
    return 2 * np.arcsin(np.clip(np.linalg.norm(a - b, axis=(1, 2)) / np.sqrt(8), 0, 1))


@SIDES
def test_known_chain_is_recovered(side: Side) -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        joints, truth = random_hand(rng, side)
        assert angles_between(joint_rotations(joints + rng.normal(size=3), side), truth).max() < 1e-6


@SIDES
def test_bent_finger_shows_its_own_plane_though_spread(side: Side) -> None:
    """Abduction turns the plane that a finger bends in; carrying alone would not know."""
    flexion = np.tile([0.5, 1.2, 0.8], (5, 1))
    joints, truth = hand(side, flexion, abduction=np.array([0.1, 0.2, 0.0, -0.15, -0.3]))
    assert angles_between(joint_rotations(joints, side), truth).max() < 1e-6


@SIDES
def test_words_of_the_definition(side: Side) -> None:
    """An open hand with its back to the camera, fingers up: x up, z to the camera; a finger bends about +y, into the palm."""
    up, to_camera = np.array([0.0, -1, 0]), np.array([0.0, 0, -1])
    wrist = np.column_stack([up, np.cross(to_camera, up), to_camera])
    rotations = joint_rotations(hand(side, np.zeros((5, 3)), wrist=wrist)[0], side)
    np.testing.assert_allclose(rotations[[0, 5, 9, 13, 17]], np.broadcast_to(wrist, (5, 3, 3)), atol=1e-12)
    np.testing.assert_array_equal(rotations[8], rotations[7])
    # The thumb of a right hand seen from its back is on the left, and its nail looks there.
    outwards = np.array([-1.0, 0, 0]) if side is Side.RIGHT else np.array([1.0, 0, 0])
    assert rotations[1][:, 2] @ outwards == pytest.approx(np.cos(THUMB_SPREAD))
    bent = joint_rotations(hand(side, np.full((5, 3), 0.3), wrist=wrist)[0], side)
    np.testing.assert_allclose(bent[6], wrist @ rotation(1, 0.6), atol=1e-12)
    assert bent[8][2, 0] > 0, "bent fingertips point away from a camera that sees the back"


@SIDES
def test_continuous_while_fingers_straighten(side: Side) -> None:
    """From a fist over straight to bent backwards, spread: no step of one degree of flexion turns a frame by more than five."""
    spread = np.array([0.1, 0.2, 0.0, -0.15, -0.3])
    curls = np.radians(np.arange(95.0, -25.0, -1.0))
    frames = [joint_rotations(hand(side, np.full((5, 3), curl) * (0.8, 1.0, 0.7), spread)[0], side) for curl in curls]
    turns = np.degrees([angles_between(a, b).max() for a, b in itertools.pairwise(frames)])
    assert turns.max() < 5.0


def test_straight_finger_does_not_amplify_noise() -> None:
    """0.1 mm at the joints of straight fingers turns no frame by more than what the bones' own directions turn by."""
    rng = np.random.default_rng(3)
    joints, truth = hand(Side.RIGHT, np.zeros((5, 3)))
    worst = max(angles_between(joint_rotations(joints + rng.normal(scale=1e-4, size=(21, 3)), Side.RIGHT), truth).max() for _ in range(200))
    assert np.degrees(worst) < 2.0


@given(SEEDS, st.sampled_from(list(Side)))
def test_rotating_the_world_rotates_the_frames(seed: int, side: Side) -> None:
    rng = np.random.default_rng(seed)
    joints = random_hand(rng, side)[0] + rng.normal(scale=0.004, size=(21, 3))
    turn = random_rotation(rng)
    expected = turn @ joint_rotations(joints, side)
    assert angles_between(joint_rotations(joints @ turn.T, side), expected).max() < 1e-6


@given(SEEDS, st.sampled_from(list(Side)))
def test_mirroring_the_world_mirrors_the_frames(seed: int, side: Side) -> None:
    """y = z cross x changes its sign in a mirror: that is what keeps the definition the same for both hands."""
    rng = np.random.default_rng(seed)
    joints = random_hand(rng, side)[0] + rng.normal(scale=0.004, size=(21, 3))
    expected = MIRROR_X @ joint_rotations(joints, side) @ np.diag([1.0, -1.0, 1.0])
    np.testing.assert_allclose(joint_rotations(joints @ MIRROR_X, side.other), expected, atol=1e-9)


@given(SEEDS, st.floats(0.01, 100))
def test_size_and_place_do_not_matter(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    joints = random_hand(rng)[0]
    assert angles_between(joint_rotations(joints * scale + 1.0, Side.RIGHT), joint_rotations(joints, Side.RIGHT)).max() < 1e-6


@settings(max_examples=300)
@given(arrays(np.float64, (21, 3), elements=st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e-12, 1e6])), st.sampled_from(list(Side)))
def test_any_finite_input_gives_rotations(joints: np.ndarray, side: Side) -> None:
    """Points on top of each other, in one line, bent back by 180 degrees: the answer may mean little, but it is a rotation."""
    rotations = joint_rotations(joints, side)
    assert_rotations(rotations)
    np.testing.assert_array_equal(rotations, joint_rotations(joints.copy(), side))


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_viewing_ray_rotation_turns_the_axis_to_the_ray_and_nothing_else(a: float, b: float) -> None:
    turn = viewing_ray_rotation(np.array([a, b]))
    ray = np.array([a, b, 1]) / np.sqrt(a * a + b * b + 1)
    np.testing.assert_allclose(turn @ [0, 0, 1], ray, atol=1e-12)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    across = np.array([-b, a, 0])  # the axis of the smallest turn stays where it is
    np.testing.assert_allclose(turn @ across, across, atol=1e-12)
