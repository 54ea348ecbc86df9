"""A camera, or a stream that comes over the network."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import cv2
import numpy as np

from handmesh_ros.sources.frames import DEFAULT_RATE, Frame, FrameSource, SourceError


class CameraSource(FrameSource):
    """A camera by index (0, 1, ...), device path or stream address."""

    is_live = True

    def __init__(self, device: int | str) -> None:
        self._is_address = "://" in str(device)
        super().__init__(without_password(device) if isinstance(device, str) else str(device))
        self._capture = cv2.VideoCapture(device)
        if not self._capture.isOpened():
            raise SourceError(
                f"{self.name}: cannot be opened; does the address answer ('ffplay ADDRESS' shows it), and are user and password right?"
                if self._is_address
                else f"camera {device}: cannot be opened; is it plugged in, used by another program, "
                "and may you read it (ls -l /dev/video*, group 'video')?"
            )
        # One buffered frame: an older picture is of no use to anybody.
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate < 1000 else DEFAULT_RATE

    def _frames(self) -> Iterator[Frame]:
        index = 0
        while True:
            read, bgr = self._capture.read()
            if not read:
                why = "has the sender stopped?" if self._is_address else "was it unplugged?"
                raise SourceError(f"{'' if self._is_address else 'camera '}{self.name}: no more frames after {index}; {why}")
            yield Frame(index, time.time(), np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8))
            index += 1

    def close(self) -> None:
        self._capture.release()


def without_password(address: str) -> str:
    """The address for messages: ``rtsp://user:secret@host/`` without the secret."""
    return re.sub(r"(?<=://)([^:@/]*):[^@/]*@", r"\1:***@", address)
