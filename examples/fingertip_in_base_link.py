"""Where the camera sits on the robot, and with it the index fingertip in the robot's frame.

    ros2 launch handmesh_ros hand.launch.py      # in one terminal
    python examples/fingertip_in_base_link.py    # in another

Expect the transform of ``CAMERA_ON_ROBOT`` on /tf_static, and on ``right_index_tip`` a PointStamped in ``base_link`` for every image
that shows a right hand: a camera 1 m up that looks ahead sees a fingertip 0.5 m before it at (0.5, 0, 1). Where tf2_ros is at hand,
a tf2_ros.Buffer does the same for any two frames; with one fixed camera it is a matrix and a sum.
"""

import numpy as np
import rclpy
from geometry_msgs.msg import Point, PointStamped, Quaternion, Transform, TransformStamped, Vector3
from handmesh_ros.msg import HandArray
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from handmesh_ros.hand import INDEX_TIP, Side
from handmesh_ros.node.received import hand_of_message
from handmesh_ros.perception.quaternions import quaternions_xyzw

# base_link is x forward, y left, z up (REP 103); the camera's optical frame is x right, y down, z forward. Columns: its axes in base_link.
CAMERA_ON_ROBOT = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]), np.array([0.0, 0.0, 1.0])  # looks ahead, 1 m above the ground


class FingertipInBaseLink(Node):
    """Says where the camera is, and turns fingertips into the robot's frame."""

    def __init__(self) -> None:
        super().__init__("fingertip_in_base_link")
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._static = self.create_publisher(TFMessage, "/tf_static", latched)
        self._fingertip = self.create_publisher(PointStamped, "right_index_tip", 10)
        self._camera_frame = ""
        self.create_subscription(HandArray, "hands", self._on_hands, 10)

    def _on_hands(self, message: HandArray) -> None:
        rotation, position = CAMERA_ON_ROBOT
        if message.header.frame_id != self._camera_frame:
            self._camera_frame = message.header.frame_id
            self._say_where_the_camera_is(Header(stamp=message.header.stamp, frame_id="base_link"))
        for found in message.hands:
            hand = hand_of_message(found, 0.0)
            if hand.side is Side.RIGHT and hand.metric:  # without a calibration there are no metres to turn
                x, y, z = (rotation @ hand.joints[INDEX_TIP] + position).tolist()
                header = Header(stamp=message.header.stamp, frame_id="base_link")
                self._fingertip.publish(PointStamped(header=header, point=Point(x=x, y=y, z=z)))

    def _say_where_the_camera_is(self, header: Header) -> None:
        rotation, (x, y, z) = CAMERA_ON_ROBOT
        qx, qy, qz, qw = quaternions_xyzw(rotation[None])[0].tolist()
        transform = Transform(translation=Vector3(x=x, y=y, z=z), rotation=Quaternion(x=qx, y=qy, z=qz, w=qw))
        link = TransformStamped(header=header, child_frame_id=self._camera_frame, transform=transform)
        self._static.publish(TFMessage(transforms=[link]))


def main() -> None:
    rclpy.init()
    try:
        rclpy.spin(FingertipInBaseLink())
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # Ctrl-C
    finally:
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
