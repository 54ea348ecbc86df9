"""Which hand is which over time: identity, side, loss and recovery, and when the detector is worth its time.

Use, once a frame:

    for region in tracker.regions(stamp_s): crop, run the network -> Measurement(..., track_id=region.track_id)
    update = tracker.step(measurements, stamp_s)
    if update.want_detection:
        detections that tracker.is_followed(palm keypoints) denies: crop, run the network -> Measurement(..., track_id=None)
        update = tracker.adopt(candidates, stamp_s, how to measure one of them again as a hand of the other side)
    update.live are this frame's hands
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from handmesh_ros.errors import InputError
from handmesh_ros.hand import PALM_JOINTS, FloatArray, Side, TrackState
from handmesh_ros.perception.tracking.association import (
    coasted_time,
    distinct,
    fit,
    intrinsic_fault,
    match,
    same_hand,
)
from handmesh_ros.perception.tracking.records import (
    ImagePalm,
    Loss,
    LossReason,
    Measurement,
    SearchRegion,
    Track,
    TrackingParameters,
    TrackUpdate,
)
from handmesh_ros.perception.tracking.sides import (
    EVIDENCE_LIMIT,
    assign_sides,
    claim_of_candidate,
    claim_of_track,
    side_evidence,
    within_reach,
)

# Joints of the palm detector's seven keypoints: wrist, index, middle, ring, little mcp, thumb cmc, thumb mcp.
PALM_DETECTION_JOINTS = np.array([0, 5, 9, 13, 17, 1, 2])
PALM_OF_DETECTION = np.isin(PALM_DETECTION_JOINTS, PALM_JOINTS)
# How much a frame ages tracks whose stamp stood still (cameras that never set it): most cameras' period.
NOMINAL_PERIOD_S = 1.0 / 30.0
# Time constant of the velocity estimate. Chosen by hand: two frames at 30 Hz; a longer one lags, a shorter one is noise.
VELOCITY_TIME_S = 0.06
AsOtherSide = Callable[[Measurement], "Measurement | None"]


class Tracker:
    """Follows up to ``parameters.max_hands`` hands. Deterministic, no clock of its own: time is the stamps'."""

    def __init__(self, parameters: TrackingParameters | None = None) -> None:
        self.parameters = parameters or TrackingParameters()
        self._next_id = 1
        self.reset()

    def reset(self) -> None:
        """Forget every hand. Ids go on increasing: an id never names two hands."""
        self._tracks: tuple[Track, ...] = ()  # TRACKING, PREDICTED, and LOST ones that may still come back
        self._lost: tuple[Loss, ...] = ()
        self._stamp: float | None = None
        self._since_search = math.inf

    @property
    def live(self) -> tuple[Track, ...]:
        """Tracks to report: measured in the last frame, or predicted for at most ``predict_s``."""
        return tuple(t for t in self._tracks if t.state is not TrackState.LOST and t.hits > 0)

    def regions(self, stamp_s: float) -> list[SearchRegion]:
        """Where to crop in the frame of ``stamp_s``; empty after a jump in time, and for a late frame."""
        if self.is_late(stamp_s) or self._jump(stamp_s) is not LossReason.NONE:
            return []
        regions = []
        for track in self._looked_for():
            shift = track.image_velocity * coasted_time(stamp_s - track.stamp_s)
            last = track.measurement
            regions.append(SearchRegion(track.track_id, track.side, last.hand.keypoints + shift, last.region))
        return regions

    def is_late(self, stamp_s: float) -> bool:
        """Whether the frame of ``stamp_s`` is a little older than the last one: it tells nothing new, and is left out."""
        return self._stamp is not None and 0.0 < self._stamp - stamp_s <= self.parameters.late_s

    def is_followed(self, palm_keypoints: FloatArray) -> bool:
        """Whether a palm detection ((7, 2) px) lies on a hand that was measured in this frame."""
        palm = palm_keypoints[PALM_OF_DETECTION]
        center = palm.mean(axis=0)
        return self._is_on_measured(ImagePalm(center, 2.0 * math.sqrt(float(((palm - center) ** 2).sum()) / len(palm))))

    def step(self, measurements: Sequence[Measurement], stamp_s: float) -> TrackUpdate:
        """Take what was measured in this frame's regions.

        A stamp that goes back by more than ``late_s``, or leaps ahead by more than ``max_gap_s``, ends all tracks. A late frame changes
        nothing.

        Raises:
            InputError: the stamp is not finite.
        """
        if not math.isfinite(stamp_s):
            raise InputError(f"the frame's stamp is {stamp_s}; give seconds as a finite number")
        if self.is_late(stamp_s):
            self._lost = ()
            return self._update(False)
        jump = self._jump(stamp_s)
        if jump is LossReason.NONE:
            self._lost = ()
        else:
            self._restart(jump)
            measurements = ()  # those of tracks that have ended
        age_s = NOMINAL_PERIOD_S if self._stamp is None or stamp_s == self._stamp else stamp_s - self._stamp
        self._stamp = stamp_s
        self._since_search += age_s
        were_measured = {t.track_id for t in self._measured()}

        followed = self._looked_for()
        remembered = [t for t in self._tracks if t not in followed]
        matches = match(followed, measurements, self.parameters.keep_score, stamp_s, self.parameters)
        tracks: list[Track] = []
        for track in followed:
            measurement = matches.measured.get(track.track_id)
            if measurement is None:
                tracks.append(self._missed(track, age_s, matches.missed[track.track_id]))
            else:
                tracks.append(self._moved(track, measurement, stamp_s, age_s))
        tracks += [self._missed(track, age_s, track.reason) for track in remembered]
        self._set(tracks)
        self._turn_contradicted(stamp_s)

        want_detection = self._wants_detection(were_measured)
        if want_detection:
            self._since_search = 0.0
        return self._update(want_detection)

    def adopt(self, candidates: Sequence[Measurement], stamp_s: float, as_other_side: AsOtherSide) -> TrackUpdate:
        """Take what was measured at detections of the same frame: recover missing tracks first, then begin new ones.

        Args:
            as_other_side: measures a candidate again, as a hand of the other side: a patch mirrored for one side gives no usable mesh of
                the other. None where that makes no hand.
        """
        unknown = [
            c for c in distinct(self._sound(candidates), self.parameters.duplicate_distance) if not self._is_on_measured(c.image_palm)
        ]
        unknown = self._sound(self._of_assigned_sides(unknown, stamp_s, as_other_side))
        self._recover(unknown, stamp_s)
        for candidate in unknown:
            if candidate.hand.score < self.parameters.start_score or self._is_on_measured(candidate.image_palm):
                continue
            if len(self._measured()) >= self.parameters.max_hands:
                break
            doubtful = self._contradicted(candidate, stamp_s)
            if doubtful is None:
                self._make_room(candidate)
                self._tracks += (self._born(candidate, candidate.hand.side, stamp_s),)
            else:
                self._tracks = tuple(replace(t, doubted=True) if t is doubtful else t for t in self._tracks)
        return self._update(False)

    def _sound(self, candidates: Sequence[Measurement]) -> list[Measurement]:
        """Those that may be hands."""
        return [c for c in candidates if intrinsic_fault(c, self.parameters.keep_score, self.parameters) is LossReason.NONE]

    def _of_assigned_sides(self, candidates: Sequence[Measurement], stamp_s: float, as_other_side: AsOtherSide) -> list[Measurement]:
        """The candidates, measured as hands of the sides that they most likely have beside the hands that are followed.

        One that fits a missing hand is taken for that hand.
        """
        followed = self._measured()
        missing = self._missing()
        claims = [claim_of_track(t) for t in followed]
        for candidate in candidates:
            same = [t.side_evidence for t in missing if t.side is candidate.hand.side and self._fits(t, candidate, stamp_s)]
            claims.append(claim_of_candidate(candidate, max(same, default=0.0)))
        sides = assign_sides(claims)
        assigned = (c if c.hand.side is side else as_other_side(c) for c, side in zip(candidates, sides[len(followed) :], strict=True))
        return [candidate for candidate in assigned if candidate is not None]

    def _turn_contradicted(self, stamp_s: float) -> None:
        """Begin a track of the other side in the place of each whose side is contradicted for long."""
        measured = self._measured()
        sides = {t.track_id: side for t, side in zip(measured, assign_sides([claim_of_track(t) for t in measured]), strict=True)}
        turned = [t for t in measured if sides[t.track_id] is not t.side]
        self._lost += tuple(Loss(t.track_id, t.side, LossReason.WRONG_SIDE) for t in turned)
        self._tracks = tuple(self._other_side_of(t, stamp_s) if t in turned else t for t in self._tracks)

    def _other_side_of(self, track: Track, stamp_s: float) -> Track:
        # Its mesh came from a wrongly mirrored patch: the new track is not reported before it has been measured by itself.
        return replace(self._born(track.measurement, track.side.other, stamp_s), side_evidence=-track.side_evidence, hits=0)

    def _measured(self) -> list[Track]:
        """The tracks that were measured in this frame; before it is stepped, in the last one."""
        return [t for t in self._tracks if t.state is TrackState.TRACKING]

    def _missing(self) -> list[Track]:
        """The tracks that were not."""
        return [t for t in self._tracks if t.state is not TrackState.TRACKING]

    def _is_on_measured(self, palm: ImagePalm) -> bool:
        """Whether a palm is that of a hand that was measured in this frame already."""
        return any(same_hand(palm, t.measurement.image_palm, self.parameters.duplicate_distance) for t in self._measured())

    def _jump(self, stamp_s: float) -> LossReason:
        """Why the frame of ``stamp_s`` has nothing to do with the last one; NONE where it has."""
        elapsed = 0.0 if self._stamp is None else stamp_s - self._stamp
        if 0.0 <= elapsed <= self.parameters.max_gap_s:
            return LossReason.NONE
        return LossReason.TIME_WENT_BACK if elapsed < 0.0 else LossReason.GAP

    def _restart(self, reason: LossReason) -> None:
        lost = tuple(Loss(t.track_id, t.side, reason) for t in self.live)
        self.reset()
        self._lost = lost

    def _wants_detection(self, were_measured: set[int]) -> bool:
        """Whether a hand may be there that is not followed, and the last search is long enough ago."""
        measured = {t.track_id for t in self._measured()}
        if len(measured) >= self.parameters.max_hands:
            return False
        one_is_missing = len(measured) < len(self._tracks) or not were_measured <= measured
        if one_is_missing or not measured:
            return self._since_search >= self.parameters.search_interval_s
        return self._since_search >= self.parameters.background_interval_s

    def _update(self, want_detection: bool) -> TrackUpdate:
        live = self.live
        ids = {t.track_id for t in live}
        # A hand given up in step() and found again by the detector in the same frame was never lost.
        return TrackUpdate(live, tuple(loss for loss in self._lost if loss.track_id not in ids), want_detection)

    def _recover(self, candidates: Sequence[Measurement], stamp_s: float) -> None:
        """Give missing tracks the candidates that fit them."""
        missing = self._missing()
        found = match(missing, candidates, self.parameters.keep_score, stamp_s, self.parameters).measured
        self._set([self._moved(t, found[t.track_id], stamp_s, 0.0) if t.track_id in found else t for t in self._tracks])

    def _contradicted(self, candidate: Measurement, stamp_s: float) -> Track | None:
        """The missing track of the other side in whose place a hand appears for the first time.

        Half hidden hands often show the wrong side for one frame: the second look decides, a tenth of a second later.
        """
        for track in self._missing():
            if track.side is not candidate.hand.side and not track.doubted and self._fits(track, candidate, stamp_s):
                return track
        return None

    def _fits(self, track: Track, measurement: Measurement, stamp_s: float) -> bool:
        return fit(track, measurement, stamp_s, self.parameters).fault is LossReason.NONE

    def _looked_for(self) -> list[Track]:
        """The tracks around which the next frame is cropped: those seen last, as many as hands may be."""
        recent = sorted((t for t in self._tracks if t.unseen_s <= self.parameters.look_s), key=lambda t: t.unseen_s)
        return [t for t in self._tracks if t in recent[: self.parameters.max_hands]]

    def _missed(self, track: Track, age_s: float, reason: LossReason) -> Track:
        """The track after a frame in which it was not measured."""
        unseen_s = track.unseen_s + age_s
        coasted_m = float(np.linalg.norm(track.velocity)) * coasted_time(unseen_s)
        near = unseen_s <= self.parameters.predict_s + 1e-9 and coasted_m <= self.parameters.max_coast_m
        held = track.hits >= self.parameters.confirm_hits and near
        still_live = track.state is not TrackState.LOST and held
        return replace(track, unseen_s=unseen_s, state=TrackState.PREDICTED if still_live else TrackState.LOST, reason=reason)

    def _born(self, measurement: Measurement, side: Side, stamp_s: float) -> Track:
        evidence = side_evidence(side, measurement)
        track = Track(self._next_id, side, measurement, stamp_s, measurement.palm_center, np.zeros(3), np.zeros(2), evidence)
        self._next_id += 1
        return track

    def _moved(self, track: Track, measurement: Measurement, stamp_s: float, age_s: float) -> Track:
        """The track at its new measurement, its velocities smoothed over ``VELOCITY_TIME_S``; lost, where it was unsure for too long."""
        position = measurement.palm_center
        velocity, image_velocity = track.velocity, track.image_velocity
        elapsed = stamp_s - track.stamp_s
        if elapsed > 0.0:
            gain = -math.expm1(-elapsed / VELOCITY_TIME_S)
            image_shift = measurement.image_center - track.measurement.image_center
            velocity = (1.0 - gain) * velocity + gain / elapsed * (position - track.position)
            image_velocity = (1.0 - gain) * image_velocity + gain / elapsed * image_shift
        unsure_s = 0.0 if measurement.hand.score >= self.parameters.sure_score else track.unsure_s + age_s
        moved = replace(
            track,
            measurement=measurement,
            stamp_s=stamp_s,
            position=position,
            velocity=velocity,
            image_velocity=image_velocity,
            side_evidence=min(track.side_evidence + side_evidence(track.side, measurement), EVIDENCE_LIMIT),
            hits=track.hits + 1,
            unseen_s=0.0,
            unsure_s=unsure_s,
            state=TrackState.TRACKING,
            reason=LossReason.NONE,
            doubted=False,
        )
        return moved if unsure_s <= self.parameters.unsure_s else _forgotten(moved, LossReason.UNSURE)

    def _set(self, tracks: Iterable[Track]) -> None:
        """Replace the tracks, note which stopped being live and drop those lost for too long."""
        were_live = {t.track_id for t in self.live}
        kept: list[Track] = []
        for track in tracks:
            is_lost = track.state is TrackState.LOST
            if is_lost and track.track_id in were_live:
                self._lost += (Loss(track.track_id, track.side, track.reason),)
            if not is_lost or (track.hits > 0 and track.unseen_s <= self.parameters.remember_s):
                kept.append(track)
        self._tracks = tuple(kept)

    def _make_room(self, candidate: Measurement) -> None:
        """End what a new hand replaces: the missing one of its side and person, and the longest unseen one if all places are taken."""
        missing = self._missing()
        replaced = [t for t in missing if t.side is candidate.hand.side and within_reach(t.position, candidate.palm_center)]
        predicted = [t for t in missing if t.state is TrackState.PREDICTED and t not in replaced]
        if predicted and len(self._measured()) + len(predicted) >= self.parameters.max_hands:
            replaced.append(max(predicted, key=lambda t: t.unseen_s))
        self._set(_forgotten(t, LossReason.REPLACED) if t in replaced else t for t in self._tracks)


def _forgotten(track: Track, reason: LossReason) -> Track:
    """Lost, never to come back under this id."""
    return replace(track, state=TrackState.LOST, reason=reason, unseen_s=math.inf)
