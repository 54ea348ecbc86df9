"""Messages that wait until they are taken."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from std_msgs.msg import Header
from support.ros_world import World

from handmesh_ros.node.waiting import RclpyError, SleepingSubscription

LATEST = QoSProfile(depth=1)


def test_the_latest_message_waits_though_the_executor_spins_and_is_taken_once(world: World) -> None:
    sleeping = SleepingSubscription(world.node, Header, "topic", LATEST)
    as_bytes = SleepingSubscription(world.node, Header, "topic", LATEST, raw=True)
    assert sleeping.take() is None
    publisher = world.node.create_publisher(Header, "topic", 5)
    world.until(lambda: publisher.get_subscription_count() == 2, "both subscribe")
    for name in ("first", "second"):
        publisher.publish(Header(frame_id=name))
    world.spin(0.3)
    assert sleeping.take() == Header(frame_id="second")
    assert sleeping.take() is None
    assert deserialize_message(as_bytes.take(), Header) == Header(frame_id="second")


@pytest.mark.parametrize("depth", [1, 5])
def test_all_that_wait_are_taken_in_their_order_and_the_newest_stays_known(world: World, depth: int) -> None:
    sleeping = SleepingSubscription(world.node, Header, "topic", QoSProfile(depth=depth))
    assert sleeping.take_all() == [] and sleeping.latest() is None
    publisher = world.node.create_publisher(Header, "topic", 5)
    world.until(lambda: publisher.get_subscription_count() == 1, "it subscribes")
    sent = [Header(frame_id=name) for name in ("first", "second", "third")]
    for message in sent:
        publisher.publish(message)
    world.spin(0.3)
    if depth == 1:
        assert sleeping.latest() == sleeping.latest() == sent[-1]
    else:
        assert sleeping.take_all() == sent and sleeping.take_all() == []


def test_an_rclpy_without_the_call_is_named_at_once(world: World) -> None:
    older = SimpleNamespace(create_subscription=lambda *_, **__: SimpleNamespace(handle=object()))
    with pytest.raises(RclpyError, match="Humble"):
        SleepingSubscription(older, Header, "topic", LATEST)
