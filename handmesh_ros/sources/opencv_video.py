"""A video through OpenCV alone, for machines without PyAV.

What it lacks against :mod:`handmesh_ros.sources.av_video`: it does not tell damaged pictures from whole ones where the decoder mends
them, nor, in films that do not say how many frames they hold, whether some are missing at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from handmesh_ros.file_names import name_for_opencv
from handmesh_ros.limits import MAX_PIXELS, too_large
from handmesh_ros.sources.frames import DEFAULT_RATE, NOTHING_DECODED, UNDECODABLE, Frame, FrameSource, LeftOut, SourceError

COUNTED = (".mp4", ".mov", ".m4v", ".avi")  # files that say how many frames they hold; for others OpenCV estimates it by the length
MAX_LOST = 1000  # failed reads in a row, each a frame lost, after which a video without a count is at its end
TURNS_THE_WRONG_WAY = cv2.__version__.startswith("4.6.0")  # opencv/opencv#22088; Ubuntu 24.04 has this one


class OpenCvVideo(FrameSource):
    """A video file, or one at an address; stamps are the film's own.

    Raises:
        SourceError: no video, or none that OpenCV can read.
    """

    def __init__(self, where: Path | str) -> None:
        super().__init__(str(where))
        self.files = [where] if isinstance(where, Path) else []
        capture = self._open()
        rate = capture.get(cv2.CAP_PROP_FPS)
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        capture.release()
        self.rate = rate if 0 < rate < 1000 else DEFAULT_RATE
        self.frame_count = int(count) if count > 0 else None
        self.is_live = self.frame_count is None and not self.files
        if width * height > MAX_PIXELS:
            raise SourceError(f"{self.name}: {too_large(width, height)}")

    def _frames(self) -> Iterator[Frame]:
        capture = self._open()
        turned = TURNS_THE_WRONG_WAY and capture.get(cv2.CAP_PROP_ORIENTATION_META) in (90, 270)
        counted = self.frame_count if self.name.lower().endswith(COUNTED) else None
        read, failed, number, stamp_s = 0, 0, 0, 0.0
        try:
            while failed < MAX_LOST and (counted is None or number < counted):
                done, bgr = capture.read()
                number += 1
                if not done:
                    failed += 1
                    continue
                self.left_out += [LeftOut(f"frame {number - 1 - missed}", UNDECODABLE) for missed in range(failed, 0, -1)]
                read, failed = read + 1, 0
                own_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                # OpenCV 4.6 says 0 for the last frames.
                stamp_s = own_s if own_s > stamp_s or number == 1 else stamp_s + 1 / self.rate
                bgr = cv2.rotate(bgr, cv2.ROTATE_180) if turned else bgr
                yield Frame(number - 1, stamp_s, np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8))
        finally:
            capture.release()
        if not read:
            raise SourceError(f"{self.name}: {NOTHING_DECODED}")
        if counted is not None and failed:
            self.left_out.append(LeftOut(f"{failed} frames", f"{UNDECODABLE}, or the file ends before them"))

    def _open(self) -> cv2.VideoCapture:
        if self.files:
            with name_for_opencv(self.files[0]) as name:
                capture = cv2.VideoCapture(name)
        else:
            capture = cv2.VideoCapture(self.name)
        if not capture.isOpened():
            raise SourceError(f"{self.name}: neither a video nor a picture that OpenCV can read")
        return capture
