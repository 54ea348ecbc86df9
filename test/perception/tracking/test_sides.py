"""Which side a hand has, in the same synthetic world: decided for all hands in view together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.two_hands import PERIOD, adopted, hand_at, seen, started

from handmesh_ros.hand import Side
from handmesh_ros.perception.tracking.records import LossReason
from handmesh_ros.perception.tracking.tracker import Tracker


def test_side_noise_is_outvoted_and_lasting_contradiction_ends_the_track() -> None:
    rng = np.random.default_rng(0)
    hand = hand_at(Side.RIGHT, 0.0)
    tracker = started([hand])
    for i in range(5, 100):
        update = tracker.step([seen(hand, 1, right_probability=0.1 if rng.uniform() < 0.3 else 0.9)], i * PERIOD)
        assert update.live[0].side is Side.RIGHT
    for i in range(100, 160):
        regions = tracker.regions(i * PERIOD)
        update = tracker.step([seen(hand, r.track_id, side=r.side, right_probability=0.02) for r in regions], i * PERIOD)
        if any(loss.track_id == 1 for loss in update.lost):
            break
    assert update.lost[0].reason is LossReason.WRONG_SIDE
    assert i > 110  # only lasting evidence counts
    regions = tracker.regions((i + 1) * PERIOD)
    assert [r.side for r in regions] == [Side.LEFT]
    update = tracker.step([seen(hand, regions[0].track_id, side=Side.LEFT, right_probability=0.02)], (i + 1) * PERIOD)
    assert [(t.side, t.track_id) for t in update.live] == [(Side.LEFT, 2)]


def test_two_crossed_sides_change_together() -> None:
    left, right = hand_at(Side.LEFT, -0.15), hand_at(Side.RIGHT, 0.15)
    tracker = started([left, right], frames=2)
    for i in range(2, 12):
        wrong = [seen(left, 1, right_probability=0.98), seen(right, 2, right_probability=0.02)]
        update = tracker.step(wrong, i * PERIOD)
        if update.lost:
            break
    assert [loss.reason for loss in update.lost] == [LossReason.WRONG_SIDE] * 2
    assert i <= 7


def test_a_new_hand_beside_another_takes_the_free_side_and_a_far_one_its_own() -> None:
    for x, side in ((0.2, Side.LEFT), (2.5, Side.RIGHT)):
        tracker = started([hand_at(Side.RIGHT, -0.1)])
        update = adopted(tracker, [seen(hand_at(Side.RIGHT, x))], 4 * PERIOD)
        assert [t.side for t in update.live] == [Side.RIGHT, side]


def test_a_second_persons_hand_comes_to_its_side() -> None:
    hands = [hand_at(Side.RIGHT, -0.1), hand_at(Side.RIGHT, 0.2)]
    tracker = started([hands[0]])
    adopted(tracker, [seen(hands[1])], 4 * PERIOD)
    for i in range(5, 40):
        tracker.step(
            [seen(hands[r.track_id > 1], r.track_id, side=r.side, right_probability=0.98) for r in tracker.regions(i * PERIOD)], i * PERIOD
        )
    assert [t.side for t in tracker.live] == [Side.RIGHT, Side.RIGHT]


def test_sides_that_the_user_knows_are_never_changed() -> None:
    hands = [hand_at(Side.RIGHT, -0.1), hand_at(Side.RIGHT, 0.2)]
    tracker = Tracker()
    tracker.step([], 0.0)
    update = adopted(tracker, [replace(seen(h), right_probability=None) for h in hands], 0.0)
    assert [t.side for t in update.live] == [Side.RIGHT, Side.RIGHT]


@pytest.mark.parametrize(("taken", "frames_to_leave"), [(False, 4), (True, 11)])
def test_a_side_that_is_another_hands_is_taken_only_after_longer_contradiction(taken: bool, frames_to_leave: int) -> None:
    left, right = hand_at(Side.LEFT, -0.15), hand_at(Side.RIGHT, 0.15)
    hands = [left, right] if taken else [left]
    tracker = started(hands, frames=2)
    tracker_ids = {t.side: t.track_id for t in tracker.live}
    for i in range(2, 40):
        wrong = seen(left, tracker_ids[Side.LEFT], right_probability=0.98)
        update = tracker.step([wrong, *([seen(right, tracker_ids[Side.RIGHT])] if taken else [])], i * PERIOD)
        if any(loss.reason is LossReason.WRONG_SIDE for loss in update.lost):
            break
    # Two frames had spoken for the left side before.
    assert frames_to_leave <= i - 1 <= frames_to_leave + 2
