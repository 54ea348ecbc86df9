"""A wrist as a tracker measures it, and filters run over it."""

from __future__ import annotations

import numpy as np

from benchmarks.filters.rivals import Filter


def run(filter_: Filter, positions: np.ndarray, stamps: np.ndarray) -> np.ndarray:
    """The filter's output for every sample."""
    return np.array([filter_.update(p, float(dt)) for p, dt in zip(positions, np.diff(stamps, prepend=stamps[0]), strict=True)])


def wander(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """A hand that rests, moves fast and rests, with noise and now and then an outlier; stamps irregular."""
    rng = np.random.default_rng(seed)
    stamps = np.cumsum(rng.integers(2, 7, count) / 128.0)  # multiples of a power of two: exact under shifts
    way = np.clip((np.arange(count) - 20) / 15.0, 0.0, 1.0)[:, None] * np.array([0.2, -0.1, 0.1])
    noise = rng.normal(0, 1, (count, 3)) * np.array([0.002, 0.002, 0.008])
    noise[rng.uniform(size=count) < 0.03] *= 15.0
    return np.array([0.1, 0.05, 0.6]) + way + noise, stamps
