"""The topics on which a hand node tells of every image, joined into frames, and a frame as the page shows it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from handmesh_ros.hand import Hand
from handmesh_ros.messages.images import frame_of_image
from handmesh_ros.messages.stamps import seconds_of
from handmesh_ros.msg import HandArray, HandMesh
from handmesh_ros.node.joining import FrameJoiner, JoinedFrame
from handmesh_ros.node.qos import overridable
from handmesh_ros.node.received import hand_of_message
from handmesh_ros.node.waiting import SleepingSubscription
from handmesh_ros.view.page import ShownFrame

LATEST_PICTURE = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)  # the hand node never waits for a viewer


class FrameTopics:
    """Subscribes from its making to ``close``: the hand node makes meshes and pictures only for somebody who wants them.

    The picture is what the hand node sends last of a frame, so it alone wakes the executor up.

    Args:
        node: subscribes, in its namespace.
        show: takes the next frame, in the executor's thread.
    """

    def __init__(self, node: Node, show: Callable[[JoinedFrame], None]) -> None:
        self._node, self._show = node, show
        self._joiner = FrameJoiner()
        self._heard_s = time.monotonic()
        self._hands = SleepingSubscription(node, HandArray, "hands", QoSProfile(depth=5))
        self._meshes = SleepingSubscription(node, HandMesh, "mesh", QoSProfile(depth=10))
        self._pictures = node.create_subscription(Image, "overlay", self._on_picture, LATEST_PICTURE, qos_overriding_options=overridable())

    @property
    def silent_s(self) -> float:
        """Since hands came last, or since they were asked for."""
        return time.monotonic() - self._heard_s

    def look(self) -> None:
        """Call it now and then: without pictures, this alone shows what has come."""
        for hands in self._hands.take_all():
            self._heard_s = time.monotonic()
            self._joiner.add_hands(hands)
        for mesh in self._meshes.take_all():
            self._joiner.add_mesh(mesh)
        frame = self._joiner.take()
        if frame is not None:
            self._show(frame)

    def close(self) -> None:
        for subscription in (self._hands.subscription, self._meshes.subscription, self._pictures):
            self._node.destroy_subscription(subscription)

    def _on_picture(self, message: Image) -> None:
        self._joiner.add_picture(message)
        self.look()


def shown_frame(frame: JoinedFrame, faces: NDArray[np.integer], trouble: str = "") -> ShownFrame:
    """What a page shows of a frame.

    Args:
        faces: (F, 3) vertex numbers of a right hand.
        trouble: what is wrong although hands come, in words.
    """
    stamp_s = seconds_of(frame.hands.header.stamp)
    vertices = {mesh.track_id: np.array(mesh.vertices, np.float32).reshape(-1, 3) for mesh in frame.meshes}
    seen: list[Hand] = []
    for message in frame.hands.hands:
        hand = hand_of_message(message, stamp_s)
        seen.append(replace(hand, vertices=vertices.get(hand.track_id, hand.vertices)))
    latency_s = seconds_of(frame.hands.hands[0].latency) if seen else math.nan
    picture = None if frame.picture is None else partial(frame_of_image, frame.picture)
    return ShownFrame(picture, seen, faces, stamp_s, latency_s, trouble)
