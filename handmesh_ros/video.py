"""Writes drawn frames into a video, or into a picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import InputError

WRITTEN_PICTURES = (".png", ".jpg", ".jpeg")


class OverlayWriter:
    """Writes frames into a video (.mp4), or the last one into a picture (.png, .jpg); made for a ``with`` block.

    Raises:
        InputError: the file's name ends otherwise.
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, rate: float) -> None:
        if path.suffix.lower() not in (".mp4", *WRITTEN_PICTURES):
            raise InputError(f"{path}: the overlay must be an .mp4, .png or .jpg file")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._rate = rate
        self._video: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def __enter__(self) -> OverlayWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._video is not None:
            self._video.release()

    def write(self, frame_rgb: NDArray[np.uint8]) -> None:
        """Add one (H, W, 3) uint8 RGB frame; one of another size than the video's is scaled to it."""
        bgr = frame_rgb[..., ::-1].copy()
        if self.path.suffix.lower() in WRITTEN_PICTURES:
            if not cv2.imwrite(str(self.path), bgr):
                raise OSError(f"{self.path}: the picture cannot be written")
            return
        if self._video is None:
            self._size = (bgr.shape[1], bgr.shape[0])
            self._video = cv2.VideoWriter(str(self.path), cv2.VideoWriter.fourcc(*"mp4v"), self._rate, self._size)
            if not self._video.isOpened():
                raise OSError(f"{self.path}: the video cannot be written")
        # A folder may hold pictures of several sizes; a video has one.
        self._video.write(bgr if (bgr.shape[1], bgr.shape[0]) == self._size else cv2.resize(bgr, self._size))
