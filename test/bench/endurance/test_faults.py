"""The schedule of faults, as data."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from handmesh_ros.bench.endurance.faults import FAULTS, GOOD_SHOT, Fault, Shot
from handmesh_ros.bench.hands_shown import CYCLE, SHOWN_RATE_HZ, hands_at


class NotingStage:
    """Writes down what it is asked to do."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str):
        return lambda *_: self.asked.append(name)


def shots(fault: Fault) -> list[Shot]:
    rng = np.random.default_rng(0)
    return [fault.shot(number, rng) for number in range(round(fault.seconds * SHOWN_RATE_HZ))]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_disturbs_something_and_the_same_each_time(fault: Fault) -> None:
    stage = NotingStage()
    fault.begin(stage)
    for number in range(round(fault.seconds * SHOWN_RATE_HZ)):
        fault.each(stage, number)
    fault.end(stage)
    made = shots(fault)
    assert stage.asked or any(shot != GOOD_SHOT for shot in made)
    assert made == shots(fault)
    assert fault.keeps_node == (not any(name.startswith("restart") for name in stage.asked))


def test_what_is_begun_is_ended() -> None:
    stage = NotingStage()
    for fault in FAULTS:
        fault.begin(stage)
        for number in range(round(fault.seconds * SHOWN_RATE_HZ)):
            fault.each(stage, number)
        fault.end(stage)
    assert stage.asked.count("switch_model") % 2 == 0
    for name in ("stalled", "bystanders"):
        assert stage.asked.count(f"start_{name}") == stage.asked.count(f"end_{name}") == 1
    assert [name for name in stage.asked if name.startswith("restart")][-1] == "restart_node"


def test_pictures_show_two_hands_one_and_none() -> None:
    seconds = sum(seconds for _, seconds in CYCLE)
    numbers = [hands_at(number) for number in range(round(seconds * SHOWN_RATE_HZ))]
    assert {hands: numbers.count(hands) for hands, _ in CYCLE} == {hands: round(seconds * SHOWN_RATE_HZ) for hands, seconds in CYCLE}
    assert hands_at(len(numbers)) == numbers[0]
