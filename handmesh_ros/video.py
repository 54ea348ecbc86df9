"""Writes drawn frames into a video, or into a picture."""

from __future__ import annotations

import math
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import InputError
from handmesh_ros.file_names import name_for_opencv
from handmesh_ros.outputs import OutputError, UnfinishedFile, cannot_write

WRITTEN_PICTURES = (".png", ".jpg", ".jpeg")
MPEG4_MAX_TICKS = 65535  # a second of MPEG-4 part 2 has at most so many ticks (ISO 14496-2, vop_time_increment_resolution of 16 bit)


class OverlayWriter:
    """Writes frames into a video (.mp4), or the last one into a picture (.png, .jpg); made for a ``with`` block.

    The file appears under its name when the block has ended without an error.

    Attributes:
        path: the file that the user asked for.
        remains: what a failed run leaves, None where nothing is left or nothing has failed.

    Raises:
        InputError: the file's name ends otherwise.
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, rate: float) -> None:
        if path.suffix.lower() not in (".mp4", *WRITTEN_PICTURES):
            raise InputError(f"{path}: the overlay must be an .mp4, .png or .jpg file")
        self.path = path
        self.remains: Path | None = None
        self._unfinished = UnfinishedFile(path)
        self._rate = writable_rate(rate)
        self._video: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._written = 0

    def __enter__(self) -> OverlayWriter:
        return self

    def write(self, frame_rgb: NDArray[np.uint8]) -> None:
        """Add one (H, W, 3) uint8 RGB frame; one of another shape than the video's is scaled into it."""
        bgr = frame_rgb[..., ::-1].copy()
        if self.path.suffix.lower() in WRITTEN_PICTURES:
            self._write_picture(bgr)
            return
        if self._video is None:
            self._size = (bgr.shape[1], bgr.shape[0])
            with name_for_opencv(self._unfinished.working) as name:
                self._video = cv2.VideoWriter(name, cv2.VideoWriter.fourcc(*"mp4v"), self._rate, self._size)
            if not self._video.isOpened():
                raise self._failure()
        # A folder may hold pictures of several sizes; a video has one.
        self._video.write(scaled_into(bgr, self._size))
        self._written += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._video is not None:
            self._video.release()
        whole = self._video is None or _frames_of(self._unfinished.working) >= self._written
        if kind is None and whole:
            self._unfinished.finish()
            return
        if not whole:
            failure = self._failure()  # asks the disk, so before the useless file makes room
            self._unfinished.discard()
        self.remains = self._unfinished.abandon()
        if kind is None:
            raise failure

    def _write_picture(self, bgr: NDArray[np.uint8]) -> None:
        done, data = cv2.imencode(self.path.suffix, bgr)
        if not done:
            raise OutputError(f"{self.path}: OpenCV cannot write a picture of {bgr.shape[1]}x{bgr.shape[0]} pixels as {self.path.suffix}")
        try:
            self._unfinished.working.write_bytes(data.tobytes())
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _failure(self) -> OutputError:
        """OpenCV says nothing of causes: try to write ourselves and see."""
        try:
            with self._unfinished.working.open("ab") as file:
                file.write(bytes(1 << 20))
        except OSError as error:
            return cannot_write(self.path, error)
        width, height = self._size
        return OutputError(f"{self.path}: OpenCV cannot write this video ({width}x{height} pixels, {self._rate:g} frames a second)")


def writable_rate(rate: float) -> float:
    """The nearest frame rate that MPEG-4 holds and OpenCV writes exactly; of a recording without a usable one, 30.

    OpenCV looks for n / 10^k with at most three decimals, takes 0.001 for 0, and n is at most 65535.
    """
    if not (math.isfinite(rate) and rate > 0):
        return 30.0
    rate = min(max(rate, 0.002), float(MPEG4_MAX_TICKS))
    return next(rounded for decimals in (3, 2, 1, 0) if (rounded := round(rate, decimals)) * 10**decimals <= MPEG4_MAX_TICKS)


def scaled_into(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture in a frame of (width, height): scaled to fit, its shape kept, black at the sides."""
    (height, width), (full_width, full_height) = picture.shape[:2], size
    if (width, height) == size:
        return picture
    scale = min(full_width / width, full_height / height)
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    frame = np.zeros((full_height, full_width, 3), np.uint8)
    x, y = (full_width - width) // 2, (full_height - height) // 2
    frame[y : y + height, x : x + width] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return frame


def _frames_of(path: Path) -> int:
    """Number of frames of a video, 0 where it cannot be opened."""
    with name_for_opencv(path) as name:
        capture = cv2.VideoCapture(name)
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.release()
    return count
