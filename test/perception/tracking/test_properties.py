"""What holds for the tracker whatever the hands do and whenever frames come (hypothesis)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.two_hands import PERIOD, TrueHand, adopted, hand_at, measurement, open_hand, palm_px, seen

from handmesh_ros.hand import Side, TrackState
from handmesh_ros.perception.tracking.records import TrackingParameters, TrackUpdate
from handmesh_ros.perception.tracking.tracker import PALM_DETECTION_JOINTS, Tracker

World = Callable[[TrueHand], TrueHand]
Row = tuple[int, Side, TrackState]


def track(tracker: Tracker, hands: Sequence[TrueHand], stamp_s: float) -> TrackUpdate:
    """One frame seen by perfect networks."""
    looked = []
    for region in tracker.regions(stamp_s):
        center = region.keypoints.mean(axis=0)
        near = [hand for hand in hands if math.dist(hand.keypoints.mean(axis=0), center) < palm_px(hand.keypoints)]
        looked += [seen(hand, region.track_id, side=region.side) for hand in near[:1]]
    update = tracker.step(looked, stamp_s)
    if update.want_detection:
        new = [hand for hand in hands if not tracker.is_followed(hand.keypoints[PALM_DETECTION_JOINTS])]
        update = adopted(tracker, [seen(hand) for hand in new], stamp_s)
    return update


def story(seed: int, world: World = lambda hand: hand) -> list[Row]:
    """Two hands that sway, vanish and come back, as the tracker tells it."""
    rng = np.random.default_rng(seed)
    tracker, rows = Tracker(), []
    speeds, gone = rng.uniform(0.5, 4.0, (2, 2)), rng.integers(5, 40, 2)
    for number in range(48):
        hands = []
        for n, side in enumerate(Side):
            if not gone[n] <= number < gone[n] + 4 * (n + 1):
                x, y = 0.05 * np.sin(speeds[n] * number * PERIOD)
                hands.append(world(hand_at(side, (-0.15, 0.15)[n] + x, 0.05 + y)))
        update = track(tracker, hands, number * PERIOD)
        rows += [(one.track_id, one.side, one.state) for one in update.live]
    assert {TrackState.TRACKING, TrackState.PREDICTED} == {state for _, _, state in rows}
    return rows


def moved(matrix: np.ndarray, side_of: Callable[[Side], Side] = lambda side: side) -> World:
    return lambda hand: TrueHand(side_of(hand.side), hand.joints @ matrix.T)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_in_a_mirror_left_and_right_change_places(seed: int) -> None:
    mirrored = story(seed, moved(np.diag([-1.0, 1.0, 1.0]), lambda side: side.other))
    assert sorted(mirrored) == sorted((track_id, side.other, state) for track_id, side, state in story(seed))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), angle=st.floats(-np.pi, np.pi), scale=st.floats(0.8, 1.25))
def test_turning_the_camera_and_scaling_the_world_change_nothing(seed: int, angle: float, scale: float) -> None:
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    assert story(seed, moved(scale * turn)) == story(seed)


@settings(max_examples=50, deadline=None)
@given(stamps=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=30), gaps=st.integers(0, 3))
def test_whenever_frames_come_ids_sides_and_the_number_of_hands_hold(stamps: list[float], gaps: int) -> None:
    tracker, side_of, measured_s = Tracker(), {}, {}
    last_s, newest = -math.inf, 0
    for number, stamp_s in enumerate([*sorted(stamps), *stamps]):  # then in any order
        hands = [hand_at(Side.LEFT, -0.1), hand_at(Side.RIGHT, 0.1)] if number % 4 >= gaps else []
        is_late = tracker.is_late(stamp_s)
        before = tracker.live
        update = track(tracker, hands, stamp_s)
        if is_late:
            assert update.live == before
            continue
        assert len(update.live) <= 2 and len({one.side for one in update.live}) == len(update.live)
        for one in update.live:
            assert side_of.setdefault(one.track_id, one.side) is one.side
            if one.state is TrackState.TRACKING:
                measured_s[one.track_id] = stamp_s
            elif stamp_s > last_s:
                assert stamp_s - measured_s[one.track_id] <= tracker.parameters.predict_s + 1e-6
        new = [one.track_id for one in update.live if one.track_id not in {old.track_id for old in before}]
        assert all(one > newest or one in measured_s for one in new)
        newest, last_s = max([newest, *side_of]), stamp_s


LARGE = st.floats(-1e6, 1e6)


@settings(max_examples=50, deadline=None)
@given(data=st.data(), count=st.integers(1, 6))
def test_finite_measurements_make_finite_tracks(data: st.DataObject, count: int) -> None:
    tracker = Tracker(TrackingParameters(max_hands=4))
    for number in range(count):
        seeds = data.draw(st.lists(st.tuples(LARGE, LARGE, st.floats(0.2, 1e6), st.floats(0.0, 1.0)), min_size=1, max_size=4))
        hands = []
        for x, y, z, probability in seeds:
            joints = open_hand(Side.RIGHT) + np.array([x, y, z])
            keypoints = np.abs(x) * open_hand(Side.RIGHT)[:, :2] + np.array([y, z])
            hands.append(measurement(keypoints, joints, Side.RIGHT, 0.95, probability))
        followed = [one.track_id for one in tracker.regions(number * PERIOD)]
        tracker.step([replace(hand, track_id=track_id) for hand, track_id in zip(hands, followed, strict=False)], number * PERIOD)
        update = adopted(tracker, hands, number * PERIOD)
        assert len(update.live) <= 4
        for one in update.live:
            assert all(np.isfinite(values).all() for values in (one.position, one.velocity, one.image_velocity, one.side_evidence))
        assert all(np.isfinite(region.keypoints).all() for region in tracker.regions((number + 1) * PERIOD))


@settings(max_examples=20, deadline=None)
@given(x=st.floats(0.3, 0.6), rate=st.sampled_from([10, 15, 30, 60]), side=st.sampled_from(list(Side)))
def test_a_hand_that_leaps_is_found_anew_within_two_frames(x: float, rate: int, side: Side) -> None:
    tracker = Tracker()
    for number in range(rate + 1):
        track(tracker, [hand_at(side, -0.3)], number / rate)
    found = []
    for number in range(1, 3):
        update = track(tracker, [hand_at(side, -0.3 + x)], 1.0 + number / rate)
        found += [one for one in update.live if one.state is TrackState.TRACKING]
    assert [one.side for one in found][:1] == [side]


@settings(max_examples=20, deadline=None)
@given(side=st.sampled_from(list(Side)), wrong=st.integers(1, 3), beside=st.booleans())
def test_a_wrong_side_for_three_frames_turns_no_hand(side: Side, wrong: int, beside: bool) -> None:
    tracker = Tracker()
    hands = [hand_at(side, -0.1), *([hand_at(side.other, 0.1)] if beside else [])]
    track(tracker, hands, 0.0)
    sides = []
    for number in range(1, 12):
        looked = []
        for n, region in enumerate(tracker.regions(number * PERIOD)):
            is_misread = n == 0 and 1 < number < 2 + wrong
            as_right = float((region.side is Side.RIGHT) is not is_misread)
            looked.append(seen(hands[n], region.track_id, side=region.side, right_probability=as_right))
        sides += [(one.track_id, one.side) for one in tracker.step(looked, number * PERIOD).live]
    assert set(sides) == {(n + 1, hand.side) for n, hand in enumerate(hands)}
