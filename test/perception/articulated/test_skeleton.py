"""The runtime's skeleton is the hand that networks are trained with."""

from __future__ import annotations

import numpy as np
import pytest

from handmesh_ros.hand import Side
from handmesh_ros.hand_proportions import PHALANX_LENGTHS, ROOT_PLACES
from handmesh_ros.perception.articulated.skeleton import FINGER_FRAMES, HABITS, LEAST, MOST
from handmesh_ros.perception.frames import joint_rotations


def test_lengths_and_roots_are_those_of_the_template() -> None:
    template = pytest.importorskip("handmesh_training.template")
    shapes = pytest.importorskip("handmesh_training.template.shapes")
    hand = template.HandTemplate.load()
    joints = hand.pose(np.stack(list(hand.poses.values())), shapes.mean_shape(hand.rig))[1]
    joints = (joints - joints[:, :1]) / hand.reference_size_m
    fingers = joints[:, 1:].reshape(-1, 5, 4, 3)
    np.testing.assert_allclose(PHALANX_LENGTHS, np.linalg.norm(np.diff(fingers, axis=2), axis=-1).mean(0), atol=0.005)
    roots = [finger[:, 0] @ joint_rotations(one, Side.RIGHT)[0] for finger, one in zip(fingers, joints, strict=True)]
    np.testing.assert_allclose(ROOT_PLACES, np.mean(roots, axis=0), atol=0.03)


def test_the_skeleton_is_one() -> None:
    np.testing.assert_allclose(FINGER_FRAMES @ FINGER_FRAMES.transpose(0, 2, 1), np.tile(np.eye(3), (5, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(FINGER_FRAMES), 1.0)
    assert ((LEAST < HABITS) & (HABITS < MOST)).all()
