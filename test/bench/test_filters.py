"""The filter benchmark measures what it says, and the default filter keeps its promises."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from handmesh_ros.bench.filter_rivals import ExponentialAverage, SavitzkyGolay, Unfiltered
from handmesh_ros.bench.filters import (
    FilterBench,
    Row,
    beaten,
    default_row,
    lag_s,
    measure_filters,
    phase_lag_s,
    plot,
    rest_jitter,
    run_filter,
    table,
)
from handmesh_ros.bench.signals import CLEAN, NoiseModel, hold, reaches, sinusoid


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return measure_filters(FilterBench(seconds=40.0))


def test_default_reaches_its_goals(rows: list[Row]) -> None:
    figures = default_row(rows).figures
    assert figures.cut >= 4.0
    assert figures.depth_cut >= 6.0
    assert abs(figures.lag_ms) <= 33.0
    assert figures.fast_lag_ms <= 33.0
    assert figures.slow_lag_ms <= 50.0
    assert figures.gap_overshoot_pct <= 10.0
    assert figures.overshoot_pct <= 10.0


def test_default_is_steadier_than_every_rival_at_any_lag(rows: list[Row]) -> None:
    assert beaten(default_row(rows), rows) == []


def test_default_is_also_nearer_to_the_truth(rows: list[Row]) -> None:
    ours = default_row(rows).figures.error_mm
    assert ours < min(r.figures.error_mm for r in rows if not r.candidate.family.startswith("ours"))


def test_table_and_plot(rows: list[Row], tmp_path: Path) -> None:
    text = table(rows)
    assert text.count("\n") >= 9
    assert "| EMA | 0.2 |" in text
    plot(rows, tmp_path / "pareto.png")
    assert (tmp_path / "pareto.png").stat().st_size > 10_000


def test_lag_of_a_known_delay() -> None:
    signal = reaches(0.5, 0.25, 4, CLEAN, 0)
    for delay in (0.0, 0.013, 0.1):
        assert lag_s(signal, signal.path(signal.stamps - delay)) == pytest.approx(delay, abs=1e-3)
    sine = sinusoid(1.0, 0.5, 10.0, CLEAN, 0)
    assert phase_lag_s(sine, sine.path(sine.stamps - 0.05), 1.0) == pytest.approx(0.05, abs=1e-3)


def test_jitter_of_white_noise_through_an_average() -> None:
    """The variance of white noise behind an EMA is alpha / (2 - alpha) of what it was."""
    white = NoiseModel(correlated=0.0, outlier_rate=0.0, dropout_rate=0.0)
    signal = hold(120.0, white, 0)
    raw = rest_jitter(signal, signal.measured)
    assert raw == pytest.approx((0.0015, 0.006), rel=0.05)
    filtered = rest_jitter(signal, run_filter(partial(ExponentialAverage, 0.2), signal))
    assert filtered[0] / raw[0] == pytest.approx(np.sqrt(0.2 / 1.8), rel=0.1)


def test_reaches_have_the_speed_they_claim_and_rest_in_between() -> None:
    signal = reaches(0.5, 0.25, 4, CLEAN, 0)
    fine = np.arange(0.0, signal.stamps[-1], 1e-3)
    speed = np.linalg.norm(np.diff(signal.path(fine), axis=0), axis=1) / 1e-3
    assert speed.max() == pytest.approx(0.5, rel=1e-3)
    at_rest = np.linalg.norm(np.diff(signal.truth, axis=0), axis=1)[signal.still[1:] & signal.still[:-1]]
    assert at_rest.max() < 1e-12


def test_savitzky_golay_follows_a_parabola_exactly() -> None:
    filter_ = SavitzkyGolay(7)
    for i in range(20):
        value = np.array([1.0, 0.1 * i, 0.01 * i * i])
        output = filter_.update(value, 0.03)
    assert output == pytest.approx(value)


def test_unfiltered_has_no_lag_and_cuts_nothing(rows: list[Row]) -> None:
    row = next(r for r in rows if r.candidate.make is Unfiltered)
    assert row.figures.cut == 1.0
    assert abs(row.figures.lag_ms) < 5.0
