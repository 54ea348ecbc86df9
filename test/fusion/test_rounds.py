"""When cameras are fused: each frame once, in time, whatever their rates and phases."""

import numpy as np
import pytest

from handmesh_ros.fusion.rounds import Rounds


def times(events: list[tuple[float, str]]) -> list[float]:
    rounds = Rounds()
    heard = (rounds.hear(camera, stamp_s) for stamp_s, camera in events if not rounds.is_late(camera, stamp_s))
    return [time_s for time_s in heard if time_s is not None]


def test_cameras_of_one_rate_are_fused_once_a_frame_at_the_later_stamp() -> None:
    events = [(n / 30 + phase, name) for n in range(30) for name, phase in (("a", 0.0), ("b", 0.01))]
    got = times(events)
    np.testing.assert_allclose(got[2:], np.arange(2, 30)[-len(got[2:]) :] / 30 + 0.01)
    assert len(got) > 27 and got[0] == 0.0, "of the second camera nothing was known"


@pytest.mark.parametrize(
    "phases", [(0.0, 0.0), (0.0, 0.03), (0.0, 1 / 60), (0.0, 0.001, 0.031), (0.0, 1 / 90, 2 / 90), (0.0, 0.0, 0.0, 0.005)]
)
def test_frames_of_a_round_lie_as_near_together_as_they_can(phases: tuple[float, ...]) -> None:
    events = sorted((n / 30 + phase, name) for n in range(60) for name, phase in zip("abcd", phases, strict=False))
    got = [time for time in times(events) if time > 0.5]
    np.testing.assert_allclose(np.diff(got), 1 / 30, atol=1e-9)
    latest = [
        [max(stamp for stamp, name in events if name == camera and stamp <= time + 1e-9) for camera in "abcd"[: len(phases)]]
        for time in got
    ]
    around = sorted([*phases, *(phase + 1 / 30 for phase in phases)])
    best = min(last - first for first, last in zip(around, around[len(phases) - 1 :], strict=False))
    np.testing.assert_allclose([max(stamps) - min(stamps) for stamps in latest], best, atol=1e-9)


def test_a_frame_that_arrives_late_on_its_way_is_not_waited_for_longer_than_a_frame() -> None:
    rounds = Rounds()
    for n in range(6):
        rounds.hear("a", n / 30)
        rounds.hear("b", n / 30)
    assert rounds.hear("a", 6 / 30) is None
    assert rounds.hear("a", 7 / 30) == 7 / 30, "b keeps silent: a goes on"
    assert rounds.hear("b", 6 / 30) is None
    assert rounds.hear("b", 7 / 30) is None, "no time comes twice"
    assert rounds.hear("a", 8 / 30) is None
    assert rounds.hear("b", 8 / 30) == 8 / 30


def test_a_slow_camera_does_not_make_a_quick_one_slow() -> None:
    events = sorted([(n / 60, "quick") for n in range(120)] + [(n / 10 + 0.005, "slow") for n in range(20)])
    got = times(events)
    assert len(got) > 55 and (np.diff(got) > 0).all() and np.diff(got).max() < 0.05


def test_a_camera_that_died_is_forgotten() -> None:
    events = sorted([(n / 30, "a") for n in range(60)] + [(n / 30, "b") for n in range(15)])
    got = times(events)
    np.testing.assert_allclose(np.diff([time for time in got if time > 0.8]), 1 / 30)


@pytest.mark.parametrize(("stamp_s", "late", "anew"), [(4.99, True, False), (5.0, True, False), (5.01, False, False), (1.0, True, True)])
def test_stamps_that_do_not_follow(stamp_s: float, late: bool, anew: bool) -> None:
    rounds = Rounds()
    rounds.hear("a", 5.0)
    assert (rounds.is_late("a", stamp_s), rounds.went_back("a", stamp_s)) == (late, anew)
