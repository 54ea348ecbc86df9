"""The hand node's publishers: what goes out for one frame, and what nobody listens to and is not computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from geometry_msgs.msg import PoseWithCovarianceStamped
from numpy.typing import NDArray
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from handmesh_ros.hand import Hand, Side
from handmesh_ros.msg import HandArray, HandMesh, HandMeshFaces
from handmesh_ros.node import messages
from handmesh_ros.node.hand_array import HandArrayTemplate
from handmesh_ros.node.markers import MarkerWriter
from handmesh_ros.node.parameters import NodeParameters
from handmesh_ros.node.transforms import TransformTemplate
from handmesh_ros.overlay import draw_hands
from handmesh_ros.perception.camera import Camera

TEMPLATES = 8  # kept of each kind of message


@dataclass(frozen=True, eq=False)
class FrameResult:
    """One frame with the hands found in it.

    Attributes:
        header: of the image; all outputs carry its stamp.
        time_s: its stamp, seconds.
        frame_rgb: (H, W, 3) uint8.
        camera: that it was taken with.
        hands, raw_hands: smoothed, and as measured.
        latency_s: since the stamp.
    """

    header: Header
    time_s: float
    frame_rgb: NDArray[np.uint8]
    camera: Camera
    hands: Sequence[Hand]
    raw_hands: Sequence[Hand]
    latency_s: float


class HandOutputs:
    """Publishes FrameResults. ``events`` is the callback group of the publishers' events."""

    def __init__(self, node: Node, events: CallbackGroup | None = None) -> None:
        self._node, self._events = node, events
        self._hands = self._publisher(HandArray, "hands", 5)
        self._hands_raw = self._publisher(HandArray, "hands_raw", 5)
        self._mesh = self._publisher(HandMesh, "mesh", 5)
        self._mesh_faces = self._publisher(HandMeshFaces, "mesh_faces", QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self._markers = self._publisher(MarkerArray, "markers", 2)
        self._points = self._publisher(PointCloud2, "points", 1)
        self._overlay = self._publisher(Image, "overlay", 1)
        self._palms = {side: self._publisher(PoseWithCovarianceStamped, f"{side.value}/palm_pose", 5) for side in Side}
        # What tf2_ros.TransformBroadcaster does, and all it does.
        self._tf = self._publisher(TFMessage, "/tf", 100)
        # Made anew only when hands come and go, or the images' frame or a parameter changes.
        self._hand_arrays = lru_cache(TEMPLATES)(HandArrayTemplate)
        self._transforms = lru_cache(TEMPLATES)(TransformTemplate)
        self._born_s: dict[int, float] = {}
        self._next_marker_s = -np.inf
        self._faces: NDArray[np.integer] = np.zeros((0, 3), np.int32)
        self._marker_writer = MarkerWriter(self._faces)

    def set_model(self, name: str, faces: NDArray[np.integer], vertex_count: int) -> None:
        """Announce the triangles of the model that the next meshes come from."""
        self._faces = faces
        self._marker_writer = MarkerWriter(faces)
        self._mesh_faces.publish(messages.mesh_faces(name, faces, vertex_count))

    def publish(self, result: FrameResult, parameters: NodeParameters) -> None:
        """Publish everything that somebody listens to."""
        header, hands = result.header, result.hands
        born = {hand.track_id: self._born_s.get(hand.track_id, result.time_s) for hand in hands}
        ages = {track_id: result.time_s - since for track_id, since in born.items()}
        self._born_s = born
        best = messages.best_of_each_side(hands)
        # First what a controller waits for, last what only people look at.
        if _wanted(self._hands):
            self._hands.publish(self._hand_arrays(header.frame_id, len(hands)).fill(header.stamp, hands, result.latency_s, ages))
        if parameters.publish_tf != "none" and best and _wanted(self._tf):
            tree = self._transforms(header.frame_id, tuple(best), parameters.frame_prefix, parameters.publish_tf == "wrist")
            self._tf.publish(tree.fill(header.stamp, list(best.values())))
        for side, hand in best.items():
            if _wanted(self._palms[side]):
                self._palms[side].publish(messages.palm_pose(header, hand))
        if _wanted(self._mesh):
            for hand in hands:
                self._mesh.publish(messages.hand_mesh(header, hand))
        if _wanted(self._hands_raw):
            raw = result.raw_hands
            self._hands_raw.publish(self._hand_arrays(header.frame_id, len(raw)).fill(header.stamp, raw, result.latency_s, ages))
        if _wanted(self._points):
            self._points.publish(messages.point_cloud(header, hands))
        if _wanted(self._markers):
            self._publish_markers(result, best, 1 / parameters.marker_rate_hz)
        if _wanted(self._overlay):
            drawn = draw_hands(result.frame_rgb, hands, result.camera, self._faces)
            self._overlay.publish(messages.image_message(header, drawn))

    def clear(self, header: Header) -> None:
        """Nobody is there any more: take the markers away."""
        for message in self._marker_writer.messages(header, {}):
            self._markers.publish(message)

    def _publish_markers(self, result: FrameResult, best: dict[Side, Hand], period_s: float) -> None:
        # A clock that jumped back (a looped bag) must not silence the markers; half a frame's slack keeps 15 Hz out of 30 Hz even.
        due = result.time_s >= self._next_marker_s - 0.01 or self._next_marker_s - result.time_s > 2 * period_s
        if due or not best:
            for message in self._marker_writer.messages(result.header, best):
                self._markers.publish(message)
            self._next_marker_s = result.time_s + period_s

    def _publisher(self, message_type: type, topic: str, qos: int | QoSProfile) -> Publisher:
        return self._node.create_publisher(
            message_type, topic, qos, callback_group=self._events, qos_overriding_options=QoSOverridingOptions.with_default_policies()
        )


def _wanted(publisher: Publisher) -> bool:
    return publisher.get_subscription_count() > 0
