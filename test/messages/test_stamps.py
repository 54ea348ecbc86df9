"""Seconds become stamps and come back."""

from __future__ import annotations

import pytest

from handmesh_ros.messages.stamps import Beginning, duration, nanoseconds_of, seconds_of
from handmesh_ros.messages.types import Time


@pytest.mark.parametrize("seconds", [0.0, 0.25, 1.999999999, 12.000000001, -0.25])
def test_durations_survive(seconds: float) -> None:
    sent = duration(seconds)
    assert 0 <= sent.nanosec < 10**9 and seconds_of(sent) == pytest.approx(seconds, abs=1e-9)


def test_a_stamp_goes_out_as_it_came() -> None:
    began = Beginning(1_764_000_000_123_456_789)
    for second, nanosecond in ((0, 123_456_790), (3600, 1), (-1, 999_999_999)):
        stamp = Time(sec=1_764_000_000 + second, nanosec=nanosecond)
        seconds = began.seconds_until(stamp)
        assert nanoseconds_of(began.stamp_after(seconds)) == nanoseconds_of(stamp)
    assert began.seconds_until(Time(sec=1_764_000_001, nanosec=123_456_789)) == 1.0
