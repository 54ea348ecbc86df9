"""A world of hands that move, cross and hide each other, and the networks' view of it: for tests of the tracker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from handmesh_ros.hand import Hand, Side, TrackState
from handmesh_ros.perception.crop import CropRegion
from handmesh_ros.perception.evidence import HandEvidence
from handmesh_ros.perception.tracking.records import Measurement, SearchRegion, TrackingParameters, TrackUpdate, probability_of
from handmesh_ros.perception.tracking.tracker import PALM_DETECTION_JOINTS, Tracker

FOCAL, CENTER = 600.0, np.array([320.0, 240.0])
PERIOD = 1 / 30  # s, between frames


def open_hand(side: Side) -> np.ndarray:
    """(21, 3) metres around the wrist: fingers up (-y), the thumb of a right hand that shows its palm to the left (-x)."""
    joints = np.zeros((21, 3))
    for finger, (x, knuckle, phalanx) in enumerate([(-0.05, 0.03, 0.025), (-0.03, 0.09, 0.03), (-0.01, 0.095, 0.032),
                                                    (0.01, 0.09, 0.03), (0.03, 0.08, 0.025)]):  # fmt: skip
        for row in range(4):
            joints[1 + 4 * finger + row] = [x * (1.0 + 0.15 * row), -knuckle - phalanx * row, 0.004 * row]
    return joints if side is Side.RIGHT else joints * np.array([-1.0, 1.0, 1.0])


def project(joints: np.ndarray) -> np.ndarray:
    return joints[:, :2] / joints[:, 2:] * FOCAL + CENTER


def palm_px(keypoints: np.ndarray) -> float:
    return float(np.linalg.norm(keypoints[9] - keypoints[0]))


@dataclass(frozen=True)
class TrueHand:
    """A hand as it is: joints (21, 3) camera frame, metres."""

    side: Side
    joints: np.ndarray

    @cached_property
    def keypoints(self) -> np.ndarray:
        return project(self.joints)

    @cached_property
    def outline(self) -> tuple[np.ndarray, np.ndarray]:
        """Corners of the box around it, widened by a finger."""
        return self.keypoints.min(axis=0) - 8.0, self.keypoints.max(axis=0) + 8.0


def measurement(
    keypoints: np.ndarray,
    joints: np.ndarray,
    side: Side,
    score: float = 0.95,
    right_probability: float = 0.5,
    residual_px: float = 1.0,
    track_id: int | None = None,
    rotation: np.ndarray | None = None,
) -> Measurement:
    """A measurement of these numbers; every joint turned by ``rotation`` (3, 3), none if it is left out."""
    hand = Hand(
        side=side,
        side_score=probability_of(side, right_probability),
        score=score,
        track_id=0,
        state=TrackState.TRACKING,
        stamp_s=0.0,
        vertices=joints.astype(np.float32),
        joints=joints,
        rotations=np.tile(np.eye(3) if rotation is None else rotation, (21, 1, 1)),
        keypoints=keypoints,
        position_covariance=1e-4 * np.eye(3),
        size_m=0.095,
        metric=True,
    )
    region = CropRegion(keypoints.mean(axis=0), max(2.0, 1.5 * float(np.ptp(keypoints, axis=0).max())), mirror=side is Side.LEFT)
    evidence = HandEvidence(joints[:, :2] / joints[:, 2:], 0.003, joints - joints[0], 0.007)
    return Measurement(hand, region, right_probability, residual_px, evidence, track_id)


class Network:
    """Measures, as the mesh network does, the most visible hand inside a crop, even if it is not the one that was meant."""

    def __init__(self, rng: np.random.Generator, side_errors: float = 0.05, detector_recall: float = 0.9) -> None:
        self.rng, self.side_errors, self.detector_recall = rng, side_errors, detector_recall
        self.detector_calls = 0

    def hidden_fraction(self, hand: TrueHand, hands: list[TrueHand]) -> float:
        """Share of keypoints that lie behind the outline (widened box) of a nearer hand."""
        hidden = np.zeros(21, dtype=bool)
        for other in hands:
            if other is not hand and other.joints[0, 2] < hand.joints[0, 2]:
                low, high = other.outline
                hidden |= ((hand.keypoints > low) & (hand.keypoints < high)).all(axis=1)
        return float(hidden.mean())

    def measure(self, center: np.ndarray, size: float, told: Side | None, track_id: int | None, hands: list[TrueHand]) -> Measurement:
        rng = self.rng
        best, best_merit = None, 0.0
        for hand in hands:
            inside = (np.abs(hand.keypoints - center).max(axis=1) < 0.5 * size).mean()
            off_center = np.linalg.norm(hand.keypoints.mean(axis=0) - center) / size
            merit = inside * (1.0 - self.hidden_fraction(hand, hands)) * np.exp(-off_center)
            if merit > best_merit:
                best, best_merit = hand, merit
        if best is None or best_merit < 0.25:  # nothing to see: rubbish with a low score, now and then a middling one
            side = told or Side.RIGHT
            joints = open_hand(side) + np.array([*(center - CENTER) / FOCAL * 0.6, 0.6]) + rng.normal(0, 0.03, (21, 3))
            return measurement(project(joints), joints, side, float(rng.beta(2, 8)), float(rng.uniform()), 5.0, track_id)
        hidden = self.hidden_fraction(best, hands)
        spread = 1.0 + 3.0 * hidden
        right = best.side is Side.RIGHT
        logit = rng.normal(3.0, 1.0) * (1 if right else -1) * (-1 if rng.uniform() < self.side_errors + 0.3 * hidden else 1)
        shift = rng.normal(0, 1, 3) * np.array([0.002, 0.002, 0.009])
        joints = best.joints + (rng.normal(0, 0.003, (21, 3)) + shift) * spread
        if told is not None and told is not best.side:  # a mesh from a wrongly mirrored patch is wrong in depth and in size
            joints = joints + rng.normal(0, 0.01, (21, 3)) + np.array([0.0, 0.0, rng.normal(0, 0.03)])
        keypoints = best.keypoints + rng.normal(0, 1.5, (21, 2)) * spread
        score = float(np.clip(rng.normal(0.95, 0.03) - 0.6 * hidden**2, 0.0, 1.0))
        side = told or (Side.RIGHT if logit > 0 else Side.LEFT)
        return measurement(keypoints, joints, side, score, float(1 / (1 + np.exp(-logit))), 1.5 * spread, track_id)

    def look(self, region: SearchRegion, hands: list[TrueHand]) -> Measurement:
        box = region.keypoints.max(axis=0), region.keypoints.min(axis=0)
        return self.measure((box[0] + box[1]) / 2, 2.0 * float((box[0] - box[1]).max()), region.side, region.track_id, hands)

    def detect(self, hands: list[TrueHand]) -> list[np.ndarray]:
        """Palm keypoints (7, 2) of the hands that the detector sees."""
        self.detector_calls += 1
        seen = [h for h in hands if self.hidden_fraction(h, hands) < 0.5 and self.rng.uniform() < self.detector_recall]
        return [h.keypoints[PALM_DETECTION_JOINTS] + self.rng.normal(0, 3.0, (7, 2)) for h in seen]


def run_frame(tracker: Tracker, network: Network, hands: list[TrueHand], stamp_s: float) -> TrackUpdate:
    """One frame as the pipeline runs it."""
    update = tracker.step([network.look(region, hands) for region in tracker.regions(stamp_s)], stamp_s)
    if update.want_detection:
        palms = [p for p in network.detect(hands) if not tracker.is_followed(p)]
        sizes = [3.0 * float(np.linalg.norm(p[0] - p[2])) for p in palms]
        candidates = [network.measure(p.mean(axis=0), s, None, None, hands) for p, s in zip(palms, sizes, strict=True)]

        def as_other_side(candidate: Measurement) -> Measurement:
            return network.measure(candidate.region.center, candidate.region.size, candidate.hand.side.other, None, hands)

        update = tracker.adopt(candidates, stamp_s, as_other_side)
    return update


def hand_at(side: Side, x: float, y: float = 0.08, z: float = 0.6) -> TrueHand:
    return TrueHand(side, open_hand(side) + np.array([x, y, z]))


def seen(hand: TrueHand, track_id: int | None = None, **changes: object) -> Measurement:
    """A perfect measurement."""
    numbers: dict[str, Any] = {"keypoints": hand.keypoints, "joints": hand.joints, "side": hand.side}
    numbers["right_probability"] = 0.98 if hand.side is Side.RIGHT else 0.02
    return measurement(track_id=track_id, **(numbers | changes))


def adopted(tracker: Tracker, candidates: list[Measurement], stamp_s: float) -> TrackUpdate:
    """Adopt candidates that look the same when they are taken for hands of the other side."""

    def as_other_side(candidate: Measurement) -> Measurement:
        return replace(candidate, hand=replace(candidate.hand, side=candidate.hand.side.other))

    return tracker.adopt(candidates, stamp_s, as_other_side)


def started(hands: list[TrueHand], frames: int = 5, parameters: TrackingParameters | None = None) -> Tracker:
    """A tracker that has followed these still hands since time 0; the next frame is number ``frames``."""
    tracker = Tracker(parameters)
    tracker.step([], 0.0)
    adopted(tracker, [seen(h) for h in hands], 0.0)
    for i in range(1, frames):
        tracker.step([seen(h, t.track_id) for h, t in zip(hands, tracker.live, strict=True)], i * PERIOD)
    return tracker
