"""Steadiness is measured as second differences."""

import numpy as np
import pytest

from handmesh_ros.evaluation.following import _acceleration


def test_even_movement_has_no_acceleration_and_jitter_has() -> None:
    even = np.arange(10)[:, None, None] * np.array([0.001, 0.002, 0.0])
    assert _acceleration(even) == pytest.approx(0, abs=1e-9)
    jitter = even.copy()
    jitter[::2, :, 0] += 0.001  # up and down by a millimetre: second differences of two
    assert _acceleration(jitter) == pytest.approx(2.0, rel=0.01)


def test_lost_frames_and_their_neighbours_do_not_count() -> None:
    points = np.zeros((9, 1, 3))
    points[4] = np.nan
    points[5:] += 1.0  # found again elsewhere: no acceleration of the hand
    assert _acceleration(points) == 0.0
    assert np.isnan(_acceleration(np.full((5, 1, 3), np.nan)))
