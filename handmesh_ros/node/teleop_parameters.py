"""The teleop node's table of parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_ros.node.parameter_table import ParameterTable, parameter
from handmesh_ros.teleop.follower import FollowerSettings
from handmesh_ros.teleop.gripping import GripSettings
from handmesh_ros.teleop.limited_motion import Limits, Workspace
from handmesh_ros.teleop.mapping import axis_map

NUMBER = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)"
GRIP = GripSettings()


def corner(default: str, description: str) -> Any:
    """A row for three coordinates."""
    pattern = rf"\s*{NUMBER}\s+{NUMBER}\s+{NUMBER}\s*"
    return parameter(default, description, pattern=pattern, expected="three numbers with blanks between", read_only=True)


@dataclass(frozen=True)
class TeleopParameters(ParameterTable):
    """The teleop node's. All count at start only: a motion under way keeps the limits that it began with."""

    side: str = parameter("right", "the hand that leads", choices=("left", "right"), read_only=True)
    target_frame: str = parameter("base_link", "frame of the commands", required=True, read_only=True)
    tool_frame: str = parameter(
        "tool0", "the frame that follows the hand; TF tells where it is at engagement", required=True, read_only=True
    )
    axis_map: str = parameter(
        "tf",
        "where the camera's axes point in `target_frame`: tf, or without a transform what x, y and z of `target_frame` are called in the "
        "camera's, such as 'z -x -y' for a camera that looks ahead and '-z x -y' for one that looks back",
        required=True,
        read_only=True,
    )
    scale: float = parameter(1.0, "metres of the tool for a metre of the hand", low=0.0, high=10.0, read_only=True)
    turn_scale: float = parameter(
        1.0, "radians of the tool for a radian of the hand; 0: it keeps its orientation", low=0.0, high=2.0, read_only=True
    )
    workspace_low: str = corner("0.2 -0.4 0.05", "lowest corner of the box that the tool stays in: x y z in `target_frame`, metres")
    workspace_high: str = corner("0.7 0.4 0.6", "its highest corner")
    speed_mps: float = parameter(
        0.25, "the tool's highest speed (default: ISO 10218-1's reduced speed)", low=0.001, high=2.0, read_only=True
    )
    acceleration_mps2: float = parameter(2.0, "its highest acceleration, also when it stops", low=0.01, high=50.0, read_only=True)
    turn_speed_radps: float = parameter(1.0, "the tool's highest turning speed", low=0.001, high=10.0, read_only=True)
    turn_acceleration_radps2: float = parameter(8.0, "its highest angular acceleration", low=0.01, high=200.0, read_only=True)
    dead_zone_m: float = parameter(0.002, "smaller motions of the hand (scaled) are not followed", low=0.0, high=0.1, read_only=True)
    dead_zone_rad: float = parameter(0.02, "smaller turns of the hand (scaled) are not followed", low=0.0, high=1.0, read_only=True)
    lost_after_s: float = parameter(
        0.3, "a hand that was not measured for so long is lost: the tool stops until engaged anew", low=0.05, high=2.0, read_only=True
    )
    rate_hz: float = parameter(100.0, "commands a second beside one for every image", low=20.0, high=1000.0, read_only=True)
    output: str = parameter(
        "pose",
        "what goes out: PoseStamped on `pose_command`, TwistStamped on `twist_command`, or with `robot_model` joint positions: "
        "Float64MultiArray on `joint_commands` (forward_command_controller), JointTrajectory on `joint_trajectory`",
        choices=("pose", "twist", "joints", "trajectory"),
        read_only=True,
    )
    robot_model: str = parameter(
        "", "file of the arm's model (MJCF, URDF), whose root is `target_frame`; for joint positions", read_only=True
    )
    joints: str = parameter("", "names of the arm's joints in the controller's order; empty: all of the model", read_only=True)
    joint_speed_radps: float = parameter(1.5, "highest speed of a joint", low=0.01, high=20.0, read_only=True)
    gripper: str = parameter(
        "none",
        "how `grasp` reaches a gripper: not, as Float64MultiArray on `gripper_commands` (forward_command_controller), or as the action "
        "`gripper_cmd` (parallel_gripper_controller)",
        choices=("none", "forward", "parallel"),
        read_only=True,
    )
    gripper_open: float = parameter(0.04, "the open gripper's joint, metres or radians", low=-10.0, high=10.0, read_only=True)
    gripper_closed: float = parameter(0.0, "the closed gripper's joint", low=-10.0, high=10.0, read_only=True)
    gripper_joint: str = parameter("gripper_joint", "name of that joint, for the action", read_only=True)
    close_below: float = parameter(GRIP.close_below, "aperture below which the gripper closes", low=0.0, high=1.0, read_only=True)
    open_above: float = parameter(
        GRIP.open_above, "aperture above which it opens; between the two nothing changes", low=0.0, high=1.0, read_only=True
    )

    def for_follower(self) -> FollowerSettings:
        """Those that the core wants to know.

        Raises:
            TeleopError: values that cannot be together.
        """
        return FollowerSettings(
            workspace=Workspace(_corner(self.workspace_low), _corner(self.workspace_high)),
            scale=self.scale,
            turn_scale=self.turn_scale,
            move=Limits(self.speed_mps, self.acceleration_mps2),
            turn=Limits(self.turn_speed_radps, self.turn_acceleration_radps2),
            dead_zone_m=self.dead_zone_m,
            dead_zone_rad=self.dead_zone_rad,
            lost_after_s=self.lost_after_s,
            grip=GripSettings(self.close_below, self.open_above),
        )

    def axes(self) -> FloatArray | None:
        """The rotation (3, 3) from the hand's frame to the target frame; None: TF tells.

        Raises:
            TeleopError: a text that says none.
        """
        return None if self.axis_map == "tf" else axis_map(self.axis_map)


def _corner(text: str) -> FloatArray:
    return np.array([float(word) for word in text.split()])
