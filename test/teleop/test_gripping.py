"""Open or closed."""

from __future__ import annotations

import math

import pytest

from handmesh_ros.teleop.errors import TeleopError
from handmesh_ros.teleop.gripping import GripSettings, is_closed

SETTINGS = GripSettings(close_below=0.3, open_above=0.6)


def test_a_hand_that_trembles_about_a_threshold_does_not_chatter() -> None:
    closed: bool | None = None
    states = []
    for aperture in (0.5, 0.9, 0.5, 0.31, 0.29, 0.31, 0.29, 0.59, 0.61, 0.59, 0.61, math.nan):
        closed = is_closed(aperture, closed, SETTINGS)
        states.append(closed)
    assert states == [None, False, False, False, True, True, True, True, False, False, False, False]


@pytest.mark.parametrize("thresholds", [(0.6, 0.3), (0.5, 0.5), (-0.1, 0.5), (0.5, 1.1), (math.nan, 0.5)])
def test_thresholds_that_do_not_leave_a_gap_are_refused(thresholds: tuple[float, float]) -> None:
    with pytest.raises(TeleopError, match="close_below < open_above"):
        GripSettings(*thresholds)
