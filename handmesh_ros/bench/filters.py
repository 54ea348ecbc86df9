"""The filter benchmark: how steady is a resting hand, how late is a moving one, for every filter over its parameters.

Signals and noise: signals.py. Rivals: filter_rivals.py. ``measure_filters`` gives the figures, ``table`` and ``plot`` show them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.bench.filter_rivals import (
    AxisOneEuro,
    DoubleExponential,
    ExponentialAverage,
    MovingAverage,
    PackageOneEuro,
    PositionFilter,
    SavitzkyGolay,
    Unfiltered,
)
from handmesh_ros.bench.signals import CLEAN, HOME, NoiseModel, Signal, hold, reaches, sinusoid, step, with_gap
from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.filters import RayKalman, RayOneEuro
from handmesh_ros.perception.imm import MotionParameters, StillOrMoving
from handmesh_ros.perception.smooth import SmoothingParameters

Factory = Callable[[], PositionFilter]


@dataclass(frozen=True)
class Candidate:
    """A filter with its parameters. ``named`` ones are rows of the table, all are dots of the plot."""

    family: str
    setting: str
    make: Factory
    named: bool = False


@dataclass(frozen=True)
class FilterFigures:
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
class Row:
    candidate: Candidate
    figures: FilterFigures


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
    rows += [Candidate("One-Euro, MediaPipe's", f"beta {b:g}", partial(AxisOneEuro, 0.1, b), b == 40.0) for b in betas]
    rows += [
        Candidate("OneEuroFilter (PyPI)", f"{c:g} Hz, beta {b:g}", partial(PackageOneEuro, c, b), (c, b) == (1.0, 0.0))
        for c, b in ((1.0, 0.0), (0.3, 2.0), (0.3, 5.0), (0.3, 10.0), (1.0, 10.0))
    ]
    alphas = (0.1, 0.2, 0.35, 0.5, 0.7)
    rows += [Candidate("double exponential", f"{a:g}", partial(DoubleExponential, a), a == 0.35) for a in alphas]
    rows += [Candidate("Savitzky-Golay", f"{n}, degree 2", partial(SavitzkyGolay, n), n == 9) for n in (5, 9, 15, 25)]
    return rows


def run_filter(make: Factory, signal: Signal) -> FloatArray:
    """(N, 3) filtered values at the signal's stamps."""
    filter_ = make()
    steps = np.diff(signal.stamps, prepend=signal.stamps[0])
    return np.array([filter_.update(value, float(dt)) for value, dt in zip(signal.measured, steps, strict=True)])


def lag_s(signal: Signal, output: FloatArray, chosen: NDArray[np.bool_] | None = None) -> float:
    """The delay of the truth that comes nearest to the output: the peak of the cross-correlation, made finer by a parabola."""
    chosen = np.ones(len(output), dtype=bool) if chosen is None else chosen
    delays = np.arange(-0.1, 0.6, 0.005)
    misfit = np.array([((output - signal.path(signal.stamps - d))[chosen] ** 2).sum() for d in delays])
    i = int(np.clip(misfit.argmin(), 1, len(delays) - 2))
    before, here, after = misfit[i - 1 : i + 2]
    curvature = before - 2.0 * here + after
    return float(delays[i] + 0.005 * 0.5 * (before - after) / curvature) if curvature > 0.0 else float(delays[i])


def phase_lag_s(signal: Signal, output: FloatArray, frequency_hz: float) -> float:
    """Delay from the phase of a sine fitted to the output's main axis."""
    later = signal.stamps > 2.0
    angle = 2.0 * np.pi * frequency_hz * signal.stamps[later]
    basis = np.stack([np.sin(angle), np.cos(angle), np.ones_like(angle)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, output[later], rcond=None)
    true_fit, *_ = np.linalg.lstsq(basis, signal.truth[later], rcond=None)
    axis = true_fit[0] / np.linalg.norm(true_fit[0])
    return float(-np.arctan2(fit[1] @ axis, fit[0] @ axis) / (2.0 * np.pi * frequency_hz))


def rest_jitter(signal: Signal, values: FloatArray) -> tuple[float, float]:
    """RMS deviation from each rest's mean, metres: across the ray (one axis) and along it."""
    rests = np.split(np.flatnonzero(signal.still), np.flatnonzero(np.diff(np.flatnonzero(signal.still)) > 1) + 1)
    errors = values - signal.truth
    deviations = np.concatenate([errors[r] - errors[r].mean(axis=0) for r in rests if len(r) >= 8])
    ray = HOME / np.linalg.norm(HOME)
    along = deviations @ ray
    across = deviations - along[:, None] * ray
    return float(np.sqrt((across**2).sum(axis=1).mean() / 2.0)), float(np.sqrt((along**2).mean()))


def overshoot(signal: Signal, output: FloatArray, which: Sequence[int]) -> float:
    """Most that the output passes a movement's end, as a share of the way."""
    worst = 0.0
    for start, end in (signal.stops[i] for i in which):
        ends = signal.path(np.array([start, end]))
        way = ends[1] - ends[0]
        window = (signal.stamps > start) & (signal.stamps < end + 1.2)
        worst = max(worst, float(((output[window] - ends[1]) @ way).max() / (way @ way)))
    return worst


def recovery_s(whole: FloatArray, gapped: FloatArray, gapped_signal: Signal, whole_signal: Signal, end_s: float) -> float:
    """Seconds after a loss until the output stays within 5 mm of what the same filter gives without the loss."""
    there = np.isin(whole_signal.stamps, gapped_signal.stamps)
    late = gapped_signal.stamps[np.linalg.norm(gapped - whole[there], axis=1) > 0.005]
    return max(0.0, float(late[-1]) - end_s) if len(late) else 0.0


class FilterBench:
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

    def measure(self, make: Factory) -> FilterFigures:
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
        return FilterFigures(
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
            worst_mm=1e3 * float(np.linalg.norm(resting - self.hold.truth, axis=1)[30:].max()),
            update_us=update_us,
        )


def measure_filters(bench: FilterBench | None = None) -> list[Row]:
    """Every candidate's figures; the PyPI package is left out, not faked, where it is not installed."""
    bench = bench or FilterBench()
    rows = []
    for candidate in candidates():
        try:
            rows.append(Row(candidate, bench.measure(candidate.make)))
        except ModuleNotFoundError:
            print(f"{candidate.family}: not installed, left out")
    return rows


def beaten(ours: Row, rivals: Sequence[Row], longest_lag_ms: float = 250.0) -> list[Row]:
    """Rivals steadier than ours at any lag up to ``longest_lag_ms``, quicker or slower: empty if ours wins everywhere."""
    return [
        r
        for r in rivals
        if not r.candidate.family.startswith("ours")
        and r.figures.lag_ms <= longest_lag_ms
        and r.figures.total_jitter_mm <= ours.figures.total_jitter_mm
    ]


def default_row(rows: Sequence[Row]) -> Row:
    """The row of the default filter."""
    return next(r for r in rows if r.candidate.family == "ours: still or moving" and r.candidate.named)


def table(rows: Sequence[Row], named_only: bool = True) -> str:
    """Markdown."""
    names = [f.name for f in fields(FilterFigures)]
    lines = ["| filter | setting | " + " | ".join(n.replace("_", " ") for n in names) + " |", "|---|---|" + "---:|" * len(names)]
    for row in rows:
        if row.candidate.named or not named_only:
            cells = " | ".join(f"{getattr(row.figures, n):.{1 if abs(getattr(row.figures, n)) >= 10 else 2}f}" for n in names)
            lines.append(f"| {row.candidate.family} | {row.candidate.setting} | {cells} |")
    return "\n".join(lines)


def plot(rows: Sequence[Row], path: Path) -> None:
    """The Pareto plot: jitter at rest over lag at 0.5 m/s; lower left is better. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5), dpi=110)
    families = list(dict.fromkeys(r.candidate.family for r in rows))
    for i, family in enumerate(families):
        members = sorted((r for r in rows if r.candidate.family == family), key=lambda r: r.figures.lag_ms)
        ours = family.startswith("ours")
        lags, jitters = [r.figures.lag_ms for r in members], [r.figures.total_jitter_mm for r in members]
        axes.plot(lags, jitters, "-o" if ours else "--s", color=f"C{i}", label=family, linewidth=2 if ours else 1, markersize=4)
    best = default_row(rows).figures
    axes.plot(best.lag_ms, best.total_jitter_mm, "*", color="black", markersize=16, label="our default", zorder=5)
    axes.axvline(33.0, color="grey", linewidth=1, linestyle=":")
    axes.set(xlabel="lag at 0.5 m/s, ms", ylabel="jitter of a resting hand, mm RMS (3 axes)", yscale="log", xlim=(-20, 260))
    axes.set_title("Filters of the wrist's position: steady against quick")
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight")
    pyplot.close(figure)
