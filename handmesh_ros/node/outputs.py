"""The hand node's publishers: what goes out for one frame, and what nobody listens to and is not computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseArray, PoseWithCovarianceStamped
from numpy.typing import NDArray
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, Image, JointState, PointCloud2
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from handmesh_ros.hand import Hand, Side
from handmesh_ros.msg import HandArray, HandMesh, HandMeshFaces
from handmesh_ros.node import messages
from handmesh_ros.node.hand_array import HandArrayTemplate
from handmesh_ros.node.joint_messages import joint_states, openxr_poses
from handmesh_ros.node.markers import MarkerWriter
from handmesh_ros.node.parameters import NodeParameters
from handmesh_ros.node.qos import overridable
from handmesh_ros.node.template import kept
from handmesh_ros.node.transforms import TransformTemplate
from handmesh_ros.overlay import draw_hands
from handmesh_ros.perception.camera import Camera

# Topic -> its messages' type and its QoS; a number is the depth of the default one.
TOPICS: Mapping[str, tuple[type, int | QoSProfile]] = {
    "hands": (HandArray, 5),
    "/tf": (TFMessage, 100),  # what tf2_ros.TransformBroadcaster does, and all it does
    **{f"{side.value}/palm_pose": (PoseWithCovarianceStamped, 5) for side in Side},
    **{f"{side.value}/joint_states": (JointState, 5) for side in Side},
    **{f"{side.value}/openxr": (PoseArray, 5) for side in Side},
    "mesh": (HandMesh, 5),
    "mesh_faces": (HandMeshFaces, QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)),
    "hands_raw": (HandArray, 5),
    "points": (PointCloud2, 1),
    "markers": (MarkerArray, 2),
    "overlay": (Image, 1),
    "overlay/compressed": (CompressedImage, 1),
}


@dataclass(frozen=True, eq=False)
class FrameResult:
    """One frame with the hands found in it.

    Attributes:
        header: of the image; all outputs carry its stamp.
        time_s: its stamp, seconds.
        frame_rgb: (H, W, 3) uint8.
        camera: that it was taken with.
        hands, raw_hands: smoothed, and as measured.
        owners: the smoothed hand of each side that topics and TF frames show which can show only one.
        latency_s: since the stamp.
    """

    header: Header
    time_s: float
    frame_rgb: NDArray[np.uint8]
    camera: Camera
    hands: Sequence[Hand]
    raw_hands: Sequence[Hand]
    owners: Mapping[Side, Hand]
    latency_s: float


Messages = Iterable[Any]  # to publish, serialized or not


class HandOutputs:
    """Publishes FrameResults. ``events`` is the callback group of the publishers' events."""

    def __init__(self, node: Node, events: CallbackGroup | None = None) -> None:
        publishers: dict[str, Publisher[Any]] = {
            topic: node.create_publisher(message_type, topic, qos, callback_group=events, qos_overriding_options=overridable())
            for topic, (message_type, qos) in TOPICS.items()
        }
        # First what a controller waits for, last what only people look at; TF before the messages that refer to it, so that a lookup in
        # their callbacks finds it.
        builders: dict[str, Callable[[FrameResult, NodeParameters], Messages]] = {
            "/tf": self._tree,
            "hands": self._smoothed,
            **{f"{side.value}/palm_pose": partial(self._of_owner, messages.palm_pose, side) for side in Side},
            **{f"{side.value}/joint_states": partial(self._of_owner, joint_states, side) for side in Side},
            **{f"{side.value}/openxr": partial(self._of_owner, openxr_poses, side) for side in Side},
            "mesh": self._meshes,
            "hands_raw": self._raw,
            "points": self._cloud,
            "markers": self._drawn_markers,
            "overlay": self._drawn_picture,
            "overlay/compressed": self._compressed_picture,
        }
        self._rows = [(publishers[topic], build) for topic, build in builders.items()]
        self._mesh_faces, self._markers = publishers["mesh_faces"], publishers["markers"]
        # Made anew only when hands come and go, or the images' frame or a parameter changes.
        self._hand_arrays = kept(HandArrayTemplate)
        self._transforms = kept(TransformTemplate)
        self._born_s: dict[int, float] = {}
        self._last_marker_s, self._next_marker_s = np.inf, -np.inf
        self._faces: NDArray[np.integer] = np.zeros((0, 3), np.int32)
        self._marker_writer = MarkerWriter(self._faces)

    def set_model(self, name: str, faces: NDArray[np.integer], vertex_count: int) -> None:
        """Announce the triangles of the model that the next meshes come from."""
        self._faces = faces
        self._marker_writer = MarkerWriter(faces)
        self._mesh_faces.publish(messages.mesh_faces(name, faces, vertex_count))

    def publish(self, result: FrameResult, parameters: NodeParameters) -> None:
        """Publish everything that somebody listens to."""
        self._born_s = {hand.track_id: self._born_s.get(hand.track_id, result.time_s) for hand in result.hands}
        for publisher, build in self._rows:
            if publisher.get_subscription_count():
                for message in build(result, parameters):
                    publisher.publish(message)

    def clear(self, header: Header) -> None:
        """Nobody is there any more: take the markers away."""
        for message in self._marker_writer.messages(header, {}):
            self._markers.publish(message)

    def _smoothed(self, result: FrameResult, _: NodeParameters) -> Messages:
        return [self._hand_array(result, result.hands)]

    def _raw(self, result: FrameResult, _: NodeParameters) -> Messages:
        return [self._hand_array(result, result.raw_hands)]

    def _hand_array(self, result: FrameResult, hands: Sequence[Hand]) -> bytes:
        ages = {track_id: result.time_s - since for track_id, since in self._born_s.items()}
        return self._hand_arrays(result.header.frame_id, len(hands)).fill(result.header.stamp, hands, result.latency_s, ages)

    def _tree(self, result: FrameResult, parameters: NodeParameters) -> Messages:
        if parameters.publish_tf == "none" or not result.owners:
            return []
        wrist_only = parameters.publish_tf == "wrist"
        tree = self._transforms(result.header.frame_id, tuple(result.owners), parameters.frame_prefix, wrist_only)
        return [tree.fill(result.header.stamp, list(result.owners.values()))]

    def _of_owner(self, build: Callable[[Header, Hand], Any], side: Side, result: FrameResult, _: NodeParameters) -> Messages:
        return [build(result.header, result.owners[side])] if side in result.owners else []

    def _meshes(self, result: FrameResult, _: NodeParameters) -> Messages:
        return [messages.hand_mesh(result.header, hand) for hand in result.hands]

    def _cloud(self, result: FrameResult, _: NodeParameters) -> Messages:
        return [messages.point_cloud(result.header, result.hands)]

    def _drawn_markers(self, result: FrameResult, parameters: NodeParameters) -> Messages:
        period_s = 1 / parameters.marker_rate_hz
        # A clock that jumped back (a looped bag) must not silence the markers; half a frame's slack keeps 15 Hz out of 30 Hz even.
        due = result.time_s >= self._next_marker_s - 0.01 or self._next_marker_s - result.time_s > 2 * period_s
        if not due and result.owners:
            return []
        pause_s = max(period_s, result.time_s - self._last_marker_s)
        self._last_marker_s, self._next_marker_s = result.time_s, result.time_s + period_s
        return self._marker_writer.messages(result.header, result.owners, pause_s)

    def _drawn_picture(self, result: FrameResult, _: NodeParameters) -> Messages:
        return [messages.image_message(result.header, self._drawn(result))]

    def _compressed_picture(self, result: FrameResult, _: NodeParameters) -> Messages:
        return [messages.compressed_message(result.header, self._drawn(result))]

    def _drawn(self, result: FrameResult) -> NDArray[np.uint8]:
        return draw_hands(result.frame_rgb, result.hands, result.camera, self._faces)
