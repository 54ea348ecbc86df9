"""Commands as joint positions: inverse kinematics between the follower and ros2_control, for robots without MoveIt Servo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, Header

from handmesh_ros.hand import FloatArray
from handmesh_ros.messages.stamps import duration, seconds_of
from handmesh_ros.node.teleop_parameters import TeleopParameters
from handmesh_ros.node.tool_place import OLDEST_S
from handmesh_ros.teleop.errors import TeleopError
from handmesh_ros.teleop.follower import ToolCommand

STEPS_AHEAD = 2  # of a trajectory's point: the controller has not arrived when the next one comes


class JointOutput:
    """Positions of the arm's joints, from where ``joint_states`` says that they are at engagement.

    Raises:
        TeleopError: mujoco, mink or trajectory_msgs are missing, or the model cannot be used.
    """

    def __init__(self, node: Node, given: TeleopParameters) -> None:
        try:
            from handmesh_ros.robot.kinematics import ArmKinematics, within_speed
        except ImportError as error:
            raise TeleopError(f"output: {given.output} needs MuJoCo and mink ({error}): pip install mujoco mink") from error
        if not Path(given.robot_model).is_file():
            raise TeleopError(f"output: {given.output} needs the arm's model; robot_model: {given.robot_model!r} is no file")
        self._node, self._given, self._within_speed = node, given, within_speed
        self._kinematics = ArmKinematics(Path(given.robot_model), given.tool_frame, given.joints.split())
        self._state: JointState | None = None
        self._positions: FloatArray = np.zeros(0)
        self._sent_s: float | None = None
        node.create_subscription(JointState, "joint_states", self._on_state, 5)
        self._publisher, self._build = self._trajectory() if given.output == "trajectory" else self._array()

    def begin(self) -> None:
        """An engagement begins where the joints are.

        Raises:
            TeleopError: nobody says where, or says it no more.
        """
        now_s = self._node.get_clock().now().nanoseconds * 1e-9
        state = self._state
        if state is None or now_s - seconds_of(state.header.stamp) > OLDEST_S:
            raise TeleopError("no joint_states come: is joint_state_broadcaster active?")
        told = dict(zip(state.name, state.position, strict=False))
        if missing := [name for name in self._kinematics.joints if name not in told]:
            raise TeleopError(f"joint_states has no {missing[0]!r}: name the arm's joints in the parameter joints")
        self._positions, self._sent_s = np.array([told[name] for name in self._kinematics.joints]), None

    def send(self, _: Header, command: ToolCommand) -> None:
        dt = 1 / self._given.rate_hz if self._sent_s is None else command.time_s - self._sent_s
        self._sent_s = command.time_s
        wanted = self._kinematics.solve(command.pose, self._positions)
        self._positions = self._within_speed(self._positions, wanted, self._given.joint_speed_radps * dt)
        self._publisher.publish(self._build(self._positions.tolist()))

    def _array(self) -> tuple[Any, Any]:
        return self._node.create_publisher(Float64MultiArray, "joint_commands", 5), lambda positions: Float64MultiArray(data=positions)

    def _trajectory(self) -> tuple[Any, Any]:
        try:
            from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint
        except ImportError as error:
            raise TeleopError(f"trajectory_msgs is missing ({error}): apt install ros-$ROS_DISTRO-trajectory-msgs") from error
        ahead = duration(STEPS_AHEAD / self._given.rate_hz)
        names = list(self._kinematics.joints)

        def build(positions: list[float]) -> Any:
            return JointTrajectory(joint_names=names, points=[JointTrajectoryPoint(positions=positions, time_from_start=ahead)])

        return self._node.create_publisher(JointTrajectory, "joint_trajectory", 5), build

    def _on_state(self, message: JointState) -> None:
        self._state = message
