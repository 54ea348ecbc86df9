"""Which hands of several cameras are one, and when cameras disagree."""

from dataclasses import replace

import numpy as np
import pytest
from support.known_hand import known_hand

from handmesh_ros.fusion.extrinsics import CameraPlace
from handmesh_ros.fusion.matching import conflicts, grouped
from handmesh_ros.fusion.placed import PlacedHand, placed
from handmesh_ros.hand import Side

HERE = CameraPlace(np.eye(3), np.zeros(3))


def hand(
    camera: str, track_id: int, at: tuple[float, float, float] = (0.0, 0.0, 0.6), side: Side = Side.RIGHT, side_score: float = 0.95
) -> PlacedHand:
    made = known_hand(side, position=at, track_id=track_id)
    covariance = np.diag([0.004, 0.004, 0.03]) ** 2
    return placed(camera, HERE, replace(made, side_score=side_score, position_covariance=covariance), 0.003)


def identities(groups: list[list[PlacedHand]]) -> list[list[tuple[str, int]]]:
    return [[one.identity for one in group] for group in groups]


def test_two_people_side_by_side_keep_their_hands() -> None:
    hands = [hand("a", 1), hand("a", 2, (0.12, 0.0, 0.6)), hand("b", 7, (0.125, 0.0, 0.65)), hand("b", 8, (0.003, 0.0, 0.57))]
    assert identities(grouped(hands)) == [[("a", 1), ("b", 8)], [("a", 2), ("b", 7)]]
    assert conflicts(grouped(hands)) == []


def test_what_one_camera_sees_is_never_put_together() -> None:
    assert len(grouped([hand("a", 1), hand("a", 2, (0.001, 0.0, 0.6))])) == 2
    three = [hand("a", 1), hand("b", 2), hand("b", 3, (0.002, 0.0, 0.6))]
    assert identities(grouped(three)) == [[("a", 1), ("b", 2)], [("b", 3)]]


def test_a_chain_of_three_cameras_is_one_hand_only_if_its_ends_are() -> None:
    near = [hand(name, 1, (x, 0.0, 0.6)) for name, x in (("a", 0.0), ("b", 0.01), ("c", 0.02))]
    assert len(grouped(near)) == 1
    apart = [hand(name, 1, (x, 0.0, 0.6)) for name, x in (("a", 0.0), ("b", 0.045), ("c", 0.09))]
    assert sorted(map(len, grouped(apart))) == [1, 2]


@pytest.mark.parametrize(("side_score", "together"), [(0.7, True), (1.0, True)])
def test_a_hand_that_one_camera_takes_for_the_other_side(side_score: float, together: bool) -> None:
    """Right on the same spot it is one hand, however sure they are: nobody has two there."""
    shape = hand("a", 1)
    other = replace(shape, camera="b", hand=replace(shape.hand, side=Side.LEFT, side_score=side_score))
    assert (len(grouped([shape, other])) == 1) is together


def test_sides_decide_where_places_leave_it_open() -> None:
    left, right = hand("a", 1, side=Side.LEFT), hand("a", 2, (0.02, 0.0, 0.6))
    between = replace(hand("b", 3, (0.01, 0.0, 0.6)))
    assert [("a", 2), ("b", 3)] in identities(grouped([left, right, between]))


def test_cameras_that_disagree_are_named() -> None:
    told = conflicts(grouped([hand("a", 1), hand("b", 2, (0.04, 0.0, 0.6))]))
    assert [conflict.cameras for conflict in told] == [("a", "b")] and told[0].distance_m == pytest.approx(0.04)
    assert "a and b see the right hand 4 cm" in str(told[0])
    # So far off that they are no match: each camera sees a hand where the other sees none.
    (far,) = conflicts(grouped([hand("a", 1), hand("b", 2, (0.15, 0.0, 0.6))]))
    assert far.sigmas > 10
    assert conflicts(grouped([hand("a", 1), hand("b", 2, (0.8, 0.0, 0.6))])) == [], "elsewhere is another hand"
    assert conflicts(grouped([hand("a", 1), hand("b", 2, (0.0, 0.0, 0.64))])) == [], "along the ray that is nothing"
