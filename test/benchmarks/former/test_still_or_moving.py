"""The still-or-moving filter of positions: outliers, jumps and sudden movements."""

from __future__ import annotations

import numpy as np
import pytest
from support.wandering import run

from benchmarks.filters.former.still_or_moving import StillOrMoving


def test_an_outlier_moves_a_resting_hand_by_less_than_a_fifth_and_never_twice() -> None:
    rng = np.random.default_rng(3)
    positions = np.array([0.1, 0.05, 0.6]) + rng.normal(0, 1, (90, 3)) * np.array([0.0015, 0.0015, 0.006])
    positions[60] += np.array([0.05, 0.0, 0.10])
    output = run(StillOrMoving(), positions, np.arange(90) / 30)
    off = np.linalg.norm(output - np.array([0.1, 0.05, 0.6]), axis=1)[55:]
    assert off.max() < 0.2 * 0.11


def test_two_outliers_in_a_row_do_not_move_a_resting_hand() -> None:
    """The second one looks like the fast movement that the first one may have begun."""
    home, rng = np.array([0.1, 0.05, 0.6]), np.random.default_rng(4)
    worst = []
    for _ in range(40):
        positions = home + rng.normal(0, 1, (90, 3)) * np.array([0.0015, 0.0015, 0.006])
        positions[60:62] = home + rng.normal(0, 12, (2, 3)) * np.array([0.0015, 0.0015, 0.006])
        output = run(StillOrMoving(), positions, np.arange(90) / 30)
        worst.append(np.linalg.norm(output - home, axis=1)[55:].max())
    assert np.median(worst) < 0.003
    assert np.quantile(worst, 0.9) < 0.015


def test_a_jump_is_believed_at_the_third_sample() -> None:
    positions = np.tile([0.0, 0.0, 0.6], (60, 1))
    positions[40:] += np.array([0.3, 0.0, 0.0])
    hurrying = run(StillOrMoving(), positions, np.arange(60) / 30)[:, 0]
    assert hurrying[41] == pytest.approx(0.0, abs=1e-6)
    assert hurrying[42] > 0.07
    assert np.diff(hurrying).max() < 0.4 * 0.3, "it hurries, it does not leap"
    assert hurrying[51] == pytest.approx(0.3, abs=0.02)


def test_a_hand_that_is_fast_all_at_once_is_followed() -> None:
    positions = np.tile([-0.5, 0.0, 0.6], (60, 1))
    positions[40:, 0] += 4.0 / 30 * np.arange(20)
    behind = positions[:, 0] - run(StillOrMoving(), positions, np.arange(60) / 30)[:, 0]
    assert np.abs(behind[52:]).max() < 0.01
