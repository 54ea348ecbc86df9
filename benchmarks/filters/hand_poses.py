"""What the filter benchmark follows of a hand: where its wrist is, how it is turned, how a finger is bent; and the filters run on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from benchmarks.filters.candidates import Factory, HandCandidate
from benchmarks.filters.former.smoother import HandSmoother, SmoothingParameters
from handmesh_ros.hand import INDEX_MCP, WRIST, FloatArray, Hand
from handmesh_ros.perception.rotations import rotation_vector

FINGER_JOINT = INDEX_MCP + 1  # the index finger's pip: what bends most


@dataclass(frozen=True, eq=False)
class Poses:
    """Of one hand at N times.

    Attributes:
        stamps: (N,) seconds.
        positions: (N, 3) of the wrist, camera frame, metres.
        turns: (N, 3, 3) orientation of the wrist in the camera frame.
        bends: (N, 3, 3) orientation of the index finger's pip in the wrist's frame.
    """

    stamps: FloatArray
    positions: FloatArray
    turns: FloatArray
    bends: FloatArray

    @classmethod
    def of(cls, hands: Sequence[Hand]) -> Poses:
        turns = np.array([hand.rotations[WRIST] for hand in hands])
        fingers = np.array([hand.rotations[FINGER_JOINT] for hand in hands])
        stamps, positions = np.array([hand.stamp_s for hand in hands]), np.array([hand.joints[WRIST] for hand in hands])
        return cls(stamps, positions, turns, turns.transpose(0, 2, 1) @ fingers)


def starts_of(hands: Sequence[Hand]) -> list[int]:
    """Numbers of the hands with which a track begins, or goes on after a pause: where every filter starts anew."""
    pause = SmoothingParameters().reset_after_s
    return [
        i
        for i, hand in enumerate(hands)
        if i == 0 or hand.track_id != hands[i - 1].track_id or not 0.0 < hand.stamp_s - hands[i - 1].stamp_s <= pause
    ]


def filtered(hands: Sequence[Hand], candidate: HandCandidate) -> Poses:
    """The hands' poses behind a filter.

    Raises:
        ModuleNotFoundError: a rival's package is not installed.
    """
    bounds = [*starts_of(hands), len(hands)]
    parts = [_one_track(hands[a:b], candidate) for a, b in pairwise(bounds)]
    return Poses(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("stamps", "positions", "turns", "bends")))


def turns_from(rotations: FloatArray, anchor: FloatArray) -> FloatArray:
    """(N, 3) radians: rotations (N, 3, 3) seen from one of them."""
    return np.array([rotation_vector(rotation @ anchor.T) for rotation in rotations])


def _one_track(hands: Sequence[Hand], candidate: HandCandidate) -> Poses:
    if candidate.smoothing is not None:
        smoother = HandSmoother(candidate.smoothing)
        return Poses.of([smoother.update(hand) for hand in hands])
    raw = Poses.of(hands)
    steps = np.diff(raw.stamps, prepend=raw.stamps[0]).tolist()

    def run(make: Factory, values: FloatArray) -> FloatArray:
        filter_ = make()
        return np.array([filter_.update(value, dt) for value, dt in zip(values, steps, strict=True)])

    return Poses(raw.stamps, run(candidate.position, raw.positions), run(candidate.rotation, raw.turns), run(candidate.rotation, raw.bends))
