"""Wild messages can be sent, and differ from those that are meant."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from handmesh_ros.msg import Hand, HandArray
from handmesh_ros.srv import CalibrateHandSize
from rcl_interfaces.msg import ParameterValue
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage

from handmesh_ros.bench.fuzz.wild import fields_of, make_wild, malformed


@pytest.mark.parametrize("kind", [Image, CameraInfo, TFMessage, HandArray, ParameterValue, CalibrateHandSize.Request])
def test_any_message_can_be_made_wild_and_sent(kind: type) -> None:
    made = []
    for seed in range(100):
        message = kind()
        if kind is HandArray:
            message.hands = [Hand()]
        if list(fields_of(message)):
            make_wild(message, np.random.default_rng(seed))
        made.append(bytes(serialize_message(message)))
        deserialize_message(made[-1], kind)
    assert len(set(made)) > 20 or kind is TFMessage  # an empty tree has no field


def test_a_malformed_message_keeps_its_beginning_and_is_not_longer() -> None:
    content = bytes(serialize_message(CameraInfo()))
    for seed in range(50):
        damage = malformed(content, np.random.default_rng(seed), kept=20)
        assert damage[:20] == content[:20] and len(damage) <= len(content)
