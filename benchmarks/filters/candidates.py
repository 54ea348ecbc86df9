"""The filters of the benchmark with their parameters: ours and the rivals, for positions and for whole hands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from benchmarks.filters.rivals import (
    AxisOneEuro,
    DoubleExponential,
    ExponentialAverage,
    MovingAverage,
    PackageOneEuro,
    PositionFilter,
    SavitzkyGolay,
    Unfiltered,
)
from handmesh_ros.perception.smoothing.one_euro import RayKalman, RayOneEuro
from handmesh_ros.perception.smoothing.smoother import SmoothingParameters
from handmesh_ros.perception.smoothing.still_or_moving import MotionParameters, StillOrMoving

Factory = Callable[[], PositionFilter]
MEDIAPIPE = "One-Euro, MediaPipe's"


@dataclass(frozen=True)
class Candidate:
    """A filter with its parameters. ``named`` ones are rows of the table, all are dots of the plot."""

    family: str
    setting: str
    make: Factory
    named: bool = False


def candidates() -> list[Candidate]:
    """Ours and the rivals, each over its parameters."""
    p = SmoothingParameters()
    one_euro = np.array([p.min_cutoff_hz, p.cutoff_slope_hz_per_mps, p.depth_min_cutoff_hz, p.depth_cutoff_slope_hz_per_mps,
                         p.speed_cutoff_hz, p.speed_floor_mps, p.depth_speed_floor_mps])  # fmt: skip
    rows = [Candidate("none", "", Unfiltered, True)]
    rows += [
        Candidate("ours: still or moving", f"{a:g} m/s²", partial(StillOrMoving, MotionParameters(acceleration_mps2=a)),
                  a == MotionParameters().acceleration_mps2)
        for a in (0.5, 1.0, 3.0, 6.0, 12.0)
    ]  # fmt: skip
    rows += [
        Candidate("ours: One-Euro, ray", f"slope x{k:g}", partial(RayOneEuro, *(one_euro * (1, k, 1, k, 1, 1, 1))), k == 1.0)
        for k in (0.25, 0.5, 1.0, 2.0, 4.0)
    ]
    rows += [
        Candidate("ours: Kalman, ray", f"{a:g} m/s²", partial(RayKalman, a, p.kalman_noise_m, p.kalman_depth_noise_m),
                  a == p.kalman_acceleration_mps2)
        for a in (0.1, 0.3, 1.0, 3.0, 10.0)
    ]  # fmt: skip
    rows += [Candidate("EMA", f"{a:g}", partial(ExponentialAverage, a), a in (0.2, 0.5)) for a in (0.05, 0.1, 0.2, 0.35, 0.5, 0.7)]
    rows += [Candidate("moving average", f"{n}", partial(MovingAverage, n), n == 8) for n in (2, 3, 5, 8, 16)]
    betas = (1.0, 4.0, 10.0, 40.0, 80.0)
    rows += [Candidate(MEDIAPIPE, f"beta {b:g}", partial(AxisOneEuro, 0.1, b), b == 40.0) for b in betas]
    rows += [
        Candidate("OneEuroFilter (PyPI)", f"{c:g} Hz, beta {b:g}", partial(PackageOneEuro, c, b), (c, b) == (1.0, 0.0))
        for c, b in ((1.0, 0.0), (0.3, 2.0), (0.3, 5.0), (0.3, 10.0), (1.0, 10.0))
    ]
    alphas = (0.1, 0.2, 0.35, 0.5, 0.7)
    rows += [Candidate("double exponential", f"{a:g}", partial(DoubleExponential, a), a == 0.35) for a in alphas]
    rows += [Candidate("Savitzky-Golay", f"{n}, degree 2", partial(SavitzkyGolay, n), n == 9) for n in (5, 9, 15, 25)]
    return rows


@dataclass(frozen=True)
class HandCandidate:
    """A filter of whole hands. Ours is the smoother with its parameters; a rival runs its filter once on the wrist's position, metres,
    and once on each rotation, as a rotation vector in radians.
    """

    family: str
    setting: str
    smoothing: SmoothingParameters | None = None
    position: Factory = Unfiltered
    rotation: Factory = Unfiltered


def hand_candidates() -> list[HandCandidate]:
    """Ours with each filter of the wrist's position, and the rivals with their usual settings."""
    rows = [HandCandidate("none", "")]
    names = {"imm": "still or moving", "one_euro": "One-Euro", "kalman": "Kalman"}
    rows += [HandCandidate(f"ours: {name}", "default", replace(SmoothingParameters(), kind=kind)) for kind, name in names.items()]
    rivals = [c for c in candidates() if c.named and c.family != "none" and not c.family.startswith("ours")]
    for rival in rivals:
        # MediaPipe's beta is for points in metres, and a hand's joints lie a tenth of a metre from the wrist: a tenth for radians.
        rotation = partial(AxisOneEuro, 0.1, 4.0) if rival.family == MEDIAPIPE else rival.make
        rows.append(HandCandidate(rival.family, rival.setting, None, rival.make, rotation))
    return rows
