"""Frames of one camera out of a rosbag2 recording, with its own calibration, stamps and transforms."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Iterator
from itertools import islice, pairwise
from pathlib import Path

from rosbags.serde import SerdeError

from handmesh_ros.messages.definitions import type_store
from handmesh_ros.messages.frame_clock import FrameClock, StampError
from handmesh_ros.messages.images import CameraCache, FrameArray, ImageError, frame_of_compressed, frame_of_image
from handmesh_ros.messages.stamps import seconds_of
from handmesh_ros.perception.camera import Camera, CameraError
from handmesh_ros.recordings.bags import Bag, BagMessage
from handmesh_ros.sources.frames import DEFAULT_RATE, Frame, FrameSource, LeftOut, RawMessage, SourceError

IMAGE, COMPRESSED, CAMERA_INFO = (f"sensor_msgs/msg/{name}" for name in ("Image", "CompressedImage", "CameraInfo"))
TRANSFORMS = ("/tf", "/tf_static")
RATE_OVER = 31  # first images from whose arrival the rate is taken


class BagSource(FrameSource):
    """The images of one topic, raw or compressed.

    The calibration is the latest message of the topic ``camera_info`` beside it; the first one holds for images before. A topic whose last
    part begins with ``image_rect`` holds rectified images, as image_proc names them: there P counts, else K and D.

    Args:
        topic: of the images; may be left out where the recording has only one.

    Attributes:
        topic: of the images.
        topics: all that the recording has.
        heard: is called with every message of the recording in the order of their arrival, with a picture's before its frame is given.

    Raises:
        SourceError: there is no such topic, and the message lists those that are there; or nothing can be read.
    """

    def __init__(self, path: Path, topic: str | None = None) -> None:
        super().__init__(str(path))
        self._bag = Bag(path)
        self.files = self._bag.files
        self.topics: Collection[str] = self._bag.topics.keys()
        self.heard: Callable[[BagMessage], None] | None = None
        self.topic = self._chosen(topic)
        self._is_raw = self._bag.topics[self.topic].type_name == IMAGE
        base = self.topic if self._is_raw else self.topic.removesuffix("/compressed")
        self._rectified = base.rpartition("/")[2].startswith("image_rect")
        self._info_topic = f"{base.rpartition('/')[0]}/camera_info"
        self.frame_count = self._bag.topics[self.topic].messages
        times = [message.time_ns for message in islice(self._bag.messages([self.topic]), RATE_OVER)]
        period_s = 1e-9 * statistics.median([later - earlier for earlier, later in pairwise(times)] or [0])
        self.rate = 1 / period_s if period_s > 0 else DEFAULT_RATE
        self._first_info = next(self._bag.messages([self._info_topic]), None)
        if self._first_info is None:
            self.uncalibrated = f"the recording has no {self._info_topic}"

    def close(self) -> None:
        self._bag.close()

    def _frames(self) -> Iterator[Frame]:
        number, arrival_s, transforms = -1, 0.0, list[RawMessage]()
        clock = FrameClock(lambda: arrival_s, lambda _: None)
        cameras = CameraCache()
        cameras.heard(self._first_info.data if self._first_info else None)
        for message in self._bag.messages(self.topics if self.heard else [self.topic, self._info_topic, *TRANSFORMS]):
            if self.heard:
                self.heard(message)
            topic = message.channel.topic
            if topic in TRANSFORMS:
                transforms.append(RawMessage(topic, message.channel.type_name, message.time_ns, message.data))
            elif topic == self._info_topic:
                cameras.heard(message.data)
            elif topic == self.topic:
                number += 1
                arrival_s = 1e-9 * message.time_ns
                try:
                    stamp_s, frame_id, rgb = self._read(message, clock)
                    camera = self._camera(cameras, rgb)
                except (SerdeError, ImageError, CameraError, StampError) as error:
                    self.left_out.append(LeftOut(f"frame {number}", str(error)))
                    continue
                yield Frame(number, stamp_s, rgb, frame_id, camera, tuple(transforms))
                transforms.clear()
        self.left_out += [LeftOut(f"what comes after frame {number}", why) for why in self._bag.breaks]

    def _read(self, message: BagMessage, clock: FrameClock) -> tuple[float, str, FrameArray]:
        image = type_store().deserialize_cdr(message.data, IMAGE if self._is_raw else COMPRESSED)
        header = image.header  # type: ignore[attr-defined]
        stamp_s = clock.time_of(seconds_of(header.stamp))
        return stamp_s, header.frame_id, (frame_of_image if self._is_raw else frame_of_compressed)(image)

    def _camera(self, cameras: CameraCache, rgb: FrameArray) -> Camera | None:
        """None where the camera is not calibrated; one of another size is an error of this frame."""
        if cameras.info is None:
            return None
        if cameras.info.k[0] == 0:
            self.uncalibrated = f"{self._info_topic} says that the camera is not calibrated"
            return None
        return cameras.calibrated(rgb, self._rectified)

    def _chosen(self, topic: str | None) -> str:
        images = [name for name, (type_name, _) in self._bag.topics.items() if type_name in (IMAGE, COMPRESSED)]
        if topic is None:
            if len(images) == 1:
                return images[0]
            raise SourceError(f"{self.name}: which camera? Name a topic with --topic. {self._contents()}")
        absolute = f"/{topic.lstrip('/')}"
        for name in (absolute, f"{absolute}/compressed"):  # as image_transport names it
            if name in images:
                return name
        if absolute in self._bag.topics:
            raise SourceError(
                f"{self.name}: {absolute} has messages of type {self._bag.topics[absolute].type_name}; {IMAGE} or {COMPRESSED} is "
                f"needed. {self._contents()}"
            )
        raise SourceError(f"{self.name}: there is no topic {absolute}. {self._contents()}")

    def _contents(self) -> str:
        lines = [f"\n  {name}  {type_name}  {count} messages" for name, (type_name, count) in sorted(self._bag.topics.items())]
        return f"The recording has:{''.join(lines)}"
