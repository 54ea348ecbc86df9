"""A copy of a ROS recording with the hands of one of its cameras in it, for ros2 bag, Foxglove and rosbags."""

from __future__ import annotations

from pathlib import Path

from mcap.writer import CompressionType

from handmesh_ros.errors import InputError
from handmesh_ros.messages.frame_messages import MESSAGE_TYPES
from handmesh_ros.recordings.bag_source import TRANSFORMS, BagSource
from handmesh_ros.recordings.bags import BagMessage
from handmesh_ros.recordings.hand_topics import HandTopics
from handmesh_ros.recordings.mcap_file import McapFile
from handmesh_ros.recordings.seen import MeshModel, SeenFrame

DRAWN = ("points", "markers", "overlay", "overlay/compressed")  # only to look at: `handmesh run --mcap` makes them of any recording


class AnnotatedBag(McapFile):
    """Every message of the recording as it is, with its definition, times, number and QoS profiles as far as the recording tells them;
    and behind each picture, at its time of arrival, what was seen in it. Iterate over the source, and write every frame.

    Raises:
        InputError: there are hands in the recording already.
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, source: BagSource, model: MeshModel) -> None:
        ours = {f"/{topic.lstrip('/')}" for topic in MESSAGE_TYPES if topic not in DRAWN} - {*TRANSFORMS}
        if there := sorted(ours & {*source.topics}):
            raise InputError(f"{source.name}: has hands already (topic {there[0]})")
        super().__init__(path, CompressionType.LZ4)  # of raw pictures: a fifth of zstd's time, a quarter more bytes
        self._topics = HandTopics(model, DRAWN)
        self._pictures = source.topic
        self._arrival_ns = 0
        source.heard = self._keep

    def write(self, seen: SeenFrame) -> None:
        for topic, type_name, data in self._topics.of(seen):
            self.add_own(topic, type_name, data, self._arrival_ns)

    def _keep(self, message: BagMessage) -> None:
        self.add(message)
        if message.channel.topic == self._pictures:
            self._arrival_ns = message.time_ns
