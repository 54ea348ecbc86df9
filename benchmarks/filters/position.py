"""The filter benchmark of the wrist's position: how steady is a resting hand, how late is a moving one, for every filter over its
parameters, over several seeds of the noise.

Signals and noise: signals.py. Filters: candidates.py. Orientations: orientation.py. Recorded hands: recorded.py. Tables: tables.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from benchmarks.filters.candidates import OURS, Candidate, Factory, candidates
from benchmarks.filters.measures import lag_s, overshoot, phase_lag_s, recovery_s, rest_jitter, run_filter
from benchmarks.filters.signals import CLEAN, NoiseModel, hold, reaches, sinusoid, step, with_gap

# One hold has a handful of outliers, and two in a row in every other one: a single seed is luck.
SEEDS = tuple(range(0, 80, 10))


@dataclass(frozen=True)
class PositionFigures:
    """Measured in one run; mm and ms unless the name says otherwise.

    Jitter is the deviation from the mean of a rest, across the ray (one axis) and along it; ``cut`` is raw jitter over filtered.
    Lag is the delay of the truth that fits the output best while moving; ``phase_ms`` the same from the phase of a 1 Hz sine.
    ``error_mm`` is the RMS distance to the truth over reaches and rests. Acceleration error is that of human mesh recovery
    (norm of the error's second difference), in mm a frame squared. Overshoots are in per cent of the movement.
    """

    jitter_mm: float
    depth_jitter_mm: float
    cut: float
    depth_cut: float
    lag_ms: float
    fast_lag_ms: float
    slow_lag_ms: float
    phase_ms: float
    error_mm: float
    acceleration_error: float
    overshoot_pct: float
    gap_overshoot_pct: float
    recovery_ms: float
    worst_mm: float
    update_us: float

    @property
    def total_jitter_mm(self) -> float:
        """RMS over three axes."""
        return float(np.sqrt(2.0 * self.jitter_mm**2 + self.depth_jitter_mm**2))


@dataclass(frozen=True)
class PositionRow:
    """A filter's figures, one for each seed."""

    candidate: Candidate
    runs: tuple[PositionFigures, ...]

    def over_seeds(self, of: Callable[[Sequence[float]], Any]) -> PositionFigures:
        """Each figure's median, least or largest."""
        return PositionFigures(**{f.name: float(of([getattr(run, f.name) for run in self.runs])) for f in fields(PositionFigures)})

    @property
    def figures(self) -> PositionFigures:
        """Medians over the seeds."""
        return self.over_seeds(np.median)


class PositionBench:
    """The signals of one run; every candidate sees the same ones."""

    def __init__(self, noise: NoiseModel | None = None, seconds: float = 40.0, seed: int = 0) -> None:
        noise = noise or NoiseModel()
        count = max(4, int(seconds / 2.5))
        self.hold = hold(seconds, noise, seed)
        self.reach = reaches(0.5, 0.25, count, noise, seed + 1)
        self.fast = reaches(1.5, 0.5, count // 2, noise, seed + 2)
        self.slow = reaches(0.1, 0.1, count // 2, noise, seed + 3)
        self.sine = sinusoid(1.0, 0.5, 0.5 * seconds, noise, seed + 4)
        self.clean = [reaches(v, d, 4, CLEAN, seed + 5) for v, d in ((0.5, 0.25), (1.5, 0.5))]
        self.step = step(0.1, CLEAN, seed)
        start, _ = self.clean[0].stops[1]
        self.gaps = [(with_gap(self.clean[0], start + s, start + s + 0.5), start + s + 0.5) for s in (0.2, 0.4, 0.6)]

    def measure(self, make: Factory) -> PositionFigures:
        begin = time.perf_counter()
        resting = run_filter(make, self.hold)
        update_us = 1e6 * (time.perf_counter() - begin) / len(self.hold.stamps)
        raw, jitter = rest_jitter(self.hold, self.hold.measured), rest_jitter(self.hold, resting)
        reach, fast, slow = (run_filter(make, s) for s in (self.reach, self.fast, self.slow))
        sine = run_filter(make, self.sine)
        clean = [run_filter(make, s) for s in self.clean]
        jump = run_filter(make, self.step)
        gaps = [(gap, run_filter(make, gap), end) for gap, end in self.gaps]
        target = self.step.path(np.array([0.0, 4.0]))
        way = target[1] - target[0]
        passed = float(((jump - target[1]) @ way).max() / (way @ way))
        return PositionFigures(
            jitter_mm=1e3 * jitter[0],
            depth_jitter_mm=1e3 * jitter[1],
            cut=raw[0] / jitter[0],
            depth_cut=raw[1] / jitter[1],
            lag_ms=1e3 * lag_s(self.reach, reach, ~self.reach.still),
            fast_lag_ms=1e3 * lag_s(self.fast, fast, ~self.fast.still),
            slow_lag_ms=1e3 * lag_s(self.slow, slow, ~self.slow.still),
            phase_ms=1e3 * phase_lag_s(self.sine, sine, 1.0),
            error_mm=1e3 * float(np.sqrt(((reach - self.reach.truth) ** 2).sum(axis=1).mean())),
            acceleration_error=1e3 * float(np.linalg.norm(np.diff(resting - self.hold.truth, 2, axis=0), axis=1).mean()),
            overshoot_pct=100.0 * max([passed, *(overshoot(s, o, range(4)) for s, o in zip(self.clean, clean, strict=True))]),
            gap_overshoot_pct=100.0 * max(overshoot(gap, output, [1]) for gap, output, _ in gaps),
            recovery_ms=1e3 * max(recovery_s(clean[0], output, gap, self.clean[0], end) for gap, output, end in gaps),
            worst_mm=1e3 * float(np.linalg.norm(resting - self.hold.truth, axis=1)[self.hold.still].max()),
            update_us=update_us,
        )


def measure_filters(seconds: float = 40.0, seeds: Sequence[int] = SEEDS, plot_seeds: int = 2) -> list[PositionRow]:
    """Every candidate's figures: rows of the table for all seeds, what is only a dot of the plot for the first few.

    The PyPI package is left out, not faked, where it is not installed.
    """
    benches = [PositionBench(NoiseModel(), seconds, seed) for seed in seeds]
    rows = []
    for candidate in candidates():
        chosen = benches if candidate.named else benches[:plot_seeds]
        try:
            rows.append(PositionRow(candidate, tuple(bench.measure(candidate.make) for bench in chosen)))
        except ModuleNotFoundError:
            print(f"{candidate.family}: not installed, left out")
    return rows


def beaten(ours: PositionRow, rows: Sequence[PositionRow], longest_lag_ms: float = 250.0) -> list[PositionRow]:
    """Rivals steadier than ours with any seed at any lag up to ``longest_lag_ms``, quicker or slower: empty if ours wins everywhere."""
    rivals = [row for row in rows if row.candidate.family != OURS]
    return [
        rival
        for rival in rivals
        if any(
            theirs.lag_ms <= longest_lag_ms and theirs.total_jitter_mm <= mine.total_jitter_mm
            for mine, theirs in zip(ours.runs, rival.runs, strict=False)  # the same seeds first
        )
    ]


def default_row(rows: Sequence[PositionRow]) -> PositionRow:
    """The row of the default filter."""
    return next(r for r in rows if r.candidate.family == OURS and r.candidate.named)
