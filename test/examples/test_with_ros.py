"""The examples that are nodes, as processes that hear hands from another one."""

from __future__ import annotations

import time

import numpy as np
import pytest
from support.known_hand import known_hand
from support.paths import REPO

pytest.importorskip("rclpy", reason="needs ROS 2")

from geometry_msgs.msg import PointStamped
from handmesh_ros.msg import HandArray
from rclpy.qos import DurabilityPolicy, QoSProfile
from support.ros_world import World
from tf2_msgs.msg import TFMessage

from handmesh_ros.hand import INDEX_TIP, Hand, Side
from handmesh_ros.messages.hand_array import HandArrayTemplate
from handmesh_ros.messages.transforms import TransformTemplate
from handmesh_ros.node.received import rotation_matrices

CAMERA_FRAME = "camera_optical_frame"


class HandNodeStandIn:
    """Sends what the hand node sends for these hands."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._hands = world.node.create_publisher(HandArray, "hands", 10)
        self._tf = world.node.create_publisher(TFMessage, "/tf", 10)

    def send(self, *hands: Hand) -> None:
        stamp = self._world.node.get_clock().now().to_msg()
        ages = {hand.track_id: 1.0 for hand in hands}
        self._hands.publish(HandArrayTemplate(CAMERA_FRAME, len(hands)).fill(stamp, hands, 0.02, ages))
        if hands:
            self._tf.publish(TransformTemplate(CAMERA_FRAME, [hand.side for hand in hands]).fill(stamp, hands))

    def send_until_seen(self, *hands: Hand) -> bool:
        """For ``World.until``: goes on sending."""
        self.send(*hands)
        return False


def test_listen_to_hands(world: World) -> None:
    node = HandNodeStandIn(world)
    listener = world.start_file(REPO / "examples" / "listen_to_hands.py")
    hand = known_hand(Side.LEFT, 1, position=(0.0, 0.0, 0.48))
    world.until(lambda: node.send_until_seen(hand) or "TF:" in listener.log, "a hand and its TF are heard")
    assert "left 3 tracking: wrist 0.48 m away" in listener.log
    assert f"TF: left_hand_wrist moves in {CAMERA_FRAME}" in listener.log
    assert "no hand" not in listener.log
    world.until(lambda: node.send_until_seen() or "no hand" in listener.log, "an image without a hand is told")
    time.sleep(0.5)  # for what it has heard already
    listener.interrupt()
    assert listener.wait() == 0 and "Traceback" not in listener.log


def test_fingertip_in_base_link(world: World) -> None:
    node = HandNodeStandIn(world)
    world.listen("right_index_tip", PointStamped)
    world.listen("/tf_static", TFMessage, QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    example = world.start_file(REPO / "examples" / "fingertip_in_base_link.py")
    right, left = known_hand(Side.RIGHT, 2, position=(0.1, 0.2, 0.5)), known_hand(Side.LEFT, 1, track_id=4)
    world.until(lambda: node.send_until_seen(right, left) or world.messages["right_index_tip"], "a fingertip comes")
    world.until(lambda: world.messages["/tf_static"], "the camera's place comes")
    found = world.messages["right_index_tip"][0]
    x, y, z = right.joints[INDEX_TIP]
    assert found.header.frame_id == "base_link"
    assert (found.point.x, found.point.y, found.point.z) == pytest.approx((z, -x, 1.0 - y)), "forward, left, up of a camera 1 m up"
    (link,) = world.messages["/tf_static"][0].transforms
    assert (link.header.frame_id, link.child_frame_id) == ("base_link", CAMERA_FRAME)
    place, turn = link.transform.translation, link.transform.rotation
    rotation = rotation_matrices(np.array([[turn.x, turn.y, turn.z, turn.w]]))[0]
    np.testing.assert_allclose(
        rotation @ right.joints[INDEX_TIP] + (place.x, place.y, place.z), (found.point.x, found.point.y, found.point.z)
    )
    time.sleep(0.5)  # for what it has heard already
    example.interrupt()
    assert example.wait() == 0 and "Traceback" not in example.log
