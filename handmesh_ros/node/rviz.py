"""Opens RViz on the frame that a camera's images are in, which only its messages tell.

``ros2 run handmesh_ros rviz --ros-args -r camera_info:=/camera/camera_info``
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo

from handmesh_ros.errors import HandmeshError
from handmesh_ros.files import package_file
from handmesh_ros.node.process import END_SIGNALS, spin


class RvizError(HandmeshError, RuntimeError):
    """RViz cannot be opened; the message says what to install."""


class FrameListener(Node):
    """Ends with the first camera_info.

    Attributes:
        program: the path of RViz.
        frame_id: of that message; empty before it came.

    Raises:
        RvizError: there is no RViz.
    """

    def __init__(self) -> None:
        super().__init__("rviz_waits")
        try:
            self.program = f"{get_package_prefix('rviz2')}/lib/rviz2/rviz2"
        except PackageNotFoundError:
            raise RvizError("RViz is not installed: sudo apt install ros-$ROS_DISTRO-rviz2") from None
        self.frame_id = ""
        topic = self.create_subscription(CameraInfo, "camera_info", self._heard, qos_profile_sensor_data).topic_name
        self.get_logger().info(f"RViz opens with the first message on {topic}: it tells the camera's frame (fixed_frame:=... does so too)")

    def _heard(self, message: CameraInfo) -> None:
        self.frame_id = message.header.frame_id
        raise SystemExit(0)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv if argv is None else argv)
    listeners: list[FrameListener] = []

    def make() -> FrameListener:
        listeners.append(FrameListener())
        return listeners[0]

    code = spin(make, arguments)
    if listeners and listeners[0].frame_id:
        program = listeners[0].program
        for number in END_SIGNALS:
            signal.signal(number, signal.SIG_DFL)  # else RViz would begin with what ended this node ignored
        os.execv(program, [program, "-d", str(package_file("config/hand.rviz")), "-f", listeners[0].frame_id, *arguments[1:]])
    return code


if __name__ == "__main__":
    sys.exit(main())
