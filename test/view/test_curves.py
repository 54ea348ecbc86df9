"""The curves' last seconds: values of the right hand at the right time, gaps, and no more than is kept."""

from __future__ import annotations

import numpy as np
import pytest
from support.known_hand import bent_joints, known_hand

from handmesh_ros.hand import Side
from handmesh_ros.view.curves import LATENCY, OF_HAND, SAMPLES_KEPT_AT_MOST, WINDOW_S, HandCurves


def test_each_side_has_its_own_curve_and_is_absent_where_it_was() -> None:
    curves = HandCurves()
    right = known_hand(Side.RIGHT, position=(0, 0, 0.5))
    left = known_hand(Side.LEFT, position=(0, 0, 0.7))
    curves.add([right], 5.0, 0.012)
    curves.add([left, right], 5.5, 0.020)
    seconds, of_left, of_right = curves.of("wrist depth, m")
    np.testing.assert_allclose(seconds, [-0.5, 0.0])
    np.testing.assert_allclose(of_left, [np.nan, 0.7])
    np.testing.assert_allclose(of_right, [0.5, 0.5])
    np.testing.assert_allclose(curves.of(LATENCY)[1], [12, 20])
    np.testing.assert_allclose(curves.of("score")[2], [0.8, 0.8])


def test_closing_the_fingers_lowers_the_aperture() -> None:
    curves = HandCurves()
    for number, bend in enumerate((0.0, 0.6, 1.2)):
        curves.add([known_hand(joints=bent_joints(bend))], number / 30, 0.01)
    values = curves.of("aperture (0 fist, 1 flat)")[2]
    assert values[0] > values[1] > values[2]


def test_of_two_right_hands_the_older_one_counts() -> None:
    curves = HandCurves()
    curves.add([known_hand(track_id=9, position=(0, 0, 0.9)), known_hand(track_id=4, position=(0, 0, 0.3))], 0.0, 0.01)
    assert curves.of("wrist depth, m")[2] == pytest.approx([0.3])


def test_what_is_older_than_the_window_is_forgotten() -> None:
    curves = HandCurves()
    for number in range(3000):
        curves.add([], number / 30, 0.01)
    seconds = curves.of(LATENCY)[0]
    assert seconds[0] >= -WINDOW_S - 1e-9 and len(seconds) <= 30 * WINDOW_S + 1
    for number in range(3000):
        curves.add([], 100 + number / 1000, 0.01)
    assert len(curves.of(LATENCY)[0]) == SAMPLES_KEPT_AT_MOST


def test_time_that_goes_back_begins_anew() -> None:
    curves = HandCurves()
    curves.add([], 8.0, 0.01)
    curves.add([], 0.0, 0.01)
    assert len(curves.of(LATENCY)[0]) == 1


def test_a_scale_is_round_and_holds_the_values() -> None:
    curves = HandCurves()
    assert curves.top_of("wrist depth, m") == 0.5 and curves.top_of("score") == 1.0
    curves.add([known_hand(position=(0, 0, 1.3))], 0.0, 0.021)
    assert curves.top_of("wrist depth, m") == 2.0
    assert curves.top_of(LATENCY) == 50.0


def test_there_are_curves_before_the_first_frame() -> None:
    for title in (*OF_HAND, LATENCY):
        assert all(len(values) == 0 for values in HandCurves().of(title))
