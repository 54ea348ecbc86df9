"""Costs and assignment of measurements to tracks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.two_hands import measurement, open_hand, project

from handmesh_ros.hand import Side
from handmesh_ros.perception.tracking.association import FORBIDDEN, best_assignment, distinct
from handmesh_ros.perception.tracking.records import Measurement


def measured_at(x: float, score: float) -> Measurement:
    joints = open_hand(Side.RIGHT) + np.array([x, 0.08, 0.6])
    return measurement(project(joints), joints, Side.RIGHT, score)


def test_each_hand_counts_once_by_its_surest_measurement() -> None:
    weak, sure, other = measured_at(0.0, 0.7), measured_at(0.005, 0.9), measured_at(0.3, 0.8)
    assert distinct([weak, sure, other], limit=0.35) == [sure, other]
    assert distinct([weak, sure, other], limit=0.0) == [sure, other, weak]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_assignment_is_the_cheapest(data: st.DataObject) -> None:
    tracks, measurements = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    cost = st.one_of(st.floats(0.0, 30.0), st.just(FORBIDDEN))
    costs = np.array([[data.draw(cost) for _ in range(measurements)] for _ in range(tracks)])
    conflicts = np.zeros((measurements, measurements), dtype=bool)
    for i, j in itertools.combinations(range(measurements), 2):
        conflicts[i, j] = conflicts[j, i] = data.draw(st.booleans())

    def total(chosen: tuple[int, ...]) -> float:
        used = [c for c in chosen if c >= 0]
        if len(set(used)) < len(used) or any(conflicts[a, b] for a, b in itertools.combinations(used, 2)):
            return FORBIDDEN
        return sum(costs[t, c] if c >= 0 else 40.0 for t, c in enumerate(chosen))

    chosen = tuple(best_assignment(costs, conflicts, 40.0))
    everything = itertools.product(range(-1, measurements), repeat=tracks)
    assert total(chosen) == pytest.approx(min(total(c) for c in everything))
