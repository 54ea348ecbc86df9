"""The clutch holds on to one track; the pinch that may work it must have begun open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.known_hand import bent_joints, known_hand

from handmesh_ros.hand import INDEX_TIP, THUMB_TIP, Hand, Side, TrackState
from handmesh_ros.node.clutch import PINCH_HOLD_S, Clutch, ClutchError, PinchSwitch


def pinching(gap_m: float, stamp_s: float, track_id: int = 8) -> Hand:
    joints = bent_joints(0.3)
    joints[INDEX_TIP] = joints[THUMB_TIP] + [gap_m, 0, 0]
    return known_hand(Side.LEFT, joints=joints, stamp_s=stamp_s, track_id=track_id)


def states(hands: list[Hand | None]) -> list[bool]:
    switch = PinchSwitch()
    return [switch.update(hand) for hand in hands]


def test_engages_only_on_a_metric_hand_that_is_seen() -> None:
    clutch = Clutch(Side.RIGHT)
    for hand, reason in (
        (None, "no right hand is seen"),
        (known_hand(state=TrackState.PREDICTED), "no right hand is seen"),
        (replace(known_hand(), metric=False), "not calibrated"),
    ):
        with pytest.raises(ClutchError, match=reason):
            clutch.engage(hand)
        assert not clutch.engaged
    clutch.engage(known_hand(track_id=3))
    assert clutch.track_id == 3 and str(clutch) == "engaged on track 3"


def test_holds_through_a_prediction_but_not_with_another_hand() -> None:
    clutch = Clutch(Side.RIGHT)
    assert clutch.fault(None) is None, "what is released has no fault"
    clutch.engage(known_hand(track_id=3))
    assert clutch.fault(known_hand(track_id=3, state=TrackState.PREDICTED)) is None
    assert clutch.fault(None) == clutch.fault(known_hand(track_id=4)) == "its hand (track 3) is lost"
    assert "calibration" in str(clutch.fault(replace(known_hand(track_id=3), metric=False)))
    clutch.release("on request")
    assert not clutch.engaged and str(clutch) == "released: on request"


def test_a_pinch_counts_once_it_is_held_and_until_it_opens() -> None:
    times = np.arange(0, 2, 0.1)
    gaps = [0.08] * 3 + [0.01] * 10 + [0.035] * 3 + [0.06] * 4
    on = states([pinching(gap, stamp_s) for gap, stamp_s in zip(gaps, times, strict=True)])
    begin = 3 + round(PINCH_HOLD_S / 0.1)
    assert on == [begin <= number < 16 for number in range(20)], "on after half a second, through a gap between the two distances"


def test_a_hand_that_comes_pinching_must_open_first() -> None:
    assert not any(states([pinching(0.01, stamp_s) for stamp_s in np.arange(0, 3, 0.1)]))
    opened: list[Hand | None] = [pinching(0.08, 0.0), pinching(0.01, 0.1), pinching(0.01, 0.7)]
    assert states(opened)[-1]
    assert not states([*opened, pinching(0.01, 0.8, track_id=9), pinching(0.01, 1.6, track_id=9)])[-1]
    assert not states([*opened, None, pinching(0.01, 0.8), pinching(0.01, 1.6)])[-1]
