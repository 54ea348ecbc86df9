from __future__ import annotations

import numpy as np
import pytest
from support.synthetic_hand import hand

from handmesh_ros.hand import MIDDLE_MCP, WRIST, FloatArray, Side
from handmesh_training.labels.marks import MARKED_ROOTS, ROOT_ADVANCE, WRIST_RETREAT, joints_of_marks, keypoints_of_marks
from handmesh_training.template.hand_template import bone_sum


@pytest.fixture
def joints() -> FloatArray:
    found, _ = hand(Side.RIGHT, np.full((5, 3), 0.3))
    return (found - found[0]) / bone_sum(found)


def test_marks_put_where_a_teacher_puts_them_come_back_to_the_joints(joints: FloatArray) -> None:
    marks = _marked(joints)
    found = joints_of_marks(marks)
    assert bone_sum(found) == pytest.approx(1)
    assert np.linalg.norm(found - joints, axis=1).max() < 0.002  # of a hand's bones; the marks were moved by 0.0075 and more


def test_a_turned_hand_has_turned_joints(joints: FloatArray) -> None:
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    np.testing.assert_allclose(joints_of_marks(joints @ turn), joints_of_marks(joints) @ turn, atol=1e-12)


def test_keypoints_of_a_picture_move_from_the_marks_to_the_joints(joints: FloatArray) -> None:
    marks = _marked(joints)
    pixels_per_unit, corner = 500.0, np.array([320.0, 200.0])
    seen_joints, seen_marks = (
        corner + pixels_per_unit * bone_sum(joints) * points[:, :2] for points in (joints, _marked(joints, scaled=False))
    )
    found = keypoints_of_marks(seen_marks, marks)
    assert np.abs(seen_marks - seen_joints).max() > 3
    assert np.abs(found - seen_joints).max() < 1


def _marked(joints: FloatArray, scaled: bool = True) -> FloatArray:
    """Where a teacher puts its marks; the sum of their bones is 1, unless they shall stay beside the joints."""
    marks = joints.copy()
    along = joints[MARKED_ROOTS + 1] - joints[MARKED_ROOTS]
    marks[MARKED_ROOTS] += ROOT_ADVANCE * along / np.linalg.norm(along, axis=1, keepdims=True)
    forward = joints[MIDDLE_MCP] - joints[WRIST]
    marks[WRIST] -= WRIST_RETREAT * forward / np.linalg.norm(forward)
    return np.asarray(marks / bone_sum(marks)) if scaled else marks
