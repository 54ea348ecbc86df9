"""The messages of a rosbag2 recording, sqlite3 or MCAP, without ROS. What breaks off is read up to the break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from mcap.reader import make_reader
from mcap.records import Channel, Message, Schema
from mcap.stream_reader import StreamReader
from mcap.well_known import MessageEncoding, SchemaEncoding
from rosbags.interfaces import Connection, MessageDefinitionFormat
from rosbags.rosbag2 import Reader, ReaderError

from handmesh_ros.messages.definitions import schema_text, type_store
from handmesh_ros.recordings.recognition import storages_in
from handmesh_ros.sources.frames import SourceError


class Topic(NamedTuple):
    """Type such as ``sensor_msgs/msg/Image``, and how many messages came."""

    type_name: str
    messages: int


class BagChannel(NamedTuple):
    """What a recording says once for all messages of a topic.

    Attributes:
        type_name: such as ``sensor_msgs/msg/Image``.
        definition_kind, definition: of the type with its parts, "ros2msg" or "ros2idl" and its text; both empty where nobody knows it.
        encoding: of the messages.
        notes: what else the recorder wrote down, QoS profiles above all.
    """

    topic: str
    type_name: str
    definition_kind: str
    definition: bytes
    encoding: str = MessageEncoding.CDR
    notes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, topic: str, type_name: str) -> BagChannel:
        """With the definition that this package knows, if it does."""
        known = type_name in type_store().fielddefs
        return cls(topic, type_name, *(SchemaEncoding.ROS2, schema_text(type_name).encode()) if known else ("", b""))


class BagMessage(NamedTuple):
    """A message as a recording holds it: when it arrived and, where that is known, when it was sent and its number; its bytes."""

    channel: BagChannel
    time_ns: int
    sent_ns: int
    number: int
    data: bytes


class Bag:
    """A recording: a file (.mcap, .db3) or a folder of them, with or without its metadata.yaml.

    Attributes:
        topics: by name.
        files: what is read.
        breaks: where and why it breaks off, one sentence each; more may come while it is read.

    Raises:
        SourceError: it is no recording that can be read; the message says why and what to do.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() == ".bag":
            raise SourceError(f"{path}: a recording of ROS 1; 'rosbags-convert --src {path} --dst {path.stem}' makes one of ROS 2 of it")
        self.breaks: list[str] = []
        self.files = sorted(path.iterdir()) if path.is_dir() else [path]
        self._parts = self._opened(path)
        self.topics: dict[str, Topic] = {}
        for part in self._parts:
            for name, (type_name, count) in part.topics().items():
                self.topics[name] = Topic(type_name, count + (self.topics[name].messages if name in self.topics else 0))
        if not self.topics:
            raise SourceError(f"{path}: no message can be read{''.join(f': {why}' for why in self.breaks)}")

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """Those of these topics in the order of their arrival."""
        for part in self._parts:
            try:
                yield from part.messages(topics)
            except Exception as error:  # of the file, the database, CDR, three decompressors: each part has errors of its own
                self._note(part.path, error)

    def close(self) -> None:
        for part in self._parts:
            part.close()

    def _opened(self, path: Path) -> list[_Part]:
        try:
            return [_whole(path)]
        except Exception as error:  # damaged files raise nearly anything in rosbags, also for lack of memory
            if path.is_dir() and (storages := storages_in(path)):
                # Never finished, or pieces of it are missing: each piece that is there by itself.
                self._note(path, error)
                return [part for storage in storages for part in self._opened(storage)]
            if path.suffix.lower() == ".mcap":
                self._note(path, error)
                return [_BrokenMcap(path)]
            raise SourceError(f"{path}: {_reason(error)}") from error

    def _note(self, path: Path, error: Exception) -> None:
        why = f"{path.name}: {_reason(error)}"
        if why not in self.breaks:
            self.breaks.append(why)


def _reason(error: Exception) -> str:
    """rosbags' own words; others say little without their kind."""
    text = str(error) or type(error).__name__
    return text if isinstance(error, ReaderError | OSError) else f"damaged ({text})"


class _Part(Protocol):
    path: Path

    def topics(self) -> dict[str, Topic]: ...
    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]: ...
    def close(self) -> None: ...


def _whole(path: Path) -> _Part:
    """What rosbags opens, and so finds whole. MCAP is then read by mcap, which gives messages with all that the file says of them."""
    reader = Reader(path)
    reader.open()
    storages = [path] if path.is_file() else [storage.path for storage in reader.storage.storages]  # type: ignore[attr-defined]
    if not reader.compression_mode and all(storage.suffix.lower() == ".mcap" for storage in storages):
        return _WholeMcap(path, reader, storages)
    return _WholePart(path, reader)


class _WholePart:
    """Sqlite3, or compressed as a whole: through rosbags."""

    def __init__(self, path: Path, reader: Reader) -> None:
        self.path = path
        self._reader = reader

    def topics(self) -> dict[str, Topic]:
        return {name: Topic(info.msgtype or "several types", info.msgcount) for name, info in self._reader.topics.items()}

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        wanted = [connection for connection in self._reader.connections if connection.topic in topics]
        channels = {connection.id: _channel_of(connection) for connection in wanted}
        for connection, time_ns, data in self._reader.messages(wanted) if wanted else ():
            yield BagMessage(channels[connection.id], time_ns, time_ns, 0, data)

    def close(self) -> None:
        if self._reader.is_open:
            self._reader.close()


class _WholeMcap(_WholePart):
    """One or several files of MCAP."""

    def __init__(self, path: Path, reader: Reader, storages: list[Path]) -> None:
        super().__init__(path, reader)
        self._storages = storages

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        for storage in self._storages:
            channels = _Channels()
            with storage.open("rb") as file:
                reader = make_reader(file, validate_crcs=True)
                summary = reader.get_summary()
                indexed = summary is not None and bool(summary.chunk_indexes)  # else to sort would be to read all of it into memory
                for schema, channel, message in reader.iter_messages(topics, log_time_order=indexed):
                    yield channels.message(schema, channel, message)


class _BrokenMcap:
    """An MCAP file whose end is missing or damaged: what lies before, read from its beginning."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def topics(self) -> dict[str, Topic]:
        counts: Counter[tuple[str, str]] = Counter()
        for message in self._all():
            counts[message.channel.topic, message.channel.type_name] += 1
        return {topic: Topic(type_name, count) for (topic, type_name), count in counts.items()}

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        return (message for message in self._all() if message.channel.topic in topics)

    def close(self) -> None:
        """Nothing is held open."""

    def _all(self) -> Iterator[BagMessage]:
        schemas: dict[int, Schema] = {}
        channels: dict[int, Channel] = {}
        read = _Channels()
        with self.path.open("rb") as file:
            records = iter(StreamReader(file, validate_crcs=True).records)
            while True:
                try:
                    record = next(records)
                except Exception:  # the break, whatever the damage raises: why was noted when it was opened
                    return
                if isinstance(record, Schema):
                    schemas[record.id] = record
                elif isinstance(record, Channel):
                    channels[record.id] = record
                elif isinstance(record, Message) and record.channel_id in channels:
                    channel = channels[record.channel_id]
                    yield read.message(schemas.get(channel.schema_id), channel, record)


class _Channels:
    """Of a file of MCAP, each made once."""

    def __init__(self) -> None:
        self._made: dict[int, BagChannel] = {}

    def message(self, schema: Schema | None, channel: Channel, message: Message) -> BagMessage:
        if channel.id not in self._made:
            notes, type_name = tuple(channel.metadata.items()), schema.name if schema else "no type"
            kind, definition = (schema.encoding, schema.data) if schema else ("", b"")
            self._made[channel.id] = BagChannel(channel.topic, type_name, kind, definition, channel.message_encoding, notes)
        return BagMessage(self._made[channel.id], message.log_time, message.publish_time, message.sequence, message.data)


def _channel_of(connection: Connection) -> BagChannel:
    kinds = {MessageDefinitionFormat.MSG: SchemaEncoding.ROS2, MessageDefinitionFormat.IDL: "ros2idl"}
    kind = kinds.get(connection.msgdef.format)
    if kind is None:  # recordings of Humble in sqlite3 have none
        return BagChannel.of(connection.topic, connection.msgtype)
    return BagChannel(connection.topic, connection.msgtype, kind, connection.msgdef.data.encode())
