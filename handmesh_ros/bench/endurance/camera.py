"""The camera of an endurance run: sends the pictures that it is told to, as badly as it is told to, and remembers what it sent."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import cv2
import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from handmesh_ros.bench.endurance.faults import Shot
from handmesh_ros.bench.fuzz.message_targets import MALFORMED, noise_picture
from handmesh_ros.bench.fuzz.wild import make_wild, malformed
from handmesh_ros.bench.hands_shown import HandPictures, seen_camera
from handmesh_ros.messages import build
from handmesh_ros.messages.images import FrameArray
from handmesh_ros.messages.stamps import nanoseconds_of
from handmesh_ros.messages.types import serialize_message
from handmesh_ros.perception.camera import Camera

FRAME_ID = "camera_optical_frame"
KEPT_HEADER = 48  # bytes of a malformed message that stay: it is to be known what stamp it has
SENT_ENCODINGS = {"bgr8": cv2.COLOR_RGB2BGR, "mono8": cv2.COLOR_RGB2GRAY, "bgra8": cv2.COLOR_RGB2BGRA}


class SentPicture(NamedTuple):
    """One picture that was sent.

    Attributes:
        stamp_ns: of its header.
        sent_ns: by this machine's clock.
        hands: how many may be reported as seen in it.
        good: whether the node has to answer it.
    """

    stamp_ns: int
    sent_ns: int
    hands: int
    good: bool


class EnduranceCamera(Node):
    """Publishes ``image`` and ``camera_info``, or ``image/compressed`` instead while ``compressed`` is set."""

    def __init__(self, context: Any, namespace: str, rng: np.random.Generator) -> None:
        super().__init__("endurance_camera", context=context, namespace=namespace)
        self.compressed = False
        self._pictures, self._camera, self._rng = HandPictures(), seen_camera(), rng
        self.connect()

    def connect(self) -> None:
        """Make the publishers, anew where there are some already."""
        for publisher in list(self.publishers):
            if publisher.topic_name.rpartition("/")[2] in ("image", "compressed", "camera_info"):
                self.destroy_publisher(publisher)
        qos = QoSProfile(depth=5)
        self._image = self.create_publisher(Image, "image", qos)
        self._jpeg = self.create_publisher(CompressedImage, "image/compressed", qos)
        self._info = self.create_publisher(CameraInfo, "camera_info", qos)

    def send(self, number: int, shot: Shot, hands: int | None = None) -> SentPicture | None:
        """Send the picture of this number and what belongs to it; None where it is not sent at all.

        Args:
            hands: that it shows; None: as the cycle of pictures has it.
        """
        if shot.silent:
            return None
        frame: FrameArray
        frame, shown = self._pictures.picture(number, hands)
        if shot.noise:
            frame, shown = np.tile(noise_picture(self._rng), (2, 4, 1)), 0
        camera = self._camera
        if shot.size is not None:
            frame, camera = np.asarray(cv2.resize(frame, shot.size), np.uint8), _resized(camera, shot.size)
        sent_ns = time.time_ns()
        stamp_ns = 0 if shot.stamp_shift_s is None else sent_ns + round(shot.stamp_shift_s * 1e9)
        header = Header(frame_id=FRAME_ID)
        header.stamp.sec, header.stamp.nanosec = divmod(stamp_ns, 10**9)
        if shot.info != "none":
            self._publish(self._info, _info_message(header, camera, shot.info), shot.wild)
        message = self._jpeg_message(header, frame, shot) if self.compressed else _image_message(header, frame, shot)
        stamp = self._publish(self._jpeg if self.compressed else self._image, message, shot.wild)
        return SentPicture(nanoseconds_of(stamp), sent_ns, shown, shot.good)

    def _publish(self, publisher: Any, message: Any, wild: bool) -> Any:
        """Returns the stamp that the message went out with."""
        if wild:
            make_wild(message, self._rng)
        if wild and self._rng.random() < MALFORMED:
            content = bytes(serialize_message(message))
            publisher.publish(malformed(content, self._rng, KEPT_HEADER))
        else:
            publisher.publish(message)
        return message.header.stamp

    def _jpeg_message(self, header: Header, frame: FrameArray, shot: Shot) -> CompressedImage:
        message = build.compressed_message(header, frame)
        message.data = bytes(message.data)[: round(shot.kept * len(message.data))]
        return message


def _image_message(header: Header, frame: FrameArray, shot: Shot) -> Image:
    message = build.image_message(header, frame)
    if shot.encoding in SENT_ENCODINGS:
        pixels = cv2.cvtColor(frame, SENT_ENCODINGS[shot.encoding])
        message.encoding, message.step, message.data = shot.encoding, pixels.strides[0], pixels.tobytes()
    if shot.kept < 1:
        message.data = bytes(message.data)[: round(shot.kept * len(message.data))]
    return message


def _info_message(header: Header, camera: Camera, kind: str) -> CameraInfo:
    message = build.camera_info_message(header, camera, camera.width, camera.height)
    if kind == "nan":
        message.k = [float("nan")] * 9
    elif kind == "size":
        message.width, message.height = message.width * 2 + 1, message.height
    elif kind == "empty":
        message.k = [0.0] * 9
    return message


def _resized(camera: Camera, size: tuple[int, int]) -> Camera:
    matrix = camera.K.copy()
    matrix[0] *= size[0] / camera.width
    matrix[1] *= size[1] / camera.height
    return Camera(*size, matrix, camera.distortion, True, camera.distortion_model)
