"""Searches the frames of one camera for palms, at little cost while there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.perception.detect import PalmDetection, PalmDetector

# The detector may look twice in one search of so many: who stays away from the camera, or a face that looks like a palm, costs a third
# more at most, and a hand that fills the picture is found 0.2 s later at most.
SECOND_LOOK_EVERY = 3
# A frame is the last one again where every n-th pixel is, so many along the longer side: no palm that the detector sees fits between.
SAMPLES_ALONG = 192


@dataclass(frozen=True, eq=False)
class Search:
    """A search that was made.

    Attributes:
        request: the frame's shape, how many hands, the least score; sample: some of the frame's pixels.
        exhaustive: no further look at this frame would find more.
    """

    request: tuple[tuple[int, ...], int, float]
    sample: NDArray[np.uint8]
    exhaustive: bool
    palms: list[PalmDetection]


class PalmSearch:
    """Remembers the last search: a frame that is shown again, by a camera that froze or repeats frames, has the same palms."""

    def __init__(self, detector: PalmDetector) -> None:
        self._detector = detector
        self._last: Search | None = None
        self._asked = 0

    def find(self, frame_rgb: NDArray[np.uint8], max_hands: int, threshold: float) -> list[PalmDetection]:
        """The palms of the camera's next frame, surest first: arguments and errors of :meth:`PalmDetector.detect`."""
        second_look = self._asked % SECOND_LOOK_EVERY == 0
        self._asked += 1
        request = (frame_rgb.shape, max_hands, threshold)
        step = max(1, max(frame_rgb.shape) // SAMPLES_ALONG)
        sample = frame_rgb[::step, ::step]
        last = self._last
        if last is not None and last.request == request and np.array_equal(last.sample, sample) and (last.exhaustive or not second_look):
            return last.palms
        palms = self._detector.detect(frame_rgb, max_hands, threshold, second_look)
        self._last = Search(request, sample.copy(), second_look or bool(palms), palms)
        return palms
