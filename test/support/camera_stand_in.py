"""What a camera driver publishes, for tests of the node: good frames of a hand, and every kind of bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from handmesh_ros.messages.build import camera_info_message, image_message
from handmesh_ros.messages.stamps import seconds_of, time_of
from handmesh_ros.perception.camera import Camera
from support.paths import REPO, SHARED
from support.ros_world import World

FRAME_ID = "camera_optical_frame"
WIDTH, HEIGHT = 640, 480
CAMERA = Camera(WIDTH, HEIGHT, np.array([[600.0, 0, 319.5], [0, 600, 239.5], [0, 0, 1]]))
# A clip and the number of a frame in which the hand is wide open.
CLIPS = ((REPO / "config" / "demo" / "demo.mp4", 50), (SHARED / "video" / "human_hand.mp4", 0))


def hand_picture(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(H, W, 3) uint8 RGB of an open hand."""
    path, number = next((clip for clip in CLIPS if clip[0].is_file()), (Path(), 0))
    if not path.is_file():
        pytest.skip("needs a clip with a hand: config/demo/demo.mp4")
    capture = cv2.VideoCapture(str(path))
    capture.set(cv2.CAP_PROP_POS_FRAMES, number)
    read, bgr = capture.read()
    capture.release()
    assert read
    return cv2.cvtColor(cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)


def empty_picture() -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), 60, np.uint8)


class CameraStandIn:
    """Publishes with stamps that advance by 1/30 s, whatever the clock says."""

    def __init__(self, world: World, start_s: float = 1000.0) -> None:
        self._world = world
        self.stamp_s = start_s
        self._image = world.node.create_publisher(Image, "image", 1)
        self._compressed = world.node.create_publisher(CompressedImage, "image/compressed", 1)
        self._info = world.node.create_publisher(CameraInfo, "camera_info", 1)

    def wait_for_node(self, compressed: bool = False) -> None:
        publisher = self._compressed if compressed else self._image
        self._world.until(lambda: publisher.get_subscription_count() and self._info.get_subscription_count(), "the hand node subscribes")

    def header(self) -> Header:
        """The next frame's header."""
        self.stamp_s += 1 / 30
        return Header(stamp=time_of(self.stamp_s), frame_id=FRAME_ID)

    def send_info(self, info: CameraInfo | None = None) -> None:
        self._info.publish(camera_info_message(Header(frame_id=FRAME_ID), CAMERA, WIDTH, HEIGHT) if info is None else info)

    def send(self, frame: np.ndarray) -> Header:
        """Publish a good image and return its header."""
        header = self.header()
        self.send_image(image_message(header, frame))
        return header

    def send_image(self, message: Image) -> None:
        self._image.publish(message)

    def send_compressed(self, message: CompressedImage) -> None:
        self._compressed.publish(message)

    def answered(self, header: Header) -> bool:
        """Whether the hands of this frame have come."""
        return any(message.header == header for message in self._world.messages["hands"])

    def send_until_answered(self, frame: np.ndarray) -> Header:
        """Good frames, again and again as a camera does, until the node answers one."""
        sent: list[Header] = []

        def another() -> bool:
            if any(self.answered(header) for header in sent):
                return True
            self.send_info()
            sent.append(self.send(frame))
            self._world.spin(0.05)
            return False

        self._world.until(another, "the node answers a good frame")
        return next(header for header in sent if self.answered(header))


def stamp_of(message: Any) -> float:
    """Seconds of a header, of a message that has one, or of the first part of an array of such."""
    for parts in ("markers", "transforms"):
        if hasattr(message, parts):
            message = getattr(message, parts)[0]
    return seconds_of(getattr(message, "header", message).stamp)
