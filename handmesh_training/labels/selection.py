"""Which of the teacher's hands are good enough to learn from: those it is sure of, in whatever way it looks, and no two alike."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import FloatArray
from handmesh_training.labels.teacher import TeacherHand

MIN_PRESENCE, MAX_STABILITY, MAX_MIRROR_GAP = 0.9, 0.1, 0.15
MAX_OUTSIDE = 0.03  # of the hand's size, that a keypoint may lie outside the picture
MIN_HAND_PX = 32
# Near-duplicates: every keypoint within this of the other's, in hand sizes after shift and scale, and the grey pictures correlate so.
SAME_KEYPOINTS, SAME_PICTURE, THUMBNAIL_PX = 0.06, 0.9, 32

# Every reason to drop a hand, in the order in which they are tried.
NOTHING = "no hand there: all keypoints in one place"
UNSURE = f"presence below {MIN_PRESENCE}"
UNSTABLE = f"another crop moves a keypoint by {MAX_STABILITY:.0%} of the hand's size or more"
MIRROR_KEYPOINTS = f"the mirror image moves a keypoint by {MAX_MIRROR_GAP:.0%} or more"
MIRROR_SIDE = "the mirror image is taken for the other side"
OUTSIDE = f"a keypoint lies outside the picture by more than {MAX_OUTSIDE:.0%}"
SMALL = f"smaller than {MIN_HAND_PX} pixels"
DUPLICATE = "near-duplicate of one that is kept"
REASONS = (NOTHING, UNSURE, UNSTABLE, MIRROR_KEYPOINTS, MIRROR_SIDE, OUTSIDE, SMALL, DUPLICATE)


class Selection:
    """Judges hands one after the other and counts.

    Attributes:
        kept: how many passed; dropped: reason -> how many.
    """

    def __init__(self) -> None:
        self.kept = 0
        self.dropped: Counter[str] = Counter()
        self._poses: list[FloatArray] = []
        self._thumbnails: list[FloatArray] = []

    def keep(self, hand: TeacherHand | None, frame_rgb: NDArray[np.uint8]) -> bool:
        """Whether to learn from this hand; what is kept is remembered, the next one must differ from it."""
        reason = NOTHING if hand is None else fault(hand, frame_rgb.shape[1], frame_rgb.shape[0])
        if hand is not None and reason is None:
            pose, thumbnail = _pose(hand), _thumbnail(hand, frame_rgb)
            if self._seen(pose, thumbnail):
                reason = DUPLICATE
            else:
                self._poses.append(pose)
                self._thumbnails.append(thumbnail)
        if reason is not None:
            self.dropped[reason] += 1
            return False
        self.kept += 1
        return True

    @property
    def found(self) -> int:
        """Hands, kept or dropped."""
        return self.kept + self.dropped.total()

    def table(self) -> str:
        """What was found, dropped for which reason, and kept."""
        rows = [("hands found", self.found), *((why, -self.dropped[why]) for why in REASONS), ("kept", self.kept)]
        width = max(len(text) for text, _ in rows)
        return "\n".join(f"{text:<{width}} {count:>7}" for text, count in rows)

    def _seen(self, pose: FloatArray, thumbnail: FloatArray) -> bool:
        if not self._poses:
            return False
        alike = np.linalg.norm(np.stack(self._poses) - pose, axis=2).max(1) < SAME_KEYPOINTS
        return any(float(self._thumbnails[row] @ thumbnail) > SAME_PICTURE for row in np.flatnonzero(alike))


def fault(hand: TeacherHand, width: int, height: int) -> str | None:
    """The first reason to drop a hand of a picture of this size; None for a good one."""
    outside = max(float((-hand.low).max()), float((hand.high - (width, height)).max()))
    faults = {
        UNSURE: not hand.direct.presence >= MIN_PRESENCE,  # so that nan is a fault
        UNSTABLE: not hand.stability < MAX_STABILITY,
        MIRROR_KEYPOINTS: not hand.mirror_gap < MAX_MIRROR_GAP,
        MIRROR_SIDE: (hand.direct.right > 0.5) != (hand.mirrored.right > 0.5),
        OUTSIDE: outside > MAX_OUTSIDE * hand.size,
        SMALL: hand.size < MIN_HAND_PX,
    }
    return next((reason for reason in REASONS if faults.get(reason)), None)


def _pose(hand: TeacherHand) -> FloatArray:
    """(21, 2) keypoints without place and size."""
    return (hand.direct.keypoints - (hand.low + hand.high) / 2) / hand.size


def _thumbnail(hand: TeacherHand, frame_rgb: NDArray[np.uint8]) -> FloatArray:
    """A small grey picture of the hand's box, flat, zero mean, unit length: a scalar product of two is their correlation."""
    x0, y0 = np.floor(np.clip(hand.low, 0, None)).astype(int)
    x1, y1 = np.ceil(hand.high).astype(int)
    grey = cv2.cvtColor(frame_rgb[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA).astype(np.float64).ravel()
    small -= small.mean()
    return np.asarray(small / max(float(np.linalg.norm(small)), 1e-9))
