"""The still-or-moving filter of rotations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.filters.former.turning import TurningOrNot
from handmesh_ros.perception.rotations import rotation_matrix, rotation_vector

DT = 1 / 30


def angle(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(rotation_vector(a @ b.T)))


def run(rotations: list[np.ndarray]) -> list[np.ndarray]:
    filter_ = TurningOrNot()
    return [filter_.update(rotation, DT) for rotation in rotations]


def test_rest_is_steadied_and_outliers_left_out() -> None:
    rng = np.random.default_rng(0)
    raw = [rotation_matrix(rng.normal(0, 0.01, 3)) for _ in range(300)]
    raw[200], raw[240] = rotation_matrix(np.array([0.3, -0.2, 0.1])), rotation_matrix(np.array([0.0, 0.5, 0.0]))
    smooth = run(raw)
    rest = slice(60, 300)
    calm = [angle(r, np.eye(3)) for i, r in enumerate(raw) if i not in (200, 240)]
    assert np.mean([angle(r, np.eye(3)) for r in smooth[rest]]) < np.mean(calm) / 4
    assert max(angle(r, np.eye(3)) for r in smooth[rest]) < 0.02


@pytest.mark.parametrize("rate", [1.0, 6.0])
def test_turning_on_and_on_is_followed_without_lag(rate: float) -> None:
    """Through many anchors, with the speed kept across each change."""
    axis = np.array([0.6, 0.0, 0.8])
    raw = [rotation_matrix(axis * rate * max(0.0, i - 30) * DT) for i in range(240)]
    smooth = run(raw)
    behind = [angle(a, b) / rate for a, b in zip(smooth[60:], raw[60:], strict=True)]
    assert max(behind) < 0.010


def test_a_turn_that_ends_is_not_overshot_by_a_tenth() -> None:
    share = np.clip((np.arange(120) - 40) / 12.0, 0.0, 1.0)
    turns = 1.5 * share**3 * (10.0 - 15.0 * share + 6.0 * share**2)
    smooth = run([rotation_matrix(np.array([0.0, turn, 0.0])) for turn in turns])
    assert max(rotation_vector(rotation)[1] for rotation in smooth) < 1.1 * 1.5


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), turn=st.tuples(*[st.floats(-1.5, 1.5)] * 3))
def test_the_filter_turns_with_the_world(seed: int, turn: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(seed)
    world = rotation_matrix(np.array(turn))
    path = [np.eye(3)]
    for _ in range(40):
        path.append(rotation_matrix(rng.normal(0, 0.15, 3)) @ path[-1])
    for plain, turned in zip(run(path), run([world @ rotation for rotation in path]), strict=True):
        assert turned == pytest.approx(world @ plain, abs=1e-6)
        assert turned @ turned.T == pytest.approx(np.eye(3), abs=1e-9)
