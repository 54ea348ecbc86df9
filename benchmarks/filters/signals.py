"""Hand movements with known truth, and the noise a monocular tracker adds to them: the input of the filter benchmark.

Positions are of a wrist in the camera frame, metres; the camera looks along +z and the hand is about 0.6 m away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import FloatArray
from handmesh_training.template.minimum_jerk import minimum_jerk

HOME = np.array([0.05, 0.03, 0.6])
SETTLING_S = 0.5  # a filter may take this long to come to rest
Trajectory = Callable[[FloatArray], FloatArray]  # times (N,) -> positions (N, 3)


@dataclass(frozen=True)
class NoiseModel:
    """What is added to the truth. ``correlated`` is the share of the variance that is AR(1) from frame to frame."""

    lateral_m: float = 0.0015
    depth_ratio: float = 4.0
    correlated: float = 0.3
    correlation: float = 0.7
    outlier_rate: float = 0.01
    outlier_sigmas: float = 12.0
    dropout_rate: float = 0.05
    shortest_dt_s: float = 0.02
    longest_dt_s: float = 0.06


CLEAN = NoiseModel(lateral_m=0.0, outlier_rate=0.0, dropout_rate=0.0, shortest_dt_s=1 / 30, longest_dt_s=1 / 30)


@dataclass(frozen=True, eq=False)
class Signal:
    """A movement as measured.

    Attributes:
        name: what it is.
        stamps: (N,) seconds, irregular.
        measured: (N, 3) metres, with noise.
        path: the truth at any times.
        still: (N,) bool, samples taken at rest, at least 0.5 s after a movement ended or the signal began.
        stops: (start s, end s) of every movement from rest to rest; empty for other signals.
    """

    name: str
    stamps: FloatArray
    measured: FloatArray
    path: Trajectory
    still: NDArray[np.bool_]
    stops: tuple[tuple[float, float], ...] = field(default=())

    @property
    def truth(self) -> FloatArray:
        """(N, 3) metres."""
        return self.path(self.stamps)


def sample_times(duration_s: float, noise: NoiseModel, rng: np.random.Generator) -> FloatArray:
    """(N,) irregular stamps, less the dropouts."""
    steps = rng.uniform(noise.shortest_dt_s, noise.longest_dt_s, int(duration_s / noise.shortest_dt_s) + 2)
    stamps = np.cumsum(steps)
    stamps = stamps[stamps < duration_s]
    return stamps[rng.uniform(size=len(stamps)) >= noise.dropout_rate]


def unit_noise(count: int, size: int, noise: NoiseModel, rng: np.random.Generator) -> FloatArray:
    """(count, size) of variance 1, white plus AR(1) from row to row; outliers are rows."""
    white = rng.normal(size=(count, size))
    slow = np.empty((count, size))
    slow[0] = rng.normal(size=size)
    for i in range(1, count):
        slow[i] = noise.correlation * slow[i - 1] + np.sqrt(1.0 - noise.correlation**2) * rng.normal(size=size)
    unit = np.sqrt(1.0 - noise.correlated) * white + np.sqrt(noise.correlated) * slow
    outliers = rng.uniform(size=count) < noise.outlier_rate
    unit[outliers] = rng.normal(size=(int(outliers.sum()), size)) * noise.outlier_sigmas
    return unit


def add_noise(truth: FloatArray, noise: NoiseModel, rng: np.random.Generator) -> FloatArray:
    """Truth (N, 3) plus white and AR(1) noise and outliers, all wider along the viewing ray than across it."""
    ray = truth / np.linalg.norm(truth, axis=1, keepdims=True)
    unit = unit_noise(len(truth), 3, noise, rng)
    along = (unit * ray).sum(axis=1, keepdims=True) * ray
    return truth + noise.lateral_m * (unit + (noise.depth_ratio - 1.0) * along)


def sampled(name: str, path: Trajectory, duration_s: float, noise: NoiseModel, seed: int, stops: tuple[tuple[float, float], ...] = (),
            resting: bool = False) -> Signal:  # fmt: skip
    """Sample a path. ``resting``: the path is at rest outside ``stops``."""
    rng = np.random.default_rng(seed)
    stamps = sample_times(duration_s, noise, rng)
    still = resting & (stamps >= SETTLING_S)
    for start, end in stops:
        still &= ~((stamps >= start) & (stamps < end + SETTLING_S))
    return Signal(name, stamps, add_noise(path(stamps), noise, rng), path, still, stops)


def hold(duration_s: float, noise: NoiseModel, seed: int) -> Signal:
    return sampled("hold", lambda t: np.broadcast_to(HOME, (len(t), 3)), duration_s, noise, seed, resting=True)


def reaches(peak_mps: float, distance_m: float, count: int, noise: NoiseModel, seed: int, rest_s: float = 1.5) -> Signal:
    """There and back along random directions with rests between: minimum-jerk movements of one peak speed."""
    rng = np.random.default_rng(seed + 1000)
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    places = [HOME]
    for i, direction in enumerate(directions):
        places.append(HOME if i % 2 else HOME + distance_m * direction)
    seconds = 1.875 * distance_m / peak_mps
    starts = rest_s + np.arange(count) * (seconds + rest_s)

    def path(t: FloatArray) -> FloatArray:
        result = np.broadcast_to(HOME, (len(t), 3)).copy()
        for start, a, b in zip(starts, places[:-1], places[1:], strict=True):
            result += minimum_jerk((t - start) / seconds)[:, None] * (b - a)
        return result

    stops = tuple((float(s), float(s + seconds)) for s in starts)
    return sampled(f"reach {peak_mps:g} m/s", path, float(starts[-1] + seconds + rest_s), noise, seed, stops, resting=True)


def sinusoid(frequency_hz: float, peak_mps: float, duration_s: float, noise: NoiseModel, seed: int) -> Signal:
    """To and fro along a slanted line, half sideways and half in depth, at a given peak speed."""
    amplitude = peak_mps / (2.0 * np.pi * frequency_hz)
    direction = np.array([0.6, 0.4, np.sqrt(1 - 0.52)])

    def path(t: FloatArray) -> FloatArray:
        return HOME + amplitude * np.sin(2.0 * np.pi * frequency_hz * t)[:, None] * direction

    return sampled(f"sine {frequency_hz:g} Hz", path, duration_s, noise, seed)


def step(distance_m: float, noise: NoiseModel, seed: int) -> Signal:
    """A jump that no hand makes, but that a re-detection does."""
    direction = np.array([0.8, 0.0, 0.6])
    return sampled("step", lambda t: HOME + np.where(t > 2.0, distance_m, 0.0)[:, None] * direction, 5.0, noise, seed)


def with_gap(signal: Signal, start_s: float, end_s: float) -> Signal:
    """The same signal with every sample between two times lost."""
    kept = (signal.stamps < start_s) | (signal.stamps >= end_s)
    return replace(signal, stamps=signal.stamps[kept], measured=signal.measured[kept], still=signal.still[kept])
