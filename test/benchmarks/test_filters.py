"""The filter benchmark measures what it says, and the default filter keeps its promises."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.filters.candidates import OURS, Candidate, hand_candidates
from benchmarks.filters.measures import lag_s, phase_lag_s, rest_jitter, run_filter
from benchmarks.filters.orientation import Exercise, OrientationBench, OrientationRow
from benchmarks.filters.position import SEEDS, PositionBench, PositionRow, beaten, default_row, measure_filters
from benchmarks.filters.recorded import RecordedHands, measure_recording
from benchmarks.filters.rivals import ExponentialAverage, Unfiltered
from benchmarks.filters.signals import CLEAN, NoiseModel, hold, reaches, sinusoid
from benchmarks.filters.tables import hand_table, plot, position_table


@pytest.fixture(scope="module")
def rows() -> list[PositionRow]:
    return measure_filters(seconds=40.0, seeds=(0,), plot_seeds=1)


@pytest.mark.parametrize("seed", SEEDS)
def test_default_reaches_its_goals_with_every_seed(rows: list[PositionRow], seed: int) -> None:
    figures = PositionBench(seed=seed).measure(default_row(rows).candidate.make)
    assert figures.cut >= 4.0
    assert figures.depth_cut >= 6.0
    assert abs(figures.lag_ms) <= 33.0
    assert figures.fast_lag_ms <= 33.0
    assert figures.slow_lag_ms <= 60.0
    assert figures.gap_overshoot_pct <= 10.0
    assert figures.overshoot_pct <= 10.0


def test_default_is_steadier_than_every_rival_at_any_lag(rows: list[PositionRow]) -> None:
    assert beaten(default_row(rows), rows) == []


def test_a_steadier_rival_is_named(rows: list[PositionRow]) -> None:
    ours = default_row(rows)
    steadier = PositionRow(Candidate("rival", "", Unfiltered), (replace(ours.runs[0], jitter_mm=0.9 * ours.runs[0].jitter_mm),))
    assert beaten(ours, [*rows, steadier]) == [steadier]


def test_default_is_also_nearer_to_the_truth(rows: list[PositionRow]) -> None:
    """Than every filter but Kalman's, which comes as near and trembles at rest."""
    ours = default_row(rows).figures
    rivals = [r for r in rows if r.candidate.family != OURS]
    nearer = [r for r in rivals if r.figures.error_mm <= ours.error_mm]
    assert {r.candidate.family for r in nearer} <= {"Kalman, ray"}
    assert all(r.figures.total_jitter_mm > 4.0 * ours.total_jitter_mm for r in nearer)


def test_tables_and_plot(rows: list[PositionRow], tmp_path: Path) -> None:
    text = position_table(rows)
    assert text.count("\n") >= 9
    assert "| EMA | 0.2 |" in text
    plot(rows, tmp_path / "pareto.png")
    assert (tmp_path / "pareto.png").stat().st_size > 10_000


def test_a_row_shows_the_median_and_the_range_of_its_seeds(rows: list[PositionRow]) -> None:
    run = default_row(rows).runs[0]
    row = PositionRow(default_row(rows).candidate, tuple(replace(run, cut=cut) for cut in (4.0, 9.0, 5.0)))
    assert "| 5.00 (4.00 to 9.00) |" in position_table([row])


def test_orientation_default_is_calm_and_quick() -> None:
    bench = OrientationBench(seconds=30.0)
    candidates = {candidate.family: candidate for candidate in hand_candidates() if candidate.setting != "0.5"}
    ours, none, average = (bench.measure(candidates[name]) for name in ("ours: still or moving", "none", "EMA"))
    assert ours.wrist_cut > 4.0
    assert abs(ours.wrist_lag_ms) < 20.0
    assert ours.worst_deg < 0.2 * none.worst_deg
    assert none.wrist_cut == none.finger_cut == 1.0
    assert abs(none.wrist_lag_ms) < 3.0 and abs(none.finger_lag_ms) < 3.0
    assert average.wrist_lag_ms > 100.0 and average.finger_lag_ms > 100.0
    assert "| EMA | 0.2 | " in hand_table([OrientationRow(candidates["EMA"], average)])


def test_recorded_hands_lag_and_jitter_as_their_filters_do() -> None:
    """A hand that turns, bends and jitters, as if it had been recorded, with an interruption."""
    rng = np.random.default_rng(0)
    times = np.delete(np.arange(0.0, 12.0, 1 / 30), slice(200, 230))
    exercise = Exercise(np.array([0.3, 0.2, 0.0]), 0.4, 1.0, 4)
    hands = exercise.hands(times, NoiseModel(outlier_rate=0.0), rng)
    path = 0.1 * np.sin(2.0 * times)[:, None] * np.array([1.0, 0.0, 0.5]) + rng.normal(0.0, 1.0, (len(times), 3)) * (1e-3, 1e-3, 4e-3)
    hands = [replace(hand, joints=hand.joints + shift) for hand, shift in zip(hands, path, strict=True)]
    rows = {row.candidate.family + row.candidate.setting: row.figures for row in measure_recording(RecordedHands("test", tuple(hands)))}
    assert abs(rows["none"].lag_ms) < 5.0 and abs(rows["none"].wrist_lag_ms) < 10.0
    assert rows["none"].jitter_mm == pytest.approx(0.9, rel=0.2)  # a parabola takes a quarter of the variance
    assert rows["none"].depth_jitter_mm == pytest.approx(3.4, rel=0.2)
    assert rows["EMA0.2"].lag_ms > 80.0
    assert rows["EMA0.2"].depth_jitter_mm < 0.4 * rows["none"].depth_jitter_mm
    assert rows["ours: still or movingdefault"].wrist_jitter_deg < rows["none"].wrist_jitter_deg


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


def test_unfiltered_has_no_lag_and_cuts_nothing(rows: list[PositionRow]) -> None:
    row = next(r for r in rows if r.candidate.make is Unfiltered)
    assert row.figures.cut == 1.0
    assert abs(row.figures.lag_ms) < 5.0
