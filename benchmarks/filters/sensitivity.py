"""What each default of the smoothing is worth: the benchmark's figures with that one number halved, and doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from benchmarks.filters.candidates import OURS, HandCandidate
from benchmarks.filters.former.belief import MotionParameters
from benchmarks.filters.former.one_euro import OneEuroParameters
from benchmarks.filters.former.smoother import SmoothingParameters
from benchmarks.filters.former.still_or_moving import StillOrMoving
from benchmarks.filters.orientation import OrientationBench
from benchmarks.filters.position import PositionBench

Parameters = TypeVar("Parameters", MotionParameters, OneEuroParameters)

OF_POSITION = ("jitter_mm", "depth_jitter_mm", "lag_ms", "slow_lag_ms", "overshoot_pct", "error_mm", "worst_mm")
OF_WRIST = ("wrist_jitter_deg", "wrist_lag_ms", "worst_deg")
OF_FINGERS = ("finger_jitter_deg", "finger_lag_ms")


@dataclass(frozen=True)
class SensitivityRow:
    """Figures by name, medians over the seeds, where ``parameter`` has ``factor`` times its default."""

    parameter: str
    factor: float
    figures: dict[str, float]


def position_sensitivity(seconds: float = 40.0, seeds: Sequence[int] = (0, 10, 20, 30)) -> list[SensitivityRow]:
    """Of the wrist's position."""
    benches = [PositionBench(seconds=seconds, seed=seed) for seed in seeds]
    return _rows(MotionParameters(), lambda p: (bench.measure(partial(StillOrMoving, p)) for bench in benches), OF_POSITION)


def orientation_sensitivity(seconds: float = 40.0, seeds: Sequence[int] = (0,)) -> tuple[list[SensitivityRow], list[SensitivityRow]]:
    """Of the wrist's orientation, and of the fingers."""
    benches = [OrientationBench(seconds=seconds, seed=seed) for seed in seeds]
    default = SmoothingParameters()

    def measure(smoothing: SmoothingParameters) -> Iterable[Any]:
        return (bench.measure(HandCandidate(OURS, "", smoothing)) for bench in benches)

    return (
        _rows(default.turning, lambda p: measure(replace(default, turning=p)), OF_WRIST),
        _rows(default.fingers, lambda p: measure(replace(default, fingers=p)), OF_FINGERS),
    )


def _rows(default: Parameters, measure: Callable[[Parameters], Iterable[Any]], columns: Sequence[str]) -> list[SensitivityRow]:
    """Of the record as it is, then of each number halved and doubled. ``measure`` gives the figures of every seed."""

    def row(name: str, factor: float, parameters: Parameters) -> SensitivityRow:
        runs = list(measure(parameters))
        return SensitivityRow(name, factor, {column: float(np.median([getattr(run, column) for run in runs])) for column in columns})

    return [
        row("(all)", 1.0, default),
        *(
            row(field.name, factor, replace(default, **{field.name: factor * getattr(default, field.name)}))
            for field in fields(default)
            for factor in (0.5, 2.0)
        ),
    ]
