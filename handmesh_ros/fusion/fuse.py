"""Several cameras' estimates of one hand to one estimate, weighted by information."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from handmesh_ros.fusion.matching import right_odds, squared_distance
from handmesh_ros.fusion.placed import PlacedHand
from handmesh_ros.hand import JOINT_COUNT, MIDDLE_MCP, WRIST, Hand, Side, TrackState
from handmesh_ros.perception.frames import joint_rotations

DEGREES_OF_FREEDOM = 3


@dataclass(frozen=True, eq=False)
class FusedHand:
    """One hand as all cameras together see it.

    Attributes:
        hand: in the common frame. Its size is measured, wrist to middle mcp, where cameras look from different directions. There is no
            mesh, and keypoints are NaN: they belong to no picture.
        cameras: who sees it.
        disagreement: the largest distance of two cameras' estimates, sigmas; 0 of a single camera.
    """

    hand: Hand
    cameras: tuple[str, ...]
    disagreement: float


def fused(group: Sequence[PlacedHand], track_id: int, stamp_s: float) -> FusedHand:
    """The hand of a group that was brought to one time.

    Every joint by itself: a camera is precise across its rays and unsure along them, so what counts along one camera's ray is what the
    others see across theirs. Where estimates differ by more than their covariances allow, the result's grows by as much (Birge 1932, Phys.
    Rev. 40:207: the ratio by which least-squares residuals are too large).
    """
    information = np.linalg.inv(np.array([one.covariances for one in group]))  # (N, 21, 3, 3)
    covariances = np.linalg.inv(information.sum(0))
    pulls = (information @ np.array([one.hand.joints for one in group])[..., None]).sum(0)
    joints = (covariances @ pulls)[..., 0]
    distance = max((squared_distance(one, other) for one, other in combinations(group, 2)), default=0.0)
    odds = sum(right_odds(one) for one in group)
    side = Side.RIGHT if odds > 0 or (odds == 0 and group[0].hand.side is Side.RIGHT) else Side.LEFT
    seen = any(one.hand.state is TrackState.TRACKING for one in group)
    hand = Hand(
        side=side,
        side_score=1.0 / (1.0 + math.exp(-abs(odds))),
        score=max(one.hand.score for one in group),
        track_id=track_id,
        state=TrackState.TRACKING if seen else TrackState.PREDICTED,
        stamp_s=stamp_s,
        vertices=np.zeros((0, 3), np.float32),
        joints=joints,
        rotations=joint_rotations(joints - joints[WRIST], side),
        keypoints=np.full((JOINT_COUNT, 2), np.nan),
        position_covariance=covariances[WRIST] * max(distance / DEGREES_OF_FREEDOM, 1.0),
        size_m=float(np.linalg.norm(joints[MIDDLE_MCP] - joints[WRIST])),
        metric=True,
    )
    return FusedHand(hand, tuple(one.camera for one in group), math.sqrt(distance))
