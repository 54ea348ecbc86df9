"""What the stamps of a camera's frames are taken for."""

from __future__ import annotations

import pytest

from handmesh_ros.messages.frame_clock import PATIENCE_S, FrameClock, StampError

ARRIVALS_S = [500.0, 500.03]


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.mark.parametrize(("back_s", "begins_anew"), [(1e-6, False), (0.3, False), (1.0, False), (1.1, True)])
def test_only_more_than_a_second_back_is_another_recording(clock: FrameClock, back_s: float, begins_anew: bool) -> None:
    clock.time_of(12.0)
    if begins_anew:
        assert clock.time_of(12.0 - back_s) == 12.0 - back_s
    else:
        with pytest.raises(StampError, match="after a newer one"):
            clock.time_of(12.0 - back_s)


@pytest.fixture
def clock(warnings: list[str]) -> FrameClock:
    return FrameClock(iter(ARRIVALS_S).__next__, warnings.append)


def test_advancing_stamps_are_the_frames_times_whatever_the_nodes_clock_says(clock: FrameClock, warnings: list[str]) -> None:
    assert [clock.time_of(stamp) for stamp in (12.0, 12.1, 99.0)] == [12.0, 12.1, 99.0]
    assert not warnings


def test_a_stamp_that_goes_back_is_reported_and_stays_what_it_is(clock: FrameClock, warnings: list[str]) -> None:
    clock.time_of(12.5)
    assert clock.time_of(2.25) == 2.25
    assert warnings == ["the images' stamps went back by 10.250 s (a looped bag?): all hands are found anew"]
    assert clock.time_of(2.5) == 2.5
    assert len(warnings) == 1


def test_a_frame_that_comes_late_is_refused_and_the_next_one_taken(clock: FrameClock, warnings: list[str]) -> None:
    clock.time_of(12.0)
    with pytest.raises(StampError, match="50 ms after a newer one"):
        clock.time_of(11.95)
    assert clock.time_of(12.03) == 12.03
    assert not warnings


def test_a_repeated_stamp_is_refused_as_often_as_it_comes_and_the_next_one_taken(clock: FrameClock) -> None:
    clock.time_of(12.0)
    for _ in range(2):
        with pytest.raises(StampError, match="same stamp"):
            clock.time_of(12.0)
    assert clock.time_of(12.1) == 12.1


def test_frames_without_stamps_get_the_time_of_their_arrival(clock: FrameClock, warnings: list[str]) -> None:
    assert [clock.time_of(0.0) for _ in range(2)] == ARRIVALS_S
    assert all("carry no stamp" in warning for warning in warnings) and warnings


def test_frames_without_stamps_need_a_clock_that_runs(warnings: list[str]) -> None:
    with pytest.raises(StampError, match="no time of arrival: use_sim_time is set, but no /clock comes"):
        FrameClock(lambda: 0.0, warnings.append).time_of(0.0)
    paused = FrameClock(lambda: 7.0, warnings.append)
    assert paused.time_of(0.0) == 7.0
    with pytest.raises(StampError, match="is the simulator paused"):
        paused.time_of(0.0)


def test_patience_counts_from_the_first_frame_and_ends(clock: FrameClock) -> None:
    for came_s in (7.0, 7.5):
        clock.frame_came(came_s)
    assert clock.just_began(7.0 + 0.9 * PATIENCE_S)
    assert not clock.just_began(7.0 + 1.1 * PATIENCE_S)
