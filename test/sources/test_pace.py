"""When frames are due: in their own time, without making up for delays."""

from __future__ import annotations

import pytest

from handmesh_ros.sources.pace import MAX_GAP_S, Pace


def test_frames_are_due_in_their_own_time_whatever_the_work_between_takes() -> None:
    pace = Pace()
    assert pace.due_s(0.0, 100.0) == 100.0
    later = [pace.due_s(gap_s, now_s) for gap_s, now_s in ((0.1, 100.02), (0.3, 100.11), (0.1, 100.45))]
    assert later == pytest.approx([100.1, 100.4, 100.5])


def test_what_came_late_is_not_hurried_after() -> None:
    pace = Pace()
    pace.due_s(0.0, 100.0)
    assert pace.due_s(0.1, 103.0) == 103.0
    assert pace.due_s(0.1, 103.0) == pytest.approx(103.1)


def test_stamps_that_jump_and_a_clock_that_goes_back_hold_nothing_up() -> None:
    pace = Pace()
    pace.due_s(0.0, 100.0)
    assert pace.due_s(3600.0, 100.0) == 100.0 + MAX_GAP_S
    assert pace.due_s(-5.0, 110.0) == 110.0
    assert pace.due_s(0.1, 20.0) == pytest.approx(20.1)
