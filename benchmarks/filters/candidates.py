"""The filters of the benchmark with their parameters: ours and the rivals, for positions and for whole hands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.filters.former.belief import MotionParameters
from benchmarks.filters.former.one_euro import OneEuroParameters
from benchmarks.filters.former.smoother import SmoothingParameters
from benchmarks.filters.former.still_or_moving import StillOrMoving
from benchmarks.filters.ray_rivals import RayKalman, RayOneEuro
from benchmarks.filters.rivals import (
    AxisOneEuro,
    DoubleExponential,
    ExponentialAverage,
    Filter,
    MovingAverage,
    OnRotationVectors,
    PackageOneEuro,
    RotationOneEuro,
    SavitzkyGolay,
    Unfiltered,
)

Factory = Callable[[], Filter]
OURS = "ours: still or moving"

# Of a wrist's orientation, rad/s for m/s. Chosen by hand, as are those of its position.
ROTATION_ONE_EURO = OneEuroParameters(min_cutoff_hz=0.6, cutoff_slope_hz_per_mps=6.0, speed_cutoff_hz=2.0, speed_floor_mps=0.5)


@dataclass(frozen=True)
class Candidate:
    """A filter of positions with its parameters. ``named`` ones are rows of the tables, all are dots of the plot.

    ``rotation`` is its filter of rotations (3, 3); without one, the same filter works on rotation vectors.
    """

    family: str
    setting: str
    make: Factory
    named: bool = False
    rotation: Factory | None = None


def candidates() -> list[Candidate]:
    """Ours and the rivals, each over its parameters."""
    default = MotionParameters().acceleration_mps2
    rows = [Candidate("none", "", Unfiltered, True)]
    rows += [
        Candidate(OURS, f"{a:g} m/s²", partial(StillOrMoving, MotionParameters(acceleration_mps2=a)), a == default)
        for a in (0.5, 1.0, 3.0, 6.0, 12.0)
    ]
    rotation = partial(RotationOneEuro, ROTATION_ONE_EURO)
    rows += [Candidate("One-Euro, ray", f"slope x{k:g}", partial(_ray_one_euro, k), k == 1.0, rotation) for k in (0.25, 0.5, 1.0, 2.0, 4.0)]
    rows += [
        Candidate("Kalman, ray", f"{a:g} m/s²", partial(RayKalman, a, 0.002, 0.009), a == 3.0, rotation)
        for a in (0.1, 0.3, 1.0, 3.0, 10.0)
    ]  # fmt: skip
    rows += [Candidate("EMA", f"{a:g}", partial(ExponentialAverage, a), a in (0.2, 0.5)) for a in (0.05, 0.1, 0.2, 0.35, 0.5, 0.7)]
    rows += [Candidate("moving average", f"{n}", partial(MovingAverage, n), n == 8) for n in (2, 3, 5, 8, 16)]
    betas = (1.0, 4.0, 10.0, 40.0, 80.0)
    # MediaPipe's beta is for points in metres, and a hand's joints lie a tenth of a metre from the wrist: a tenth for radians.
    rows += [
        Candidate("One-Euro, MediaPipe's", f"beta {b:g}", partial(AxisOneEuro, 0.1, b), b == 40.0,
                  partial(OnRotationVectors, partial(AxisOneEuro, 0.1, 0.1 * b)))
        for b in betas
    ]  # fmt: skip
    rows += [
        Candidate("OneEuroFilter (PyPI)", f"{c:g} Hz, beta {b:g}", partial(PackageOneEuro, c, b), (c, b) == (1.0, 0.0))
        for c, b in ((1.0, 0.0), (0.3, 2.0), (0.3, 5.0), (0.3, 10.0), (1.0, 10.0))
    ]
    alphas = (0.1, 0.2, 0.35, 0.5, 0.7)
    rows += [Candidate("double exponential", f"{a:g}", partial(DoubleExponential, a), a == 0.35) for a in alphas]
    rows += [Candidate("Savitzky-Golay", f"{n}, degree 2", partial(SavitzkyGolay, n), n == 9) for n in (5, 9, 15, 25)]
    return rows


def _ray_one_euro(slope: float) -> RayOneEuro:
    across = OneEuroParameters(min_cutoff_hz=0.6, cutoff_slope_hz_per_mps=18.0 * slope, speed_cutoff_hz=2.0, speed_floor_mps=0.03)
    along = OneEuroParameters(min_cutoff_hz=0.3, cutoff_slope_hz_per_mps=18.0 * slope, speed_cutoff_hz=2.0, speed_floor_mps=0.12)
    return RayOneEuro(across, along)


@dataclass(frozen=True)
class HandCandidate:
    """A filter of whole hands. Ours is the smoother with its parameters; a rival filters the wrist's position (3,), metres, and each
    rotation (3, 3) by itself.
    """

    family: str
    setting: str
    smoothing: SmoothingParameters | None = None
    position: Factory = Unfiltered
    rotation: Factory = Unfiltered


def hand_candidates() -> list[HandCandidate]:
    """None, ours, and the rivals with their usual settings."""
    rivals = [c for c in candidates() if c.named and c.family not in ("none", OURS)]
    return [
        HandCandidate("none", ""),
        HandCandidate(OURS, "default", SmoothingParameters()),
        *(HandCandidate(c.family, c.setting, None, c.make, c.rotation or partial(OnRotationVectors, c.make)) for c in rivals),
    ]
