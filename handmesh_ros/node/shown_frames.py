"""Listens to a hand node for a viewer: frames with their hands, meshes and pictures, clutches, and what the node says is wrong."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Bool

from handmesh_ros.hand import Hand, Side
from handmesh_ros.messages.build import seconds_of
from handmesh_ros.messages.images import frame_of_image
from handmesh_ros.msg import HandArray, HandMesh, HandMeshFaces
from handmesh_ros.node.answering import surviving
from handmesh_ros.node.joining import FrameJoiner, FrameParts
from handmesh_ros.node.qos import overridable
from handmesh_ros.node.received import hand_of_message
from handmesh_ros.node.teleop import CLUTCH_QOS
from handmesh_ros.view.page import ShownFrame

LATEST_PICTURE = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)  # the node must never wait for a viewer
DIAGNOSTICS_AGE_S = 3.0  # they come once a second


class HandNodeListener:
    """The topics of the hand node in this namespace.

    Args:
        node: subscribes.
        hand_node: the hand node's full name, by which its diagnostics are known.
        show: takes the next frame, in the executor's thread.
        show_clutch: takes the state of a side's clutch.
        model_came: is called when a hand node has come, or has loaded a model.

    Attributes:
        heard_s: when hands came last, or when this began, by the monotonic clock.
    """

    def __init__(
        self,
        node: Node,
        hand_node: str,
        show: Callable[[ShownFrame], None],
        show_clutch: Callable[[Side, bool], None],
        model_came: Callable[[], None],
    ) -> None:
        self._node, self._hand_node, self._show, self._model_came = node, hand_node, show, model_came
        self._joiner = FrameJoiner()
        self._faces: NDArray[np.integer] = np.zeros((0, 3), np.uint16)
        self._viewers_topics: list[Any] = []
        self._said: tuple[float, bytes, str] = (-math.inf, DiagnosticStatus.OK, "")
        self.heard_s = time.monotonic()
        self._subscribe(HandArray, "hands", self._on_hands, 5)
        self._subscribe(HandMeshFaces, "mesh_faces", self._on_faces, QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self._subscribe(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        for side in Side:
            self._subscribe(Bool, f"{side.value}/clutch", partial(_on_clutch, show_clutch, side), CLUTCH_QOS)

    def watch(self, watched: bool) -> None:
        """Ask for meshes and pictures or not: the hand node makes them only for somebody who wants them."""
        if watched and not self._viewers_topics:
            self._viewers_topics = [
                self._subscribe(HandMesh, "mesh", self._on_mesh, 10),
                self._subscribe(Image, "overlay", self._on_picture, LATEST_PICTURE),
            ]
        elif not watched:
            for subscription in self._viewers_topics:
                self._node.destroy_subscription(subscription)
            self._viewers_topics = []
        self._joiner.hands_only = not watched

    @property
    def trouble(self) -> str:
        """What the hand node says is wrong, empty where nothing is."""
        return self.last_words if self._said[1] != DiagnosticStatus.OK else ""

    @property
    def last_words(self) -> str:
        """What the hand node said of itself in the last seconds, empty where it said nothing."""
        return self._said[2] if time.monotonic() - self._said[0] < DIAGNOSTICS_AGE_S else ""

    def _subscribe(self, message_type: type, topic: str, heard: Callable[[Any], None], qos: int | QoSProfile) -> Any:
        return self._node.create_subscription(message_type, topic, surviving(self._node, heard), qos, qos_overriding_options=overridable())

    def _on_hands(self, message: HandArray) -> None:
        self.heard_s = time.monotonic()
        self._shown(self._joiner.add_hands(message))

    def _on_mesh(self, message: HandMesh) -> None:
        self._shown(self._joiner.add_mesh(message))

    def _on_picture(self, message: Image) -> None:
        self._shown(self._joiner.add_picture(message))

    def _on_faces(self, message: HandMeshFaces) -> None:
        self._faces = np.array(message.right, np.uint16).reshape(-1, 3)
        self._model_came()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == f"{self._hand_node}: hands":
                self._said = (time.monotonic(), status.level, status.message)

    def _shown(self, parts: FrameParts | None) -> None:
        if parts is not None and parts.hands is not None:
            self._show(shown_frame(parts.hands, parts, self._faces, self.trouble))


def shown_frame(hands: HandArray, parts: FrameParts, faces: NDArray[np.integer], trouble: str) -> ShownFrame:
    """What a page shows of one frame.

    Args:
        hands: of the frame.
        parts: its meshes and picture, as far as they have come.
        faces: (F, 3) vertex numbers of a right hand.
    """
    stamp_s = seconds_of(hands.header.stamp)
    vertices = {mesh.track_id: np.array(mesh.vertices, np.float32).reshape(-1, 3) for mesh in parts.meshes}
    seen: list[Hand] = []
    for message in hands.hands:
        hand = hand_of_message(message, stamp_s)
        seen.append(replace(hand, vertices=vertices.get(hand.track_id, hand.vertices)))
    latency_s = seconds_of(hands.hands[0].latency) if hands.hands else math.nan
    picture = None if parts.picture is None else partial(frame_of_image, parts.picture)
    return ShownFrame(picture, seen, faces, stamp_s, latency_s, trouble)


def _on_clutch(show_clutch: Callable[[Side, bool], None], side: Side, message: Bool) -> None:
    show_clutch(side, message.data)
