"""The messages of a rosbag2 recording, sqlite3 or MCAP, without ROS. What breaks off is read up to the break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from mcap.records import Channel, Message, Schema
from mcap.stream_reader import StreamReader
from rosbags.rosbag2 import Reader, ReaderError

from handmesh_ros.recordings.recognition import storages_in
from handmesh_ros.sources.frames import RawMessage, SourceError


class Topic(NamedTuple):
    """Type such as ``sensor_msgs/msg/Image``, and how many messages came."""

    type_name: str
    messages: int


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

    def messages(self, topics: Collection[str]) -> Iterator[RawMessage]:
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
            return [_WholePart(path)]
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
    def messages(self, topics: Collection[str]) -> Iterator[RawMessage]: ...
    def close(self) -> None: ...


class _WholePart:
    """What rosbags opens."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader = Reader(path)
        self._reader.open()

    def topics(self) -> dict[str, Topic]:
        return {name: Topic(info.msgtype or "several types", info.msgcount) for name, info in self._reader.topics.items()}

    def messages(self, topics: Collection[str]) -> Iterator[RawMessage]:
        wanted = [connection for connection in self._reader.connections if connection.topic in topics]
        for connection, time_ns, data in self._reader.messages(wanted) if wanted else ():
            yield RawMessage(connection.topic, connection.msgtype, time_ns, data)

    def close(self) -> None:
        if self._reader.is_open:
            self._reader.close()


class _BrokenMcap:
    """An MCAP file whose end is missing or damaged: what lies before, read from its beginning."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def topics(self) -> dict[str, Topic]:
        counts: Counter[tuple[str, str]] = Counter()
        for message in self._all():
            counts[message.topic, message.type_name] += 1
        return {topic: Topic(type_name, count) for (topic, type_name), count in counts.items()}

    def messages(self, topics: Collection[str]) -> Iterator[RawMessage]:
        return (message for message in self._all() if message.topic in topics)

    def close(self) -> None:
        """Nothing is held open."""

    def _all(self) -> Iterator[RawMessage]:
        schemas: dict[int, Schema] = {}
        channels: dict[int, Channel] = {}
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
                    type_name = schemas[channel.schema_id].name if channel.schema_id in schemas else "no type"
                    yield RawMessage(channel.topic, type_name, record.log_time, record.data)
