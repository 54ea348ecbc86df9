"""The hand node's publishers: what goes out for one frame, and what nobody listens to and is not computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile

from handmesh_ros.messages.frame_messages import MARKERS, MESH_FACES, MESSAGE_TYPES, FrameMessages, FrameResult, MessageSettings
from handmesh_ros.messages.types import Header
from handmesh_ros.node.qos import overridable

# Of topics that do not keep the five last messages; a number is the depth of the default one.
QOS: Mapping[str, int | QoSProfile] = {
    "/tf": 100,  # what tf2_ros.TransformBroadcaster does, and all it does
    "left/grasp": 1,
    "right/grasp": 1,
    MESH_FACES: QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL),
    "points": 1,
    MARKERS: 2,
    "overlay": 1,
    "overlay/compressed": 1,
}


class HandOutputs:
    """Publishes FrameResults. ``events`` is the callback group of the publishers' events."""

    def __init__(self, node: Node, events: CallbackGroup | None = None) -> None:
        self._publishers: dict[str, Publisher[Any]] = {
            topic: node.create_publisher(
                message_type, topic, QOS.get(topic, 5), callback_group=events, qos_overriding_options=overridable()
            )
            for topic, message_type in MESSAGE_TYPES.items()
        }
        self._messages: FrameMessages | None = None

    def set_model(self, name: str, faces: NDArray[np.integer], vertex_count: int) -> None:
        """Announce the triangles of the model that the next meshes come from."""
        self._messages = FrameMessages(name, faces, vertex_count)
        self._publishers[MESH_FACES].publish(self._messages.mesh_faces)

    def publish(self, result: FrameResult, settings: MessageSettings) -> None:
        """Publish everything that somebody listens to."""
        assert self._messages is not None, "a model comes before its hands"
        self._messages.settings = settings
        for topic, message in self._messages.of(result, self._is_heard):
            self._publishers[topic].publish(message)

    def clear(self, header: Header) -> None:
        """Nobody is there any more: take the markers away."""
        for message in self._messages.cleared_markers(header) if self._messages else ():
            self._publishers[MARKERS].publish(message)

    def _is_heard(self, topic: str) -> bool:
        return self._publishers[topic].get_subscription_count() > 0
