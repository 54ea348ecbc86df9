"""Which hands of several cameras are one: by side, by distance and by what each camera knows of its error. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from handmesh_ros.fusion.placed import PlacedHand
from handmesh_ros.hand import WRIST, Side

# Squared sigmas. Two views of one hand differ by less in 99.9 %: chi-square, 3 degrees of freedom. Beyond it cameras disagree.
DISAGREEMENT = 16.27
# Up to here they are one hand all the same: extrinsics are off more often than two hands of one side are that near. Chosen by hand.
ONE_HAND = 64.0
NEARBY_M = 0.3  # hands of one side that are nearer than this and are no match: one of the cameras is not where it is said to be
# Networks are surer of the side than they are right. As in tracking.
LEAST_SIDE_PROBABILITY = 0.02


class Conflict(NamedTuple):
    """Two cameras that see one hand in different places.

    Attributes:
        cameras: their names.
        side: of the hand.
        distance_m: of the wrists.
        sigmas: the same, in sigmas of both cameras.
    """

    cameras: tuple[str, str]
    side: Side
    distance_m: float
    sigmas: float

    def __str__(self) -> str:
        one, other = self.cameras
        return (
            f"{one} and {other} see the {self.side.value} hand {100 * self.distance_m:.0f} cm ({self.sigmas:.0f} sigma) apart: is each "
            "camera where its extrinsics say, are lens and hand size right, and do their clocks agree?"
        )


def squared_distance(one: PlacedHand, other: PlacedHand) -> float:
    """Squared Mahalanobis distance of two estimates, median over the joints: their errors are nearly the same one, so it is spread like
    that of one point in space, chi-square of 3 degrees of freedom; and a finger that one camera misreads does not count."""
    difference = one.hand.joints - other.hand.joints
    solved = np.linalg.solve(one.covariances + other.covariances, difference[..., None])[..., 0]
    return float(np.median((difference * solved).sum(1)))


def right_odds(placed: PlacedHand) -> float:
    """Logarithm of how much likelier it is a right hand than a left one."""
    hand = placed.hand
    probability = min(max(hand.side_score, LEAST_SIDE_PROBABILITY), 1.0 - LEAST_SIDE_PROBABILITY)
    odds = math.log(probability / (1.0 - probability))
    return odds if hand.side is Side.RIGHT else -odds


def same_side_probability(one: PlacedHand, other: PlacedHand) -> float:
    """That two hands are of one side, by what each camera thinks."""
    a, b = (1.0 / (1.0 + math.exp(-right_odds(placed))) for placed in (one, other))
    return a * b + (1.0 - a) * (1.0 - b)


def grouped(hands: Sequence[PlacedHand]) -> list[list[PlacedHand]]:
    """The hands of all cameras, those together that are one; of every camera at most one. The nearest pairs first; all pairs of a group
    are near enough."""
    pairs = [(_cost(one, other), one, other) for one, other in combinations(hands, 2) if one.camera != other.camera]
    costs = {frozenset((id(one), id(other))): cost for cost, one, other in pairs}
    group_of = {id(hand): [hand] for hand in hands}
    for cost, one, other in sorted(pairs, key=lambda pair: pair[0]):
        first, second = group_of[id(one)], group_of[id(other)]
        if cost > ONE_HAND:
            break
        if first is second or any(costs.get(frozenset((id(a), id(b))), math.inf) > ONE_HAND for a in first for b in second):
            continue
        first.extend(second)
        group_of |= {id(hand): first for hand in second}
    return [group for hand in hands if (group := group_of[id(hand)])[0] is hand]


def conflicts(groups: Sequence[Sequence[PlacedHand]]) -> list[Conflict]:
    """Cameras that disagree: on a hand that they see together, or because each of two cameras sees a hand of its own where the other
    sees none."""
    found = [_conflict(one, other) for group in groups for one, other in combinations(group, 2)]
    for group, other_group in combinations(groups, 2):
        if {hand.camera for hand in group}.isdisjoint(hand.camera for hand in other_group):
            nearby = (_conflict(one, other) for one in group for other in other_group if one.hand.side is other.hand.side)
            found += [conflict for conflict in nearby if conflict.distance_m < NEARBY_M]
    return [conflict for conflict in found if conflict.sigmas**2 > DISAGREEMENT]


def _cost(one: PlacedHand, other: PlacedHand) -> float:
    return squared_distance(one, other) - 2.0 * math.log(same_side_probability(one, other))


def _conflict(one: PlacedHand, other: PlacedHand) -> Conflict:
    distance = float(np.linalg.norm(one.hand.joints[WRIST] - other.hand.joints[WRIST]))
    return Conflict((one.camera, other.camera), one.hand.side, distance, math.sqrt(squared_distance(one, other)))
