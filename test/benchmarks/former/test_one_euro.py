"""One-Euro on points: gains that fit the time and the speed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.filters.former.one_euro import OneEuroParameters, OneEuroVector, low_pass_gain


@given(cutoff=st.floats(0.01, 50.0), a=st.floats(1e-3, 0.2), b=st.floats(1e-3, 0.2))
def test_gain_does_not_depend_on_how_time_is_cut(cutoff: float, a: float, b: float) -> None:
    whole = 1.0 - low_pass_gain(cutoff, a + b)
    assert whole == pytest.approx((1.0 - low_pass_gain(cutoff, a)) * (1.0 - low_pass_gain(cutoff, b)), rel=1e-9, abs=1e-15)


def test_each_point_has_the_gain_of_its_own_speed() -> None:
    filter_ = OneEuroVector(OneEuroParameters(0.5, 10.0, 2.0))
    for i in range(30):
        filter_.update(np.array([[0.0, 0.0, 0.0], [0.02 * i, 0.0, 0.0]]), 1 / 30)
    assert filter_.gain[1] > 5 * filter_.gain[0]


def test_speed_that_noise_alone_shows_does_not_open_the_filter() -> None:
    parameters = OneEuroParameters(min_cutoff_hz=1.0, cutoff_slope_hz_per_mps=25.0, speed_cutoff_hz=2.0, speed_floor_mps=0.06)
    assert parameters.gain(0.05, 1 / 30) == parameters.gain(0.0, 1 / 30) == low_pass_gain(1.0, 1 / 30)
    assert parameters.gain(0.1, 1 / 30) == pytest.approx(low_pass_gain(2.0, 1 / 30))
