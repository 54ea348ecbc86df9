"""The last seconds of a hand's numbers, for curves."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import WRIST, Hand, Side
from handmesh_ros.perception.grasp import aperture, pinch_distance

WINDOW_S = 10.0
SAMPLES_KEPT_AT_MOST = 1200  # a window at 120 Hz

# Title of a curve -> its value of one hand. Each has a scale that begins at 0 and reaches at least to what is in LEAST_TOP.
OF_HAND: Mapping[str, Callable[[Hand], float]] = {
    "pinch, mm": lambda hand: 1000 * pinch_distance(hand.joints),
    "aperture (0 fist, 1 flat)": lambda hand: aperture(hand.joints),
    "wrist depth, m": lambda hand: float(hand.joints[WRIST, 2]),
    "score": lambda hand: hand.score,
}
LATENCY = "latency, ms"
LEAST_TOP = {**dict(zip(OF_HAND, (100.0, 1.0, 0.5, 1.0), strict=True)), LATENCY: 20.0}


class HandCurves:
    """Values of the frames of the last ten seconds. Time that goes back begins anew."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, ...]] = deque(maxlen=SAMPLES_KEPT_AT_MOST)

    def add(self, hands: Sequence[Hand], stamp_s: float, latency_s: float) -> None:
        """One frame; of two hands of a side the one that is followed longest counts."""
        if self._samples and stamp_s < self._samples[-1][0]:
            self._samples.clear()
        while self._samples and self._samples[0][0] < stamp_s - WINDOW_S:
            self._samples.popleft()
        of_side = {hand.side: hand for hand in sorted(hands, key=lambda hand: -hand.track_id)}
        values = [value(of_side[side]) if side in of_side else math.nan for value in OF_HAND.values() for side in Side]
        self._samples.append((stamp_s, 1000 * latency_s, *values))

    def of(self, title: str) -> tuple[NDArray[np.float64], ...]:
        """Seconds after the last frame (not above 0), then values: of a hand's curve those of left and right, NaN where it was absent."""
        table = np.array(self._samples, float).reshape(-1, 2 + 2 * len(OF_HAND))
        seconds = table[:, 0] - table[-1, 0] if len(table) else table[:, 0]
        if title == LATENCY:
            return seconds, table[:, 1]
        first = 2 + 2 * list(OF_HAND).index(title)
        return seconds, table[:, first], table[:, first + 1]

    def top_of(self, title: str) -> float:
        """Where the curve's scale ends: a round number (1, 2 or 5 times a power of ten), so that it rarely changes."""
        values = np.concatenate([*self.of(title)[1:], [LEAST_TOP[title]]])
        highest = float(np.nanmax(values))
        power = 10.0 ** math.floor(math.log10(highest))
        return next(factor * power for factor in (1, 2, 5, 10) if highest <= factor * power * (1 + 1e-9))
