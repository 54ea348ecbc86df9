"""From a hand's motion to a tool's goal."""

from __future__ import annotations

import numpy as np
import pytest

from handmesh_ros.perception.rotations import rotation_matrix, rotation_vector
from handmesh_ros.teleop.errors import TeleopError
from handmesh_ros.teleop.mapping import PoseInSpace, Reference, axis_map, outside_dead_zone

HAND = PoseInSpace(np.array([0.1, 0.2, 0.5]), rotation_matrix(np.array([0.3, -1.0, 0.4])))
TOOL = PoseInSpace(np.array([0.4, 0.0, 0.3]), rotation_matrix(np.array([3.0, 0.2, 0.0])))


def test_a_camera_that_looks_ahead_sees_up_as_minus_y_and_ahead_as_z() -> None:
    rotation = axis_map("z -x -y")
    np.testing.assert_allclose(rotation @ [0, 0, 1], [1, 0, 0])
    np.testing.assert_allclose(rotation @ [1, 0, 0], [0, -1, 0])
    np.testing.assert_allclose(rotation @ [0, -1, 0], [0, 0, 1])
    assert np.linalg.det(rotation) == pytest.approx(1)


@pytest.mark.parametrize("text", ["", "x y", "x y y", "x y w", "--x y z", "xyz", "x y z z"])
def test_what_is_no_axis_map_is_refused(text: str) -> None:
    with pytest.raises(TeleopError, match="once each"):
        axis_map(text)


def test_a_mirror_image_is_refused() -> None:
    with pytest.raises(TeleopError, match="mirror image"):
        axis_map("x -y z")


def test_at_engagement_the_goal_is_where_the_tool_is() -> None:
    goal = Reference(HAND, TOOL, axis_map("z -x -y")).goal(HAND, 0.5, 1.0)
    np.testing.assert_allclose(goal.position, TOOL.position, atol=1e-12)
    np.testing.assert_allclose(goal.rotation, TOOL.rotation, atol=1e-12)


def test_motion_and_turn_are_taken_along_the_target_frames_axes_and_scaled() -> None:
    to_target = axis_map("z -x -y")
    turn = rotation_matrix(np.array([0.0, -0.4, 0.0]))  # about the camera's axis that points up
    moved = PoseInSpace(HAND.position + [0.0, 0.0, 0.1], turn @ HAND.rotation)
    goal = Reference(HAND, TOOL, to_target).goal(moved, 0.5, 0.25)
    np.testing.assert_allclose(goal.position - TOOL.position, [0.05, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rotation_vector(goal.rotation @ TOOL.rotation.T), [0, 0, 0.1], atol=1e-12)


def test_inside_the_dead_zone_the_goal_rests_and_outside_it_is_pulled_along_without_a_jump() -> None:
    inside = PoseInSpace(TOOL.position + [0.001, 0, 0], rotation_matrix(np.array([0, 0.01, 0])) @ TOOL.rotation)
    rests = outside_dead_zone(TOOL, inside, 0.002, 0.02)
    assert (rests.position == TOOL.position).all() and (rests.rotation == TOOL.rotation).all()
    outside = PoseInSpace(TOOL.position + [0.012, 0, 0], rotation_matrix(np.array([0, 0.12, 0])) @ TOOL.rotation)
    pulled = outside_dead_zone(TOOL, outside, 0.002, 0.02)
    np.testing.assert_allclose(pulled.position - TOOL.position, [0.01, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rotation_vector(pulled.rotation @ TOOL.rotation.T), [0, 0.1, 0], atol=1e-12)


def test_what_is_no_pose_is_told() -> None:
    assert HAND.is_rigid
    assert not PoseInSpace(np.array([0, np.nan, 0]), np.eye(3)).is_rigid
    assert not PoseInSpace(np.zeros(3), np.zeros((3, 3))).is_rigid
    assert not PoseInSpace(np.zeros(3), np.full((3, 3), np.inf)).is_rigid
