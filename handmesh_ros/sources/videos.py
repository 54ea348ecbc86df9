"""A video file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from handmesh_ros.sources.frames import DEFAULT_RATE, Frame, FrameSource, SourceError


class VideoSource(FrameSource):
    """A video file; stamps are frame number / rate."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.files = [path]
        capture = self._open()
        rate = capture.get(cv2.CAP_PROP_FPS)
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        capture.release()
        self.rate = rate if 0 < rate < 1000 else DEFAULT_RATE
        self.frame_count = int(count) if count > 0 else None

    def _frames(self) -> Iterator[Frame]:
        capture = self._open()
        try:
            index = 0
            while True:
                read, bgr = capture.read()
                if not read:
                    break
                yield Frame(index, index / self.rate, np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8))
                index += 1
            if index == 0:
                raise SourceError(f"{self.name}: no frame of this video can be decoded; play it to see whether it is whole")
        finally:
            capture.release()

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(self.name)
        if not capture.isOpened():
            raise SourceError(f"{self.name}: neither a video nor a picture that OpenCV can read")
        return capture
