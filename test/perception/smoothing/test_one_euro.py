"""The pure filters: what must hold for any input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.filters.rivals import PositionFilter
from handmesh_ros.perception.smoothing.one_euro import (
    OneEuroVector,
    RayKalman,
    RayOneEuro,
    RotationOneEuro,
    low_pass_gain,
    rotation_matrix,
    rotation_vector,
)
from handmesh_ros.perception.smoothing.still_or_moving import StillOrMoving

FILTERS = {
    "still or moving": StillOrMoving,
    "kalman": lambda: RayKalman(3.0, 0.002, 0.008),
    "one-euro": lambda: RayOneEuro(0.6, 18.0, 0.3, 18.0, 2.0, 0.03, 0.1),
}
every_filter = pytest.mark.parametrize("name", list(FILTERS))


def run(name: str, positions: np.ndarray, stamps: np.ndarray) -> np.ndarray:
    filter_: PositionFilter = FILTERS[name]()
    return np.array([filter_.update(p, float(dt)) for p, dt in zip(positions, np.diff(stamps, prepend=stamps[0]), strict=True)])


def wander(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """A hand that rests, moves fast and rests, with noise and now and then an outlier; stamps irregular."""
    rng = np.random.default_rng(seed)
    stamps = np.cumsum(rng.integers(2, 7, count) / 128.0)  # multiples of a power of two: exact under shifts
    way = np.clip((np.arange(count) - 20) / 15.0, 0.0, 1.0)[:, None] * np.array([0.2, -0.1, 0.1])
    noise = rng.normal(0, 1, (count, 3)) * np.array([0.002, 0.002, 0.008])
    noise[rng.uniform(size=count) < 0.03] *= 15.0
    return np.array([0.1, 0.05, 0.6]) + way + noise, stamps


def rotation_about(axis: np.ndarray, angle: float) -> np.ndarray:
    return rotation_matrix(axis / np.linalg.norm(axis) * angle)


@every_filter
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), angle=st.floats(-3.0, 3.0), mirrored=st.booleans())
def test_turning_or_mirroring_the_world_turns_or_mirrors_the_result(name: str, seed: int, angle: float, mirrored: bool) -> None:
    positions, stamps = wander(seed)
    turn = rotation_about(np.random.default_rng(seed).normal(size=3), angle) @ np.diag([-1.0 if mirrored else 1.0, 1.0, 1.0])
    assert run(name, positions @ turn.T, stamps) == pytest.approx(run(name, positions, stamps) @ turn.T, abs=1e-7)


@every_filter
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), hours=st.integers(0, 10_000))
def test_shifting_time_changes_nothing_and_replay_is_exact(name: str, seed: int, hours: int) -> None:
    positions, stamps = wander(seed)
    first = run(name, positions, stamps)
    assert np.array_equal(first, run(name, positions, stamps))
    assert np.array_equal(first, run(name, positions, stamps + 3600.0 * hours))


@every_filter
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_finite_input_gives_finite_output(name: str, data: st.DataObject) -> None:
    coordinate = st.floats(-1e3, 1e3)
    count = data.draw(st.integers(1, 12))
    positions = np.array([[data.draw(coordinate) for _ in range(3)] for _ in range(count)])
    stamps = np.cumsum([data.draw(st.floats(1e-4, 10.0)) for _ in range(count)])
    assert np.isfinite(run(name, positions, stamps)).all()


@every_filter
def test_a_still_hand_without_noise_stays_where_it_is(name: str) -> None:
    position = np.array([0.1, -0.05, 0.6])
    assert run(name, np.tile(position, (50, 1)), np.arange(50) / 30) == pytest.approx(np.tile(position, (50, 1)), abs=1e-12)


def test_an_outlier_moves_a_resting_hand_by_less_than_a_fifth_and_never_twice() -> None:
    rng = np.random.default_rng(3)
    positions = np.array([0.1, 0.05, 0.6]) + rng.normal(0, 1, (90, 3)) * np.array([0.0015, 0.0015, 0.006])
    positions[60] += np.array([0.05, 0.0, 0.10])
    output = run("still or moving", positions, np.arange(90) / 30)
    off = np.linalg.norm(output - np.array([0.1, 0.05, 0.6]), axis=1)[55:]
    assert off.max() < 0.2 * 0.11


def test_two_outliers_in_a_row_do_not_move_a_resting_hand() -> None:
    """The second one looks like the fast movement that the first one may have begun."""
    home, rng = np.array([0.1, 0.05, 0.6]), np.random.default_rng(4)
    worst = []
    for _ in range(40):
        positions = home + rng.normal(0, 1, (90, 3)) * np.array([0.0015, 0.0015, 0.006])
        positions[60:62] = home + rng.normal(0, 12, (2, 3)) * np.array([0.0015, 0.0015, 0.006])
        output = run("still or moving", positions, np.arange(90) / 30)
        worst.append(np.linalg.norm(output - home, axis=1)[55:].max())
    assert np.median(worst) < 0.003
    assert np.quantile(worst, 0.9) < 0.015


def test_a_jump_is_believed_at_the_third_sample() -> None:
    positions = np.tile([0.0, 0.0, 0.6], (60, 1))
    positions[40:] += np.array([0.3, 0.0, 0.0])
    assert run("kalman", positions, np.arange(60) / 30)[42, 0] == pytest.approx(0.3, abs=0.02)
    hurrying = run("still or moving", positions, np.arange(60) / 30)[:, 0]
    assert hurrying[42] > 0.07
    assert np.diff(hurrying).max() < 0.4 * 0.3, "it hurries, it does not leap"
    assert hurrying[51] == pytest.approx(0.3, abs=0.02)


def test_a_hand_that_is_fast_all_at_once_is_followed() -> None:
    positions = np.tile([-0.5, 0.0, 0.6], (60, 1))
    positions[40:, 0] += 4.0 / 30 * np.arange(20)
    behind = positions[:, 0] - run("still or moving", positions, np.arange(60) / 30)[:, 0]
    assert np.abs(behind[52:]).max() < 0.01


@given(cutoff=st.floats(0.01, 50.0), a=st.floats(1e-3, 0.2), b=st.floats(1e-3, 0.2))
def test_gain_does_not_depend_on_how_time_is_cut(cutoff: float, a: float, b: float) -> None:
    whole = 1.0 - low_pass_gain(cutoff, a + b)
    assert whole == pytest.approx((1.0 - low_pass_gain(cutoff, a)) * (1.0 - low_pass_gain(cutoff, b)), rel=1e-9, abs=1e-15)


@given(x=st.floats(-3, 3), y=st.floats(-3, 3), z=st.floats(-3, 3))
def test_rotation_vector_and_matrix_are_inverse(x: float, y: float, z: float) -> None:
    rotation = rotation_matrix(np.array([x, y, z]))
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-9)
    assert rotation_matrix(rotation_vector(rotation)) == pytest.approx(rotation, abs=1e-6)


def test_half_a_turn_has_an_axis() -> None:
    for axis in (np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.array([0.6, 0.0, -0.8])):
        vector = rotation_vector(rotation_matrix(axis * np.pi))
        assert np.linalg.norm(vector) == pytest.approx(np.pi)
        assert abs(vector @ axis) == pytest.approx(np.pi)


def test_rotation_filter_steadies_rest_and_follows_turns() -> None:
    rng = np.random.default_rng(0)
    filter_ = RotationOneEuro(0.8, 4.0, 2.0, 0.3)
    raw, smooth = [], []
    for _ in range(200):
        noisy = rotation_matrix(rng.normal(0, 0.02, 3))
        raw.append(np.linalg.norm(rotation_vector(noisy)))
        smooth.append(np.linalg.norm(rotation_vector(filter_.update(noisy, 1 / 30))))
    assert np.mean(smooth[50:]) < 0.5 * np.mean(raw[50:])
    filter_.reset()
    for i in range(60):  # two radians a second
        filtered = filter_.update(rotation_matrix(np.array([0.0, 2.0 * i / 30, 0.0])), 1 / 30)
    behind = np.linalg.norm(rotation_vector(rotation_matrix(np.array([0.0, 2.0 * 59 / 30, 0.0])) @ filtered.T))
    assert behind / 2.0 < 0.033


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000))
def test_rotation_filter_turns_with_the_world(seed: int) -> None:
    rng = np.random.default_rng(seed)
    turn = rotation_matrix(rng.normal(size=3))
    plain, turned = RotationOneEuro(0.8, 4.0, 2.0), RotationOneEuro(0.8, 4.0, 2.0)
    rotation = np.eye(3)
    for _ in range(20):
        rotation = rotation_matrix(rng.normal(0, 0.2, 3)) @ rotation
        assert turned.update(turn @ rotation, 0.03) == pytest.approx(turn @ plain.update(rotation, 0.03), abs=1e-9)


def test_each_point_has_the_gain_of_its_own_speed() -> None:
    filter_ = OneEuroVector(0.5, 10.0, 2.0)
    for i in range(30):
        filter_.update(np.array([[0.0, 0.0, 0.0], [0.02 * i, 0.0, 0.0]]), 1 / 30)
    assert filter_.gain[1] > 5 * filter_.gain[0]
