"""What the teleop node sends to robots: pure builders, and a gripper that may be an action."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, Twist, TwistStamped, Vector3
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, Header

from handmesh_ros.perception.quaternions import quaternions_xyzw
from handmesh_ros.teleop.errors import TeleopError
from handmesh_ros.teleop.follower import ToolCommand


def pose_command(header: Header, command: ToolCommand) -> PoseStamped:
    x, y, z = command.pose.position.tolist()
    qx, qy, qz, qw = quaternions_xyzw(command.pose.rotation[None])[0].tolist()
    pose = Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw))
    return PoseStamped(header=header, pose=pose)


def twist_command(header: Header, command: ToolCommand) -> TwistStamped:
    """The velocity of the step; the last one before a stop is zero."""
    (x, y, z), (rx, ry, rz) = command.velocity.tolist(), command.turning.tolist()
    twist = Twist(linear=Vector3(x=x, y=y, z=z), angular=Vector3(x=rx, y=ry, z=rz))
    return TwistStamped(header=header, twist=twist)


class PoseOutput:
    """Commands as poses."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(PoseStamped, "pose_command", 5)

    def begin(self) -> None:
        """An engagement begins."""

    def send(self, header: Header, command: ToolCommand) -> None:
        self._publisher.publish(pose_command(header, command))


class TwistOutput:
    """Commands as velocities."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(TwistStamped, "twist_command", 5)

    def begin(self) -> None:
        """An engagement begins."""

    def send(self, header: Header, command: ToolCommand) -> None:
        self._publisher.publish(twist_command(header, command))


class ForwardGripper:
    """A gripper behind a forward_command_controller: one joint's position."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(Float64MultiArray, "gripper_commands", 5)

    def move_to(self, position: float) -> None:
        self._publisher.publish(Float64MultiArray(data=[position]))


class ParallelGripper:
    """A gripper behind a parallel_gripper_controller.

    Raises:
        TeleopError: control_msgs is not installed, or older than the action.
    """

    def __init__(self, node: Node, joint: str) -> None:
        try:
            from control_msgs.action import ParallelGripperCommand
        except ImportError as error:
            raise TeleopError(
                f"control_msgs with ParallelGripperCommand is missing ({error}): apt install ros-$ROS_DISTRO-control-msgs, or use "
                "gripper:=forward with a forward_command_controller"
            ) from error
        from rclpy.action import ActionClient

        self._node, self._joint, self._action = node, joint, ParallelGripperCommand
        self._client: Any = ActionClient(node, ParallelGripperCommand, "gripper_cmd")

    def move_to(self, position: float) -> None:
        if not self._client.server_is_ready():
            self._node.get_logger().warning("the gripper does not move: no action server on gripper_cmd (is its controller active?)")
            return
        goal = self._action.Goal(command=JointState(name=[self._joint], position=[position]))
        self._client.send_goal_async(goal)
