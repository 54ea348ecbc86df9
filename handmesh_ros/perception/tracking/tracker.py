"""Which hand is which over time: identity, side, loss and recovery, and when the detector is worth its time.

Use, once a frame:

    for region in tracker.regions(stamp_s): crop, run the network -> Measurement(..., track_id=region.track_id)
    update = tracker.step(measurements, stamp_s)
    if update.want_detection:
        detections that tracker.is_followed(palm keypoints) denies: crop, run the network -> Measurement(..., track_id=None)
        update = tracker.adopt(candidates, stamp_s)
    update.live are this frame's hands
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from handmesh_ros.hand import FloatArray, Side, TrackState
from handmesh_ros.perception.tracking.association import (
    LossReason,
    Measurement,
    Track,
    TrackingParameters,
    coasted_time,
    intrinsic_fault,
    match,
    match_cost,
    same_hand,
    side_likelihood,
)

__all__ = ["Loss", "LossReason", "Measurement", "SearchRegion", "Track", "TrackUpdate", "Tracker", "TrackingParameters"]

# Joints of the palm detector's seven keypoints: wrist, index, middle, ring, little mcp, thumb cmc, thumb mcp.
PALM_DETECTION_JOINTS = np.array([0, 5, 9, 13, 17, 1, 2])
NOMINAL_PERIOD_S = 1.0 / 30.0  # how much a frame ages tracks whose stamp stood still (cameras that never set it)
VELOCITY_TIME_S = 0.06  # time constant of the velocity estimate
EVIDENCE_STEP, EVIDENCE_LIMIT, EVIDENCE_TO_LEAVE = 1.0, 20.0, -3.0  # log-odds a frame, most, and where a side is given up


@dataclass(frozen=True, eq=False)
class SearchRegion:
    """Where to look for a track in this frame: ``keypoints`` (21, 2) px predicted; ``side`` tells whether to mirror the patch."""

    track_id: int
    side: Side
    keypoints: FloatArray


@dataclass(frozen=True)
class Loss:
    """A track that left the live ones in this frame."""

    track_id: int
    side: Side
    reason: LossReason


@dataclass(frozen=True)
class TrackUpdate:
    """Result of a frame. A live track in state PREDICTED carries its last measurement and the reason why it has none now."""

    live: tuple[Track, ...]
    lost: tuple[Loss, ...]
    want_detection: bool


class Tracker:
    """Follows up to ``parameters.max_hands`` hands. Deterministic, no clock of its own: time is the stamps'."""

    def __init__(self, parameters: TrackingParameters | None = None) -> None:
        self.parameters = parameters or TrackingParameters()
        self._next_id = 1
        self._forget()

    def _forget(self) -> None:
        self._tracks: tuple[Track, ...] = ()  # TRACKING, PREDICTED, and LOST ones that may still come back
        self._lost: tuple[Loss, ...] = ()
        self._stamp: float | None = None
        self._since_search = math.inf

    def reset(self) -> None:
        """Forget every hand. Ids go on increasing: an id never names two hands."""
        self._forget()

    @property
    def live(self) -> tuple[Track, ...]:
        """Tracks to report: measured in the last frame, or predicted for at most ``predict_s``."""
        return tuple(t for t in self._tracks if t.state is not TrackState.LOST and t.hits > 0)

    def regions(self, stamp_s: float) -> list[SearchRegion]:
        """Where to crop in the frame of ``stamp_s``; empty after a jump in time."""
        if self._stamp is None or not 0.0 <= stamp_s - self._stamp <= self.parameters.max_gap_s:
            return []
        return [
            SearchRegion(t.track_id, t.side, t.measurement.keypoints + t.image_velocity * coasted_time(stamp_s - t.stamp_s))
            for t in self._tracks
            if t.state is not TrackState.LOST
        ]

    def is_followed(self, palm_keypoints: FloatArray) -> bool:
        """Whether a palm detection ((7, 2) px) lies on a hand that was measured in this frame."""
        return any(
            same_hand(palm_keypoints, t.measurement.keypoints[PALM_DETECTION_JOINTS], t.measurement.palm_px, 0.5)
            for t in self._tracks
            if t.state is TrackState.TRACKING
        )

    def step(self, measurements: Sequence[Measurement], stamp_s: float) -> TrackUpdate:
        """Take what was measured in this frame's regions.

        Raises: ValueError for a stamp that is not finite. A stamp that goes back, or leaps ahead by more than ``max_gap_s``, ends
        all tracks.
        """
        if not math.isfinite(stamp_s):
            raise ValueError(f"the frame's stamp is {stamp_s}; give seconds as a finite number")
        elapsed = NOMINAL_PERIOD_S if self._stamp is None else stamp_s - self._stamp
        if not 0.0 <= elapsed <= self.parameters.max_gap_s:
            reason = LossReason.TIME_WENT_BACK if elapsed < 0.0 else LossReason.GAP
            lost = tuple(Loss(t.track_id, t.side, reason) for t in self.live)
            self._forget()
            self._lost, measurements, elapsed = lost, (), NOMINAL_PERIOD_S
        else:
            self._lost = ()
        self._stamp = stamp_s
        age = elapsed if elapsed > 0.0 else NOMINAL_PERIOD_S
        self._since_search += age
        was_tracking = {t.track_id for t in self._tracks if t.state is TrackState.TRACKING}

        live = [t for t in self._tracks if t.state is not TrackState.LOST]
        remembered = [self._age(t, age, t.reason) for t in self._tracks if t.state is TrackState.LOST]
        matches, reasons = match(live, measurements, self.parameters.keep_score, stamp_s, self.parameters)
        updated: list[Track] = []
        for track in live:
            measurement = matches.get(track.track_id)
            if measurement is None:
                updated.append(self._age(track, age, reasons.get(track.track_id, LossReason.NO_MEASUREMENT)))
            else:
                updated.extend(self._measured(track, measurement, stamp_s))
        self._set(updated + remembered)

        tracking = {t.track_id for t in self._tracks if t.state is TrackState.TRACKING}
        want = len(tracking) < self.parameters.max_hands and self._since_search >= self._search_interval(was_tracking - tracking)
        if want:
            self._since_search = 0.0
        return self._update(want)

    def adopt(self, candidates: Sequence[Measurement], stamp_s: float) -> TrackUpdate:
        """Take what was measured at detections of the same frame: recover missing tracks first, then begin new ones."""
        candidates = [c for c in candidates if intrinsic_fault(c, self.parameters.start_score, self.parameters) is LossReason.NONE]
        candidates = sorted((c for c in candidates if not self._on_measured_track(c)), key=lambda c: -c.score)
        missing = [t for t in self._tracks if t.state is not TrackState.TRACKING]
        matches, _ = match(missing, candidates, self.parameters.start_score, stamp_s, self.parameters)
        tracks: list[Track] = []
        for track in self._tracks:
            measurement = matches.get(track.track_id)
            tracks.extend([track] if measurement is None else self._measured(track, measurement, stamp_s))
        self._set(tracks)

        for candidate in candidates:
            if any(candidate is m for m in matches.values()) or self._on_measured_track(candidate):
                continue
            if sum(t.state is TrackState.TRACKING for t in self._tracks) >= self.parameters.max_hands:
                break
            if self._is_doubtful(candidate, stamp_s):
                continue
            self._make_room()
            self._tracks += (self._born(candidate, candidate.side, stamp_s),)
        return self._update(False)

    def _update(self, want_detection: bool) -> TrackUpdate:
        live = self.live
        ids = {t.track_id for t in live}
        # A hand given up in step() and found again by the detector in the same frame was never lost.
        return TrackUpdate(live, tuple(loss for loss in self._lost if loss.track_id not in ids), want_detection)

    def _is_doubtful(self, candidate: Measurement, stamp_s: float) -> bool:
        """Whether a hand appears where one of the other side went missing, for the first time.

        Half hidden hands often show the wrong side for one frame: the second look decides, a tenth of a second later.
        """
        for track in self._tracks:
            if track.state is TrackState.TRACKING or track.side is candidate.side or track.doubted:
                continue
            if math.isfinite(match_cost(track, candidate, stamp_s, self.parameters)[0]):
                self._tracks = tuple(replace(t, doubted=True) if t is track else t for t in self._tracks)
                return True
        return False

    def _measured(self, track: Track, measurement: Measurement, stamp_s: float) -> list[Track]:
        """The track moved to its measurement; or, where its side has been contradicted for long, a new track in its place."""
        likelihood = side_likelihood(track.side, measurement)
        step = min(max(math.log(likelihood / (1.0 - likelihood)), -EVIDENCE_STEP), EVIDENCE_STEP)
        evidence = min(track.side_evidence + step, EVIDENCE_LIMIT)
        if evidence <= EVIDENCE_TO_LEAVE:
            self._lost += (Loss(track.track_id, track.side, LossReason.WRONG_SIDE),)
            # Its mesh came from a wrongly mirrored patch: the new track is not reported before it has been measured by itself.
            return [replace(self._born(measurement, track.side.other, stamp_s), hits=0)]
        position = measurement.palm_center
        velocity, image_velocity = track.velocity, track.image_velocity
        elapsed = stamp_s - track.stamp_s
        if elapsed > 0.0:
            gain = -math.expm1(-elapsed / VELOCITY_TIME_S)
            image_shift = measurement.image_center - track.measurement.image_center
            velocity = (1.0 - gain) * velocity + gain / elapsed * (position - track.position)
            image_velocity = (1.0 - gain) * image_velocity + gain / elapsed * image_shift
        return [
            replace(
                track,
                measurement=measurement,
                stamp_s=stamp_s,
                position=position,
                velocity=velocity,
                image_velocity=image_velocity,
                side_evidence=evidence,
                hits=track.hits + 1,
                unseen_s=0.0,
                state=TrackState.TRACKING,
                reason=LossReason.NONE,
                doubted=False,
            )
        ]

    def _age(self, track: Track, age_s: float, reason: LossReason) -> Track:
        unseen = track.unseen_s + age_s
        held = track.hits >= self.parameters.confirm_hits and unseen <= self.parameters.predict_s + 1e-9
        still_live = track.state is not TrackState.LOST and held
        return replace(track, unseen_s=unseen, state=TrackState.PREDICTED if still_live else TrackState.LOST, reason=reason)

    def _born(self, measurement: Measurement, side: Side, stamp_s: float) -> Track:
        likelihood = side_likelihood(side, measurement)
        evidence = min(max(math.log(likelihood / (1.0 - likelihood)), -EVIDENCE_STEP), EVIDENCE_STEP)
        track = Track(self._next_id, side, measurement, stamp_s, measurement.palm_center, np.zeros(3), np.zeros(2), evidence)
        self._next_id += 1
        return track

    def _set(self, tracks: Sequence[Track]) -> None:
        """Replace the tracks, note which stopped being live and drop those lost for too long."""
        before = {t.track_id for t in self.live}
        gone = [t for t in tracks if t.state is TrackState.LOST]
        self._lost += tuple(Loss(t.track_id, t.side, t.reason) for t in gone if t.track_id in before)
        forgotten = {t.track_id for t in gone if t.unseen_s > self.parameters.remember_s or t.hits == 0}
        self._tracks = tuple(t for t in tracks if t.track_id not in forgotten)

    def _make_room(self) -> None:
        """A hand that is seen outranks one that is only predicted: end the longest unseen one if all places are taken."""
        if len(self.live) < self.parameters.max_hands:
            return
        oldest = max((t for t in self.live if t.state is TrackState.PREDICTED), key=lambda t: t.unseen_s)
        self._set([replace(t, state=TrackState.LOST, reason=LossReason.REPLACED) if t is oldest else t for t in self._tracks])

    def _on_measured_track(self, candidate: Measurement) -> bool:
        limit = self.parameters.duplicate_distance
        return any(
            same_hand(candidate.keypoints, t.measurement.keypoints, t.measurement.palm_px, limit)
            for t in self._tracks
            if t.state is TrackState.TRACKING
        )

    def _search_interval(self, just_missed: set[int]) -> float:
        """Least seconds between searches: short while a hand is missing, long while one merely might appear."""
        someone_missing = bool(just_missed) or any(t.state is not TrackState.TRACKING for t in self._tracks)
        nobody = not any(t.state is TrackState.TRACKING for t in self._tracks)
        return self.parameters.search_interval_s if someone_missing or nobody else self.parameters.background_interval_s
