"""Which hands are left ones and which right ones: decided for all that are in view together, because a person has one of each.

The most likely combination wins, of 2**hands. Pure functions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from handmesh_ros.hand import FloatArray, Side
from handmesh_ros.perception.tracking.records import Measurement, Track, probability_of

# Networks are surer of the side than they are right. Chosen by hand: one in fifty.
LEAST_SIDE_LIKELIHOOD = 0.02
# Log-odds: what a frame counts at most (a network's errors last), the most that is kept, and how much must speak against a side before a
# hand changes it. Chosen by hand: a hand long seen needs 23 contradicting frames (0.8 s), a new one 4.
EVIDENCE_STEP, EVIDENCE_LIMIT, EVIDENCE_TO_LEAVE = 1.0, 20.0, 3.0
# Log-odds that two hands within one person's reach are a pair. Chosen by hand: more than one look at a new hand can outweigh, so that it
# takes the side that is free; two people's hands of one side come to it after ten frames of contradiction (0.3 s).
PAIR_LOG_ODDS = 7.0
# Hands farther apart belong to two people, and none of them says anything about the other. Chosen by hand: a tall adult's arm span.
PAIR_REACH_M = 2.0


@dataclass(frozen=True, eq=False)
class SideClaim:
    """What speaks for the side that a hand has.

    Attributes:
        side: that side.
        log_odds: for it against the other; infinite where the network cannot tell, or the user knows better.
        position: (3,) of the palm, camera frame, metres.
    """

    side: Side
    log_odds: float
    position: FloatArray


def assign_sides(claims: Sequence[SideClaim]) -> list[Side]:
    """The most likely side of each hand; its own where two combinations are as likely."""
    pairs = [(i, j) for i, j in itertools.combinations(range(len(claims)), 2) if within_reach(claims[i].position, claims[j].position)]

    def cost(sides: list[Side]) -> float:
        turned = sum(claim.log_odds for claim, side in zip(claims, sides, strict=True) if side is not claim.side)
        return turned + PAIR_LOG_ODDS * sum(sides[i] is sides[j] for i, j in pairs)

    combinations = [list(sides) for sides in itertools.product(*((claim.side, claim.side.other) for claim in claims))]
    return min(combinations, key=cost)


def within_reach(a: FloatArray, b: FloatArray) -> bool:
    """Whether two palms (3,), metres, may be one person's."""
    return math.dist(a.tolist(), b.tolist()) <= PAIR_REACH_M


def claim_of_track(track: Track) -> SideClaim:
    """Of a hand that is followed: it is kept until enough speaks against it."""
    is_told = track.measurement.right_probability is None
    return SideClaim(track.side, math.inf if is_told else track.side_evidence + EVIDENCE_TO_LEAVE, track.position)


def claim_of_candidate(candidate: Measurement, evidence_of_missing: float) -> SideClaim:
    """Of a hand that is new: what its one measurement says, and the evidence for its side of the missing hand in whose place it is."""
    log_odds = _log_odds(candidate.hand.side, candidate) + max(evidence_of_missing, 0.0)
    return SideClaim(candidate.hand.side, math.inf if candidate.right_probability is None else log_odds, candidate.palm_center)


def side_evidence(side: Side, measurement: Measurement) -> float:
    """Log-odds for a side from one frame, kept within ``EVIDENCE_STEP``."""
    return min(max(_log_odds(side, measurement), -EVIDENCE_STEP), EVIDENCE_STEP)


def side_likelihood(side: Side, measurement: Measurement) -> float:
    """Probability of ``side``, kept off 0 and 1."""
    return min(max(probability_of(side, measurement.right_probability), LEAST_SIDE_LIKELIHOOD), 1.0 - LEAST_SIDE_LIKELIHOOD)


def _log_odds(side: Side, measurement: Measurement) -> float:
    likelihood = side_likelihood(side, measurement)
    return math.log(likelihood / (1.0 - likelihood))
