"""The node's messages of one frame after the other, as recordings of ROS hold them. Needs no ROS."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from handmesh_ros.messages.definitions import type_store
from handmesh_ros.messages.frame_messages import MESH_FACES, MESSAGE_TYPES, FrameMessages, FrameResult
from handmesh_ros.messages.owners import Owners
from handmesh_ros.messages.stamps import time_of
from handmesh_ros.messages.types import Header, serialize_message
from handmesh_ros.recordings.seen import MeshModel, SeenFrame

Told = tuple[str, str, bytes]  # topic, type, CDR


class HandTopics:
    """Makes them.

    Args:
        left_out: topics that are not wanted, by their names in ``MESSAGE_TYPES``.
    """

    def __init__(self, model: MeshModel, left_out: Collection[str]) -> None:
        self._messages = FrameMessages(model.name, model.faces, model.vertex_count)
        self._owners = Owners()
        self._left_out = left_out
        self._has_faces = False

    def of(self, seen: SeenFrame) -> Iterator[Told]:
        """Of a frame; with the first one come the triangles of all meshes."""
        if not self._has_faces:
            self._has_faces = True
            yield told(MESH_FACES, MESSAGE_TYPES[MESH_FACES], self._messages.mesh_faces)
        owners = self._owners.choose(seen.hands)
        result = FrameResult(
            header_of(seen), seen.frame.stamp_s, seen.frame.rgb, seen.camera, seen.hands, seen.raw_hands, owners, seen.work_s
        )
        for topic, message in self._messages.of(result, lambda topic: topic not in self._left_out):
            yield told(topic, MESSAGE_TYPES[topic], message)


def header_of(seen: SeenFrame) -> Any:
    """The header of the frame's image."""
    return Header(stamp=time_of(seen.frame.stamp_s), frame_id=seen.frame.frame_id)


def told(topic: str, message_type: type, message: Any) -> Told:
    """A message, serialized already or not, for a recording."""
    type_name = f"{message_type.__module__.partition('.')[0]}/msg/{message_type.__name__}"
    data = message if isinstance(message, bytes) else _exactly(serialize_message(message), type_name)
    return f"/{topic.lstrip('/')}", type_name, data


def _exactly(data: bytes, type_name: str) -> bytes:
    """A message without what follows its end: rclpy leaves a few bytes there, and strict readers refuse them."""
    definition = type_store().get_msgdef(type_name)
    _, end = definition.deserialize_cdr_le(data[4:], 0, definition.cls, type_store())
    return data[: 4 + end]
