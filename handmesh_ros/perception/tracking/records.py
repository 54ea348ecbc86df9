"""What the tracker is told and what it tells: measurements, tracks, losses, and the parameters. Frozen records."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import NamedTuple

import numpy as np

from handmesh_ros.errors import InputError
from handmesh_ros.hand import JOINT_COUNT, PALM_JOINTS, WRIST, FloatArray, Hand, Side, TrackState
from handmesh_ros.perception.crop import CropRegion
from handmesh_ros.perception.evidence import HandEvidence

# What to multiply a hand's joints with: for their mean (21,), the palm's centre (21,), and the palm's joints about it (6, 21).
OF_CENTER = np.full(JOINT_COUNT, 1 / JOINT_COUNT)
OF_PALM_CENTER = np.isin(np.arange(JOINT_COUNT), PALM_JOINTS) / len(PALM_JOINTS)
ABOUT_PALM_CENTER = np.eye(JOINT_COUNT)[list(PALM_JOINTS)] - OF_PALM_CENTER


class LossReason(str, Enum):
    """Why a track was not measured in a frame, and at the end why it was given up."""

    NONE = "none"
    NO_MEASUREMENT = "no_measurement"  # nothing to crop, or the network's answer was not finite or nowhere before the camera
    LOW_SCORE = "low_score"
    UNSURE = "never_sure"  # a middling score for too long
    TOO_SMALL = "too_small"
    RESIDUAL = "reprojection_residual"
    SIZE_JUMP = "size_jump"
    POSITION_JUMP = "position_jump"
    TURN_JUMP = "turn_jump"
    DUPLICATE = "same_hand_as_another_track"
    WRONG_SIDE = "side_contradicted"
    REPLACED = "replaced_by_a_new_hand"
    TIME_WENT_BACK = "time_went_back"
    GAP = "frames_missing"


@dataclass(frozen=True)
class TrackingParameters:
    """Gates in physical units; the defaults suit one camera at 15 to 60 Hz and people's hands at 0.2 to 1.5 m.

    "Measured" figures are those of docs/tracking.md: eleven clips of real hands at 30 Hz, 1832 steps of a track from one frame to the next.
    """

    # One person's.
    max_hands: int = 2
    # The score that begins a track, and the lower one that carries it on or brings it back. Measured with mobrecon on eight clips: of 114
    # times that a hand came into view five had less than 0.85 in the first frame, three of these came back; of what is no hand nearly all
    # has less than 0.82. Scores lie at the ends: 9 of 2107 between 0.4 and 0.6.
    start_score: float = 0.85
    keep_score: float = 0.5
    # A hand that scores less than this for so long is none: faces, necklines and walls go on at 0.5 to 0.8 for as long as they are looked
    # at. Measured: true hands are below 0.9 for at most 0.13 s on end.
    sure_score: float = 0.9
    unsure_s: float = 0.5
    # An unmeasured hand is still reported for this long, as PREDICTED. Measured: 13 of 33 gaps in a track are over by then; a fast hand is
    # already elsewhere.
    predict_s: float = 0.15
    # ... and looked for where it was expected for this long. Chosen by hand: two frames at 10 Hz.
    look_s: float = 0.25
    # It is not reported either where it would have gone farther than this. Chosen by hand: a palm's width; where a fast hand is after that
    # nobody knows, and at 10 Hz it would be a ghost far from any hand.
    max_coast_m: float = 0.10
    # A lost hand that comes back within this time gets its old id. Measured: the longest such gap is 0.77 s, and this is its limit.
    remember_s: float = 0.8
    # Frames further apart than this have nothing to do with each other. Chosen by hand: longer than any track is remembered.
    max_gap_s: float = 1.0
    # A frame that is at most so much older than the last one comes late and is left out; an older one begins a new recording. Chosen by
    # hand: more than any driver or network reorders, or a clock is set back by, and as far as frames may lie apart.
    late_s: float = 1.0
    # A track measured fewer times is not predicted: no ghosts of one-frame hands. Chosen by hand: 0.1 s at 30 Hz.
    confirm_hits: int = 3
    # Least time between detector calls while a hand is missing, and while some hand is followed and another might appear. Chosen by hand:
    # every third frame at 30 Hz, so that a hand is found at once and frames between stay cheap; every 21st.
    search_interval_s: float = 0.1
    background_interval_s: float = 0.7
    # A smaller palm is noise. Chosen by hand, half of the smallest that was measured (18 px).
    min_palm_px: float = 8.0
    # Reprojection residual in palm sizes. Measured: 0.12 (99th percentile), 0.18 at the most.
    max_residual_ratio: float = 0.3
    # Palm size in pixels from frame to frame. Measured: 1.21 (99th percentile), 1.49 at the most.
    max_size_ratio: float = 1.7
    # Distance of two palms' centres in palm sizes below which they are one hand's. Measured: of 385 pairs of hands followed in one frame
    # three were nearer than 0.51, each twice the same hand, and none lay between that and 1.29.
    duplicate_distance: float = 0.8
    # How far from where its speed leads a palm is measured; along the viewing ray more by this fraction of the distance. Measured: 20 mm
    # across and 16 % along (99th percentiles; medians 1 mm and 0.7 %).
    position_sigma_m: float = 0.02
    depth_sigma_ratio: float = 0.05
    # What it adds to the above that a hand changes its speed, and at most so much while it is not seen. Chosen by hand: 11 mm in a frame at
    # 30 Hz, the most after 0.1 s. Measured: hands come back up to 0.37 m off, within the four sigmas of the gate.
    max_acceleration_mps2: float = 20.0
    max_drift_m: float = 0.10
    # Measured: 2.1 (99th percentile), 3.9 at the most.
    gate_sigmas: float = 4.0
    # How far the palm may seem to turn without turning. Measured: 0.5 where the network reads the side right, 1.5 where it does not (99th
    # percentiles).
    max_turn_rad: float = 1.0
    # How fast it may turn. Chosen by hand: 1500 degrees a second, faster than people flip a hand.
    max_turn_rate_radps: float = 26.0

    def __post_init__(self) -> None:
        if self.max_hands < 1:
            raise InputError(f"max_hands is {self.max_hands}; give 1 or more")
        if not 0.0 <= self.keep_score <= self.start_score <= 1.0:
            raise InputError(f"need 0 <= keep_score <= start_score <= 1, got {self.keep_score} and {self.start_score}")


class ImagePalm(NamedTuple):
    """A palm in the image: its centre (2,) and its size, pixels."""

    center: FloatArray
    size_px: float


@dataclass(frozen=True, eq=False)
class Measurement:
    """A hand as one crop shows it, all its numbers finite.

    The palm's centre (mean of the wrist, the thumb's root and the four other knuckles) stands for where it is: the wrist alone moves
    when only the network's opinion of the wrist changes, the palm's centre hardly does.

    Attributes:
        hand: not smoothed and of no track yet (track_id 0). Its side is what the network was told: how the patch was mirrored.
        region: the crop.
        right_probability: that the hand in the image is a right one; None where the network cannot say or the user knows better.
        residual_px: placement's reprojection residual.
        evidence: what the hand was made of.
        track_id: the track in whose region the crop was made; None for a crop made from a detection.
    """

    hand: Hand
    region: CropRegion
    right_probability: float | None
    residual_px: float
    evidence: HandEvidence
    track_id: int | None = None

    @cached_property
    def palm_center(self) -> FloatArray:
        """(3,) camera frame, metres."""
        center: FloatArray = OF_PALM_CENTER.dot(self.hand.joints)
        return center

    @cached_property
    def palm_px(self) -> float:
        """The palm's size in the image, pixels."""
        return palm_size_px(self.hand.keypoints)

    @cached_property
    def image_palm(self) -> ImagePalm:
        return ImagePalm(OF_PALM_CENTER.dot(self.hand.keypoints), self.palm_px)

    @cached_property
    def image_center(self) -> FloatArray:
        """(2,) mean of the keypoints, pixels."""
        center: FloatArray = OF_CENTER.dot(self.hand.keypoints)
        return center

    @property
    def palm_rotation(self) -> FloatArray:
        """(3, 3) camera frame."""
        rotation: FloatArray = self.hand.rotations[WRIST]
        return rotation


@dataclass(frozen=True, eq=False)
class Track:
    """The state of one followed hand. ``side`` never changes under one ``track_id``.

    Attributes:
        measurement: the last one, made at ``stamp_s``.
        position, velocity: (3,) of the palm's centre then, camera frame, metres and m/s.
        image_velocity: (2,) of the keypoints' mean, px/s.
        side_evidence: running log-odds for ``side``.
        hits: in how many frames it was measured; 0 for a track that is not reported before it has been measured by itself.
        unseen_s: how long it has not been measured; 0 in a measured frame.
        unsure_s: how long its score has been below ``sure_score``.
        reason: why it was not measured in this frame.
        doubted: a hand of the other side was seen in this one's place since it went missing.
    """

    track_id: int
    side: Side
    measurement: Measurement
    stamp_s: float
    position: FloatArray
    velocity: FloatArray
    image_velocity: FloatArray
    side_evidence: float
    hits: int = 1
    unseen_s: float = 0.0
    unsure_s: float = 0.0
    state: TrackState = TrackState.TRACKING
    reason: LossReason = LossReason.NONE
    doubted: bool = False


@dataclass(frozen=True, eq=False)
class SearchRegion:
    """Where to look for a track in this frame.

    Attributes:
        side: tells whether to mirror the patch.
        keypoints: (21, 2) px, as predicted.
        previous: where the hand was last measured.
    """

    track_id: int
    side: Side
    keypoints: FloatArray
    previous: CropRegion


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


def probability_of(side: Side, right_probability: float | None) -> float:
    """Probability of a side; 0.5 where the network cannot tell."""
    if right_probability is None:
        return 0.5
    return right_probability if side is Side.RIGHT else 1.0 - right_probability


def palm_size_px(keypoints: FloatArray) -> float:
    """Twice the root mean square distance of the palm's keypoints from their centre: steady while fingers open and close."""
    about_center = ABOUT_PALM_CENTER.dot(keypoints)
    return 2.0 * math.sqrt(float(np.vdot(about_center, about_center)) / len(PALM_JOINTS))
