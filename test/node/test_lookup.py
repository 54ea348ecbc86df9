"""A consumer with a real tf2 buffer looks a fingertip up in its `hands` callback, as most do: in one thread, without waiting."""

from __future__ import annotations

import pytest

pytest.importorskip("tf2_py", reason="needs the real tf2_ros, which apt gives a robot and PyPI lacks")

from geometry_msgs.msg import TransformStamped
from handmesh_ros.msg import Hand as HandMessage
from handmesh_ros.msg import HandArray
from rclpy.time import Time
from support.paths import REPO
from support.ros_world import World
from tf2_ros import Buffer, StaticTransformBroadcaster, TransformException, TransformListener

pytestmark = pytest.mark.timeout(240)
SIDES = {HandMessage.SIDE_LEFT: "left", HandMessage.SIDE_RIGHT: "right"}


def test_lookups_in_the_hands_callback_succeed(world: World) -> None:
    buffer = Buffer()
    listener = TransformListener(buffer, world.node)
    broadcaster = StaticTransformBroadcaster(world.node)
    mount = TransformStamped(child_frame_id="camera_optical_frame")
    mount.header.frame_id = "base_link"
    mount.transform.rotation.w = mount.transform.translation.z = 1.0
    broadcaster.sendTransform(mount)
    done: list[str] = []

    def heard(message: HandArray) -> None:
        for hand in message.hands:
            try:
                found = buffer.lookup_transform("base_link", f"{SIDES[hand.side]}_hand_index_tip", Time.from_msg(message.header.stamp))
            except TransformException as error:
                done.append(str(error))
            else:
                assert found.transform.translation.z == pytest.approx(1.0 + hand.joints[8].position.z, abs=1e-4)
                done.append("")

    world.node.create_subscription(HandArray, "hands", heard, 10)
    world.start("node.hand_node", max_hands=1).wait_for_log("ready")
    clip = REPO / "config" / "demo" / "demo.mp4"
    world.start("node.camera_node", input=clip, hfov_deg=56.0, loop=True, wait_for_subscribers=1)
    world.until(lambda: len(done) >= 100, "a hundred lookups", patience_s=200)
    failures = [text for text in done if text]
    assert len(failures) <= 0.01 * len(done), failures[:3]
    listener.unregister()
