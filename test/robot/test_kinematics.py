"""Inverse kinematics of an arm from its model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs MuJoCo: pip install mujoco mink")
pytest.importorskip("mink", reason="needs mink: pip install mujoco mink")

from handmesh_ros.files import clip_file
from handmesh_ros.hand import Side
from handmesh_ros.hand_urdf import hand_urdf
from handmesh_ros.robot.kinematics import ArmKinematics, within_speed
from handmesh_ros.robot.simulated_arm import HOME_AXES, HOME_GUESS, HOME_PLACE, JOINTS
from handmesh_ros.teleop.errors import TeleopError
from handmesh_ros.teleop.mapping import PoseInSpace

ARM = clip_file("robot/arm.xml")


def test_a_small_way_of_the_tool_is_a_small_way_of_the_joints() -> None:
    arm = ArmKinematics(ARM, "tool0", JOINTS)
    before = arm.solve(PoseInSpace(HOME_PLACE, HOME_AXES), HOME_GUESS, 50)
    after = arm.solve(PoseInSpace(HOME_PLACE + [0.002, 0, 0], HOME_AXES), before)
    assert 0 < np.abs(after - before).max() < 0.02
    np.testing.assert_allclose(arm.solve(PoseInSpace(HOME_PLACE, HOME_AXES), before), before, atol=1e-4)


def test_joints_are_all_of_one_degree_of_freedom_unless_they_are_named() -> None:
    assert ArmKinematics(ARM, "tool0").joints == (*JOINTS, "left_finger", "right_finger")


@pytest.mark.parametrize(
    ("frame", "joints", "text"),
    [("tool1", (), "no site or body 'tool1'; there are tool0"), ("tool0", ("hip",), "no joint 'hip'; there are yaw")],
)
def test_names_that_the_model_lacks_are_told_with_those_that_it_has(frame: str, joints: tuple[str, ...], text: str) -> None:
    with pytest.raises(TeleopError, match=text):
        ArmKinematics(ARM, frame, joints)


def test_a_file_that_is_no_model_is_refused_and_a_urdf_is_one(tmp_path: Path) -> None:
    broken = tmp_path / "arm.xml"
    broken.write_text("<mujoco><worldbody>")
    with pytest.raises(TeleopError, match="MuJoCo cannot read this model"):
        ArmKinematics(broken, "tool0")
    urdf = tmp_path / "hand.urdf"
    urdf.write_text(hand_urdf(Side.RIGHT, 0.09))
    assert len(ArmKinematics(urdf, "right_model_index_dip").joints) == 20


def test_no_joint_is_faster_than_it_may_be() -> None:
    before = np.array([0.0, 1.0])
    np.testing.assert_allclose(within_speed(before, np.array([0.4, 0.8]), 0.1), [0.1, 0.95])
    np.testing.assert_allclose(within_speed(before, np.array([0.05, 1.0]), 0.1), [0.05, 1.0])
