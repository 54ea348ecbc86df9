"""What is told of one frame: topic by topic, the messages that its hands become. The node publishes them, recordings keep them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import Hand, Side
from handmesh_ros.messages.build import compressed_message, grasp_message, hand_mesh, image_message, mesh_faces, palm_pose, point_cloud
from handmesh_ros.messages.hand_array import HandArrayTemplate
from handmesh_ros.messages.joint_messages import joint_states, openxr_poses
from handmesh_ros.messages.markers import MarkerWriter
from handmesh_ros.messages.template import kept
from handmesh_ros.messages.transforms import TransformTemplate
from handmesh_ros.messages.types import (
    CompressedImage,
    Grasp,
    HandArray,
    HandMesh,
    HandMeshFaces,
    Header,
    Image,
    JointState,
    MarkerArray,
    PointCloud2,
    PoseArray,
    PoseWithCovarianceStamped,
    TFMessage,
)
from handmesh_ros.overlay import draw_hands
from handmesh_ros.perception.camera import Camera

MARKERS, MESH_FACES = "markers", "mesh_faces"

# Topic -> type of its messages, in the order in which they are sent: first what a controller waits for, last what only people look at; TF
# before the messages that refer to it, so that a lookup in their callbacks finds it. MESH_FACES come when the model does.
MESSAGE_TYPES: Mapping[str, type] = {
    "/tf": TFMessage,
    "hands": HandArray,
    **{f"{side.value}/palm_pose": PoseWithCovarianceStamped for side in Side},
    **{f"{side.value}/grasp": Grasp for side in Side},
    **{f"{side.value}/joint_states": JointState for side in Side},
    **{f"{side.value}/openxr": PoseArray for side in Side},
    "mesh": HandMesh,
    MESH_FACES: HandMeshFaces,
    "hands_raw": HandArray,
    "points": PointCloud2,
    MARKERS: MarkerArray,
    "overlay": Image,
    "overlay/compressed": CompressedImage,
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


@dataclass(frozen=True)
class MessageSettings:
    """What the user may choose of them.

    Attributes:
        publish_tf: TF frames of a hand: "all" 21, the "wrist" only, or "none".
        frame_prefix: before the name of every frame of a hand.
        marker_rate_hz: most updates of the markers a second.
    """

    publish_tf: str = "all"
    frame_prefix: str = ""
    marker_rate_hz: float = 15.0


Messages = Iterable[Any]  # serialized or not


class FrameMessages:
    """Makes the messages of one frame after the other, only those that are asked for.

    Args:
        model: name of the mesh network.
        faces: (F, 3) vertex numbers of its right hand.
        vertex_count: of its meshes.
    """

    def __init__(self, model: str, faces: NDArray[np.integer], vertex_count: int) -> None:
        self.settings = MessageSettings()
        self.mesh_faces = mesh_faces(model, faces, vertex_count)
        self._faces = faces
        # Made anew only when hands come and go, or the images' frame or a setting changes.
        self._hand_arrays = kept(HandArrayTemplate)
        self._transforms = kept(TransformTemplate)
        self._marker_writer = MarkerWriter(faces)
        self._born_s: dict[int, float] = {}
        self._last_marker_s, self._next_marker_s = np.inf, -np.inf
        self._drawing: tuple[FrameResult, NDArray[np.uint8]] | None = None
        self._builders: dict[str, Callable[[FrameResult], Messages]] = {
            "/tf": self._tree,
            "hands": lambda result: [self._hand_array(result, result.hands)],
            **{f"{side.value}/palm_pose": partial(_of_owner, palm_pose, side) for side in Side},
            **{f"{side.value}/grasp": partial(_of_owner, grasp_message, side) for side in Side},
            **{f"{side.value}/joint_states": partial(_of_owner, joint_states, side) for side in Side},
            **{f"{side.value}/openxr": partial(_of_owner, openxr_poses, side) for side in Side},
            "mesh": lambda result: [hand_mesh(result.header, hand) for hand in result.hands],
            "hands_raw": lambda result: [self._hand_array(result, result.raw_hands)],
            "points": lambda result: [point_cloud(result.header, result.hands)],
            MARKERS: self._drawn_markers,
            "overlay": lambda result: [image_message(result.header, self._drawn(result))],
            "overlay/compressed": lambda result: [compressed_message(result.header, self._drawn(result))],
        }

    def of(self, result: FrameResult, wanted: Callable[[str], bool]) -> Iterable[tuple[str, Any]]:
        """(topic, message) of a frame for the topics that are wanted. Call it for every frame: hands grow older meanwhile."""
        self._born_s = {hand.track_id: self._born_s.get(hand.track_id, result.time_s) for hand in result.hands}
        return ((topic, message) for topic, build in self._builders.items() if wanted(topic) for message in build(result))

    def cleared_markers(self, header: Header) -> list[MarkerArray | bytes]:
        """Nobody is there any more: what takes the markers away."""
        return self._marker_writer.messages(header, {})

    def _hand_array(self, result: FrameResult, hands: Sequence[Hand]) -> bytes:
        ages = {track_id: result.time_s - since for track_id, since in self._born_s.items()}
        return self._hand_arrays(result.header.frame_id, len(hands)).fill(result.header.stamp, hands, result.latency_s, ages)

    def _tree(self, result: FrameResult) -> Messages:
        if self.settings.publish_tf == "none" or not result.owners:
            return []
        wrist_only = self.settings.publish_tf == "wrist"
        tree = self._transforms(result.header.frame_id, tuple(result.owners), self.settings.frame_prefix, wrist_only)
        return [tree.fill(result.header.stamp, list(result.owners.values()))]

    def _drawn_markers(self, result: FrameResult) -> Messages:
        period_s = 1 / self.settings.marker_rate_hz
        # A clock that jumped back (a looped bag) must not silence the markers; half a frame's slack keeps 15 Hz out of 30 Hz even.
        due = result.time_s >= self._next_marker_s - 0.01 or self._next_marker_s - result.time_s > 2 * period_s
        if not due and result.owners:
            return []
        pause_s = max(period_s, result.time_s - self._last_marker_s)
        self._last_marker_s, self._next_marker_s = result.time_s, result.time_s + period_s
        return self._marker_writer.messages(result.header, result.owners, pause_s)

    def _drawn(self, result: FrameResult) -> NDArray[np.uint8]:
        """Once a frame, however many topics show it."""
        if self._drawing is None or self._drawing[0] is not result:
            self._drawing = result, draw_hands(result.frame_rgb, result.hands, result.camera, self._faces)
        return self._drawing[1]


def _of_owner(build: Callable[[Header, Hand], Any], side: Side, result: FrameResult) -> Messages:
    return [build(result.header, result.owners[side])] if side in result.owners else []
