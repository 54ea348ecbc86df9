"""Hands as an MCAP recording of ROS 2: the node's topics with their definitions, for ros2 bag, Foxglove and rosbags. Needs no ROS."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from mcap.well_known import MessageEncoding, SchemaEncoding
from mcap.writer import Writer

from handmesh_ros.messages.build import camera_info_message, time_of
from handmesh_ros.messages.definitions import schema_text, type_store
from handmesh_ros.messages.frame_messages import MESH_FACES, MESSAGE_TYPES, FrameMessages, FrameResult
from handmesh_ros.messages.owners import Owners
from handmesh_ros.messages.types import CameraInfo, Header, serialize_message
from handmesh_ros.outputs import UnfinishedFile, cannot_write
from handmesh_ros.recordings.seen import MeshModel, SeenFrame

NOT_RECORDED = "overlay"  # as JPEG it takes a twentieth


class McapWriter:
    """Writes a frame's messages at its stamp, and the transforms that came with it.

    There are no QoS profiles in it: releases of ROS 2 disagree on how these are written, and refuse the others'.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, model: MeshModel) -> None:
        self.path = path
        self.remains: Path | None = None
        self._unfinished = UnfinishedFile(path)
        try:
            self._file = self._unfinished.working.open("wb")
        except OSError as error:
            raise cannot_write(path, error) from error
        self._writer = Writer(self._file)
        self._writer.start("ros2", "handmesh")
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}
        self._messages = FrameMessages(model.name, model.faces, model.vertex_count)
        self._owners = Owners()
        self._has_faces = False

    def __enter__(self) -> McapWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.finish()  # type: ignore[no-untyped-call]  # also of a run that failed: what is there can be read
        self._file.close()
        if kind is None:
            self._unfinished.finish()
        else:
            self.remains = self._unfinished.abandon()

    def write(self, seen: SeenFrame) -> None:
        stamp = time_of(seen.frame.stamp_s)
        time_ns = stamp.sec * 10**9 + stamp.nanosec
        header = Header(stamp=stamp, frame_id=seen.frame.frame_id)
        for message in seen.frame.transforms:
            self._add(message.topic, message.type_name, message.time_ns, message.data)
        if not self._has_faces:
            self._has_faces = True
            self._add_message(MESH_FACES, MESSAGE_TYPES[MESH_FACES], time_ns, self._messages.mesh_faces)
        self._add_message(
            "camera_info", CameraInfo, time_ns, camera_info_message(header, seen.camera, seen.camera.width, seen.camera.height)
        )
        owners = self._owners.choose(seen.hands)
        result = FrameResult(header, seen.frame.stamp_s, seen.frame.rgb, seen.camera, seen.hands, seen.raw_hands, owners, seen.work_s)
        for topic, message in self._messages.of(result, lambda topic: topic != NOT_RECORDED):
            self._add_message(topic, MESSAGE_TYPES[topic], time_ns, message)

    def _add_message(self, topic: str, message_type: type, time_ns: int, message: Any) -> None:
        type_name = f"{message_type.__module__.partition('.')[0]}/msg/{message_type.__name__}"
        data = message if isinstance(message, bytes) else _exactly(serialize_message(message), type_name)
        self._add(f"/{topic.lstrip('/')}", type_name, time_ns, data)

    def _add(self, topic: str, type_name: str, time_ns: int, data: bytes) -> None:
        if topic not in self._channels:
            if type_name not in self._schemas:
                self._schemas[type_name] = self._writer.register_schema(type_name, SchemaEncoding.ROS2, schema_text(type_name).encode())
            self._channels[topic] = self._writer.register_channel(topic, MessageEncoding.CDR, self._schemas[type_name])
        try:
            self._writer.add_message(self._channels[topic], time_ns, data, time_ns)
        except OSError as error:
            raise cannot_write(self.path, error) from error


def _exactly(data: bytes, type_name: str) -> bytes:
    """A message without what follows its end: rclpy leaves a few bytes there, and strict readers refuse them."""
    definition = type_store().get_msgdef(type_name)
    _, end = definition.deserialize_cdr_le(data[4:], 0, definition.cls, type_store())
    return data[: 4 + end]
