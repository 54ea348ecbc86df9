"""Still or moving: rest is steadied, movement followed without lag, single outliers left out."""

from __future__ import annotations

import numpy as np

from handmesh_ros.perception.articulated.motion import PartMotion, PartParameters

DT = 1 / 30
SIGMA = 0.01
PARAMETERS = PartParameters(15.0, 200.0, 4.0, 0.2, 0.02)


def run(values: np.ndarray) -> tuple[np.ndarray, PartMotion]:
    """(N, 2, 3) samples of two parts, the second with two coordinates only."""
    used = np.array([[True, True, True], [True, True, False]])
    motion = PartMotion([PARAMETERS] * 2, used)
    variances = np.where(used, SIGMA**2, 1.0)
    shown = []
    for value in values * used:
        if motion.started:
            motion.update(value, variances, DT, np.ones((2, 1)))
        else:
            motion.start(value, variances, np.ones((2, 1)))
        shown.append(motion.value)
    return np.array(shown), motion


def test_rest_is_steadied_and_believed() -> None:
    noise = np.random.default_rng(0).normal(0, SIGMA, (150, 2, 3))
    shown, motion = run(noise)
    assert shown[60:].std() < SIGMA / 2.5
    assert (motion.is_still > 0.5).all() and np.abs(motion.steady_velocity).max() < 0.1


def test_a_steady_movement_is_followed_without_lag_and_the_other_part_stays() -> None:
    values = np.random.default_rng(1).normal(0, SIGMA, (90, 2, 3))
    truth = np.maximum(np.arange(90) - 30, 0) * DT * 2.0
    values[:, 0] += truth[:, None]
    shown, motion = run(values)
    assert np.abs((shown[45:, 0] - truth[45:, None]).mean()) < 2.0 * 0.005  # 5 ms at 2 rad/s
    assert motion.is_still[0, 0] < 0.1 < 0.5 < motion.is_still[1, 0]
    assert shown[45:, 1].std() < SIGMA / 2


def test_an_outlier_is_left_out_and_a_jump_is_believed_at_the_second_sample() -> None:
    values = np.random.default_rng(2).normal(0, SIGMA, (60, 2, 3))
    values[30, 0] += 1.0
    values[50:, 0] += 1.0
    shown, _ = run(values)
    assert np.abs(shown[30, 0]).max() < 3 * SIGMA
    assert np.abs(shown[50, 0]).max() < 0.1 and np.abs(shown[52:, 0] - 1.0).max() < 0.1


def test_what_is_not_used_stays_nothing() -> None:
    shown, _ = run(np.random.default_rng(3).normal(0, 1.0, (40, 2, 3)))
    assert not shown[:, 1, 2].any() and np.isfinite(shown).all()
