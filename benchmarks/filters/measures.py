"""What the filter benchmark measures on a signal and a filter's output: jitter, lag, overshoot, recovery."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.filters.candidates import Factory
from benchmarks.filters.signals import HOME, Signal, Trajectory
from handmesh_ros.hand import FloatArray


def run_filter(make: Factory, signal: Signal) -> FloatArray:
    """(N, 3) filtered values at the signal's stamps."""
    filter_ = make()
    steps = np.diff(signal.stamps, prepend=signal.stamps[0])
    return np.array([filter_.update(value, float(dt)) for value, dt in zip(signal.measured, steps, strict=True)])


def best_delay_s(path: Trajectory, stamps: FloatArray, output: FloatArray) -> float:
    """The delay of the truth that comes nearest to the output (N, D): the peak of the cross-correlation, made finer by a parabola."""
    delays = np.arange(-0.1, 0.6, 0.005)
    misfit = np.array([((output - path(stamps - d)) ** 2).sum() for d in delays])
    i = int(np.clip(misfit.argmin(), 1, len(delays) - 2))
    before, here, after = misfit[i - 1 : i + 2]
    curvature = before - 2.0 * here + after
    return float(delays[i] + 0.005 * 0.5 * (before - after) / curvature) if curvature > 0.0 else float(delays[i])


def lag_s(signal: Signal, output: FloatArray, chosen: NDArray[np.bool_] | None = None) -> float:
    """The output's delay in the chosen samples of a signal."""
    chosen = np.ones(len(output), dtype=bool) if chosen is None else chosen
    return best_delay_s(signal.path, signal.stamps[chosen], output[chosen])


def phase_lag_s(signal: Signal, output: FloatArray, frequency_hz: float) -> float:
    """Delay from the phase of a sine fitted to the output's main axis."""
    later = signal.stamps > 2.0
    angle = 2.0 * np.pi * frequency_hz * signal.stamps[later]
    basis = np.stack([np.sin(angle), np.cos(angle), np.ones_like(angle)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, output[later], rcond=None)
    true_fit, *_ = np.linalg.lstsq(basis, signal.truth[later], rcond=None)
    axis = true_fit[0] / np.linalg.norm(true_fit[0])
    return float(-np.arctan2(fit[1] @ axis, fit[0] @ axis) / (2.0 * np.pi * frequency_hz))


def rms_across_and_along(vectors: FloatArray, rays: FloatArray) -> tuple[float, float]:
    """Root mean square of vectors (N, 3) across rays (N, 3) or (3,), unit vectors, in one direction; and along them."""
    along = (vectors * rays).sum(axis=1)
    across = vectors - along[:, None] * rays
    return float(np.sqrt((across**2).sum(axis=1).mean() / 2.0)), float(np.sqrt((along**2).mean()))


def rest_jitter(signal: Signal, values: FloatArray) -> tuple[float, float]:
    """RMS deviation from each rest's mean, metres: across the ray (one axis) and along it."""
    rests = np.split(np.flatnonzero(signal.still), np.flatnonzero(np.diff(np.flatnonzero(signal.still)) > 1) + 1)
    errors = values - signal.truth
    deviations = np.concatenate([errors[r] - errors[r].mean(axis=0) for r in rests if len(r) >= 8])
    return rms_across_and_along(deviations, HOME / np.linalg.norm(HOME))


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
