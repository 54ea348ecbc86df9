"""Where the tool and the hand's frame are, by TF."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.time import Time

from handmesh_ros.hand import FloatArray
from handmesh_ros.messages.stamps import seconds_of
from handmesh_ros.node.received import rotation_matrices
from handmesh_ros.teleop.errors import TeleopError
from handmesh_ros.teleop.mapping import PoseInSpace

OLDEST_S = 0.5  # robot_state_publisher sends what moves 20 times a second by default; ten missed are none any more


class ToolPlace:
    """Listens to TF.

    Raises:
        TeleopError: tf2_ros is not installed.
    """

    def __init__(self, node: Node, target_frame: str, tool_frame: str) -> None:
        try:
            from tf2_ros import Buffer, TransformException, TransformListener
        except ImportError as error:
            raise TeleopError(f"tf2_ros is missing ({error}): apt install ros-$ROS_DISTRO-tf2-ros-py") from error
        self._node, self._target, self._tool = node, target_frame, tool_frame
        self._buffer, self._failure = Buffer(), TransformException
        self._listener = TransformListener(self._buffer, node)

    def tool(self) -> PoseInSpace:
        """The tool in the target frame, now.

        Raises:
            TeleopError: TF does not know, or does not know any more.
        """
        found = self._lookup(self._tool)
        stamp_s, now_s = seconds_of(found.header.stamp), self._node.get_clock().now().nanoseconds * 1e-9
        if stamp_s > 0 and now_s - stamp_s > OLDEST_S:
            raise TeleopError(f"the transform of {self._tool} is {now_s - stamp_s:.1f} s old: is the robot's driver running?")
        place = found.transform.translation
        return PoseInSpace(np.array([place.x, place.y, place.z]), _rotation(found))

    def axes_of(self, frame: str) -> FloatArray:
        """The rotation (3, 3) from a frame to the target frame.

        Raises:
            TeleopError: TF does not know.
        """
        return _rotation(self._lookup(frame))

    def _lookup(self, frame: str) -> TransformStamped:
        try:
            found: TransformStamped = self._buffer.lookup_transform(self._target, frame, Time())
        except self._failure as error:
            raise TeleopError(f"no transform from {frame} to {self._target}: {error}") from error
        return found


def _rotation(found: TransformStamped) -> FloatArray:
    turn = found.transform.rotation
    rotation: FloatArray = rotation_matrices(np.array([[turn.x, turn.y, turn.z, turn.w]]))[0]
    return rotation
