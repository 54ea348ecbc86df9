"""The rivals: what must hold of ours, too, holds of those that know the viewing ray."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.wandering import run, wander

from benchmarks.filters.candidates import ROTATION_ONE_EURO, candidates
from benchmarks.filters.rivals import AxisOneEuro, OnRotationVectors, RotationOneEuro, SavitzkyGolay
from handmesh_ros.perception.rotations import rotation_matrix, rotation_vector

FILTERS = {c.family: c.make for c in candidates() if c.named and c.family in ("ours: still or moving", "One-Euro, ray", "Kalman, ray")}
every_filter = pytest.mark.parametrize("name", list(FILTERS))


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


@every_filter
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), angle=st.floats(-3.0, 3.0), mirrored=st.booleans())
def test_turning_or_mirroring_the_world_turns_or_mirrors_the_result(name: str, seed: int, angle: float, mirrored: bool) -> None:
    positions, stamps = wander(seed)
    turn = rotation_matrix(angle * unit(np.random.default_rng(seed).normal(size=3))) @ np.diag([-1.0 if mirrored else 1.0, 1.0, 1.0])
    assert run(FILTERS[name](), positions @ turn.T, stamps) == pytest.approx(run(FILTERS[name](), positions, stamps) @ turn.T, abs=1e-7)


@every_filter
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), hours=st.integers(0, 10_000))
def test_shifting_time_changes_nothing_and_replay_is_exact(name: str, seed: int, hours: int) -> None:
    positions, stamps = wander(seed)
    first = run(FILTERS[name](), positions, stamps)
    assert np.array_equal(first, run(FILTERS[name](), positions, stamps))
    assert np.array_equal(first, run(FILTERS[name](), positions, stamps + 3600.0 * hours))


@every_filter
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_finite_input_gives_finite_output(name: str, data: st.DataObject) -> None:
    coordinate = st.floats(-1e3, 1e3)
    count = data.draw(st.integers(1, 12))
    positions = np.array([[data.draw(coordinate) for _ in range(3)] for _ in range(count)])
    stamps = np.cumsum([data.draw(st.floats(1e-4, 10.0)) for _ in range(count)])
    assert np.isfinite(run(FILTERS[name](), positions, stamps)).all()


@every_filter
def test_a_still_hand_without_noise_stays_where_it_is(name: str) -> None:
    position = np.array([0.1, -0.05, 0.6])
    assert run(FILTERS[name](), np.tile(position, (50, 1)), np.arange(50) / 30) == pytest.approx(np.tile(position, (50, 1)), abs=1e-12)


def test_kalman_believes_a_jump_at_the_third_sample() -> None:
    positions = np.tile([0.0, 0.0, 0.6], (60, 1))
    positions[40:] += np.array([0.3, 0.0, 0.0])
    x = run(FILTERS["Kalman, ray"](), positions, np.arange(60) / 30)[:, 0]
    assert x[41] == pytest.approx(0.0, abs=1e-6)
    assert x[42] == pytest.approx(0.3, abs=0.02)


def test_rotation_filter_steadies_rest_and_follows_turns() -> None:
    rng = np.random.default_rng(0)
    filter_ = RotationOneEuro(ROTATION_ONE_EURO)
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
    plain, turned = RotationOneEuro(ROTATION_ONE_EURO), RotationOneEuro(ROTATION_ONE_EURO)
    rotation = np.eye(3)
    for _ in range(20):
        rotation = rotation_matrix(rng.normal(0, 0.2, 3)) @ rotation
        assert turned.update(turn @ rotation, 0.03) == pytest.approx(turn @ plain.update(rotation, 0.03), abs=1e-9)


def test_on_rotation_vectors_begins_with_the_first_rotation_and_turns_back_to_rotations() -> None:
    filter_ = OnRotationVectors(lambda: AxisOneEuro(1e6, 0.0))  # so quick that nothing is filtered
    rng = np.random.default_rng(0)
    for _ in range(5):
        rotation = rotation_matrix(rng.normal(size=3))
        assert filter_.update(rotation, 0.03) == pytest.approx(rotation, abs=1e-4)


def test_savitzky_golay_follows_a_parabola_exactly() -> None:
    filter_ = SavitzkyGolay(7)
    for i in range(20):
        value = np.array([1.0, 0.1 * i, 0.01 * i * i])
        output = filter_.update(value, 0.03)
    assert output == pytest.approx(value)
