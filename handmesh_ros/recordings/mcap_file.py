"""Recordings of ROS 2 as MCAP, for ros2 bag, Foxglove and rosbags: any messages, and what ``handmesh run --mcap`` writes."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TypeVar

from mcap.writer import CompressionType, Writer

from handmesh_ros.messages.build import camera_info_message
from handmesh_ros.messages.stamps import nanoseconds_of
from handmesh_ros.messages.types import CameraInfo
from handmesh_ros.outputs import UnfinishedFile, cannot_write
from handmesh_ros.recordings.bags import BagChannel, BagMessage
from handmesh_ros.recordings.hand_topics import HandTopics, header_of, told
from handmesh_ros.recordings.seen import MeshModel, SeenFrame

NOT_RECORDED = ("overlay",)  # as JPEG it takes a twentieth

AnyMcapFile = TypeVar("AnyMcapFile", bound="McapFile")


class McapFile:
    """A recording on its way to its name; that of a run that failed can be read, too.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, compression: CompressionType = CompressionType.ZSTD) -> None:
        self.path = path
        self.remains: Path | None = None
        self._unfinished = UnfinishedFile(path)
        try:
            self._file = self._unfinished.working.open("wb")
        except OSError as error:
            raise cannot_write(path, error) from error
        self._writer = Writer(self._file, compression=compression)
        self._writer.start("ros2", "handmesh")
        self._schemas: dict[tuple[str, str, bytes], int] = {}
        self._channels: dict[BagChannel, int] = {}
        self._own: dict[tuple[str, str], BagChannel] = {}

    def __enter__(self: AnyMcapFile) -> AnyMcapFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.finish()  # type: ignore[no-untyped-call]
        self._file.close()
        if kind is None:
            self._unfinished.finish()
        else:
            self.remains = self._unfinished.abandon()

    def add(self, message: BagMessage) -> None:
        """A message as another recording holds it."""
        try:
            self._writer.add_message(self._id_of(message.channel), message.time_ns, message.data, message.sent_ns, message.number)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def add_own(self, topic: str, type_name: str, data: bytes, time_ns: int) -> None:
        """A message of a type that this package knows; it goes among those of this topic and type that are there already."""
        channel = self._own.get((topic, type_name)) or BagChannel.of(topic, type_name)
        self.add(BagMessage(channel, time_ns, time_ns, 0, data))

    def _id_of(self, channel: BagChannel) -> int:
        if channel not in self._channels:
            schema = channel.type_name, channel.definition_kind, channel.definition
            if schema not in self._schemas:
                self._schemas[schema] = self._writer.register_schema(*schema)
            self._channels[channel] = self._writer.register_channel(
                channel.topic, channel.encoding, self._schemas[schema], dict(channel.notes)
            )
            self._own.setdefault((channel.topic, channel.type_name), channel)
        return self._channels[channel]


class McapWriter(McapFile):
    """Writes a frame's messages at its stamp, and the transforms that came with it.

    There are no QoS profiles in it: releases of ROS 2 disagree on how these are written, and refuse the others'.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, model: MeshModel) -> None:
        super().__init__(path)
        self._topics = HandTopics(model, NOT_RECORDED)

    def write(self, seen: SeenFrame) -> None:
        header = header_of(seen)
        time_ns = nanoseconds_of(header.stamp)
        for message in seen.frame.transforms:
            self.add_own(*message[:2], message.data, message.time_ns)
        info = camera_info_message(header, seen.camera, seen.camera.width, seen.camera.height)
        for topic, type_name, data in (told("camera_info", CameraInfo, info), *self._topics.of(seen)):
            self.add_own(topic, type_name, data, time_ns)
