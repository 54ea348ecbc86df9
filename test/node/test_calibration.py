"""A distance that is told: compared with what a second of frames showed, and stronger than what was told before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.known_hand import known_hand

pytest.importorskip("rclpy", reason="needs ROS 2")

from handmesh_ros.srv import CalibrateHandSize

from handmesh_ros.hand import Hand, Side, TrackState
from handmesh_ros.node.calibration import RecentHands, calibrate_hand_size, read_hand_sizes
from handmesh_ros.perception.size.hand_size import HandSizes


def placed(distance_m: float, stamp_s: float, **changes: object) -> Hand:
    return replace(known_hand(position=(0.05, 0.02, distance_m), stamp_s=stamp_s), **changes)  # type: ignore[arg-type]


def held_still(distances: list[float]) -> RecentHands:
    recent = RecentHands()
    for number, distance_m in enumerate(distances):
        recent.add([placed(distance_m, number / 30)], number / 30)
    return recent


def calibrate(sizes: HandSizes, recent: RecentHands, **request: object) -> CalibrateHandSize.Response:
    message = CalibrateHandSize.Request(**request)
    return calibrate_hand_size(sizes, recent, 0.0, None, "", message, CalibrateHandSize.Response())


def test_the_median_of_the_last_second_counts() -> None:
    """One frame in which the network was far off is what a single frame's measurement would have been."""
    recent = held_still([0.5 + 0.001 * (number % 3 - 1) for number in range(20)] + [0.7])
    answer = calibrate(HandSizes(), recent, distance_m=0.5)
    assert answer.success and answer.size_m == pytest.approx(0.095, rel=0.003)


def test_frames_older_than_a_second_other_tracks_and_unseen_hands_do_not_count() -> None:
    recent = RecentHands()
    recent.add([placed(0.9, 0.0)], 0.0)
    for number in range(5):
        stamp_s = 2.0 + number / 30
        recent.add([placed(0.5, stamp_s), placed(2.0, stamp_s, track_id=9, side=Side.LEFT)], stamp_s)
        recent.add([placed(1.5, stamp_s + 0.01, state=TrackState.PREDICTED)], stamp_s + 0.01)
    assert recent.distance_per_size(placed(0.0, 0.0)) == pytest.approx(0.5 / 0.095)


def test_a_corrected_distance_replaces_the_wrong_one() -> None:
    sizes, recent = HandSizes(), held_still([0.5] * 10)
    for distance_m in (0.45, 0.5, 0.6):
        assert calibrate(sizes, recent, distance_m=distance_m).size_m == pytest.approx(0.095 * distance_m / 0.5)


def test_an_impossible_distance_is_named_and_changes_nothing() -> None:
    sizes, recent = HandSizes(), held_still([0.5] * 10)
    calibrate(sizes, recent, distance_m=0.45)
    answer = calibrate(sizes, recent, distance_m=5.0)
    assert not answer.success and "at 5 m this hand would be 950 mm" in answer.message and "40 to 150 mm" in answer.message
    assert answer.size_m == pytest.approx(0.095 * 0.9)


def test_no_hand_yet_is_said() -> None:
    answer = calibrate(HandSizes(), RecentHands(), distance_m=0.5)
    assert not answer.success and "show exactly one hand" in answer.message


def test_a_configured_size_is_stronger_than_the_file_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "sizes.yaml"
    kept = HandSizes()
    kept.set(0.088)
    kept.save(path)
    sizes = HandSizes()
    assert read_hand_sizes(sizes, str(path), 0.0) is None and np.isclose(sizes.of(Side.LEFT).size_m, 0.088)
    assert "hand_size_m is 0.1" in str(read_hand_sizes(sizes, str(path), 0.1)) and np.isclose(sizes.of(Side.LEFT).size_m, 0.1)


def test_sizes_are_described_for_people() -> None:
    sizes = HandSizes()
    assert sizes.describe(Side.LEFT) == "80.0 +- 6.4 (an average adult's)"
    sizes.set(0.088, Side.LEFT, 0.02)
    assert sizes.describe(Side.LEFT) == "88.0 +- 1.8"
