"""What a hand node tells beside its frames: the triangles of its meshes, its clutches, and how it is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import Bool

from handmesh_ros.hand import Side
from handmesh_ros.messages.frame_messages import MESH_FACES
from handmesh_ros.msg import HandMeshFaces
from handmesh_ros.node.outputs import QOS
from handmesh_ros.node.qos import overridable
from handmesh_ros.node.teleop import CLUTCH_QOS

WORDS_LAST_S = 3.0  # diagnostics come once a second


class HandNodeState:
    """Listens to the hand node in this namespace.

    Args:
        node: subscribes.
        hand_node: the hand node's full name, by which its diagnostics are known.
        model_came: is called when a hand node has come, or has loaded a model.
        show_clutch: takes the state of a side's clutch.

    Attributes:
        faces: (F, 3) vertex numbers of a right hand; empty before they came.
    """

    def __init__(self, node: Node, hand_node: str, model_came: Callable[[], None], show_clutch: Callable[[Side, bool], None]) -> None:
        self._status_name, self._model_came, self._show_clutch = f"{hand_node}: hands", model_came, show_clutch
        self.faces: NDArray[np.integer] = np.zeros((0, 3), np.uint16)
        self._status = DiagnosticStatus()
        self._came_s = -math.inf
        self._subscribe(node, HandMeshFaces, MESH_FACES, self._on_faces, QOS[MESH_FACES])
        self._subscribe(node, DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        for side in Side:
            self._subscribe(node, Bool, f"{side.value}/clutch", partial(self._on_clutch, side), CLUTCH_QOS)

    @property
    def words(self) -> str:
        """What the hand node said of itself in the last seconds, empty where it said nothing."""
        return str(self._status.message) if time.monotonic() - self._came_s < WORDS_LAST_S else ""

    @property
    def trouble(self) -> str:
        """What the hand node says is wrong, empty where nothing is."""
        return self.words if self._status.level != DiagnosticStatus.OK else ""

    def _subscribe(self, node: Node, message_type: type, topic: str, heard: Callable[..., None], qos: int | QoSProfile) -> None:
        node.create_subscription(message_type, topic, heard, qos, qos_overriding_options=overridable())

    def _on_faces(self, message: HandMeshFaces) -> None:
        self.faces = np.array(message.right, np.uint16).reshape(-1, 3)
        self._model_came()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == self._status_name:
                self._status, self._came_s = status, time.monotonic()

    def _on_clutch(self, side: Side, message: Bool) -> None:
        self._show_clutch(side, message.data)
