"""Pictures of the project's own clip of a rendered hand."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from support.paths import REPO


def clip_pictures(limit: int) -> Iterator[np.ndarray]:
    """The first pictures, (480, 640, 3) uint8 RGB, at 30 Hz."""
    capture = cv2.VideoCapture(str(REPO / "config" / "demo" / "demo.mp4"))
    for _ in range(limit):
        read, bgr = capture.read()
        assert read, "config/demo/demo.mp4 is part of the project"
        yield cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    capture.release()
