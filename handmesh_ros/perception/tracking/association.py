"""Which measurement belongs to which track: gates, costs and the best assignment. Pure functions of small frozen records.

Positions are of the palm's centre (mean of the wrist and the five knuckles) in the camera frame, metres: the wrist alone moves
when only the network's opinion of the wrist changes, the palm's centre hardly does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np

from handmesh_ros.hand import JOINT_COUNT, FloatArray, Side, TrackState

PALM = [0, 1, 5, 9, 13, 17]  # wrist, thumb cmc and the four finger knuckles: the rigid part of a hand
# What to multiply a hand's joints with: for their mean (21,), the palm's centre (21,), and the palm's joints about it (6, 21).
OF_CENTER = np.full(JOINT_COUNT, 1 / JOINT_COUNT)
OF_PALM_CENTER = np.isin(np.arange(JOINT_COUNT), PALM) / len(PALM)
ABOUT_PALM_CENTER = np.eye(JOINT_COUNT)[PALM] - OF_PALM_CENTER
FORBIDDEN = math.inf
LEAST_SIDE_LIKELIHOOD = 0.02  # networks are surer of the side than they are right
RESUMPTION_COST = 4.0  # a track unseen in the last frame yields to one that was seen
SWITCH_COST = 4.0  # a track prefers what was measured in its own crop
THEFT_MARGIN = 4.0  # how much better another track must explain a measurement to keep it from this one


class LossReason(str, Enum):
    """Why a track was not measured in a frame, and at the end why it was given up."""

    NONE = "none"
    NO_MEASUREMENT = "no_measurement"
    LOW_SCORE = "low_score"
    NOT_FINITE = "not_finite"
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
    """Gates in physical units; the defaults suit one camera at 15 to 60 Hz and people's hands at 0.2 to 1.5 m."""

    max_hands: int = 2
    start_score: float = 0.6  # score that begins a track ...
    keep_score: float = 0.5  # ... and the lower one that carries it on
    predict_s: float = 0.2  # an unmeasured hand is still reported for this long, as PREDICTED
    remember_s: float = 0.8  # a lost hand that comes back within this time gets its old id
    max_gap_s: float = 1.0  # frames further apart than this have nothing to do with each other
    confirm_hits: int = 3  # a track measured fewer times is not predicted: no ghosts of one-frame hands
    search_interval_s: float = 0.1  # least time between detector calls while a hand is missing
    background_interval_s: float = 0.7  # the same while some hand is followed and another might appear
    min_palm_px: float = 8.0
    max_residual_ratio: float = 0.3  # reprojection residual in palm sizes
    max_size_ratio: float = 1.7  # palm size in pixels from frame to frame
    duplicate_distance: float = 0.35  # mean keypoint distance in palm sizes below which two measurements show one hand
    position_sigma_m: float = 0.02
    depth_sigma_ratio: float = 0.05  # along the viewing ray the sigma is this fraction of the distance, plus the above
    max_acceleration_mps2: float = 20.0
    max_drift_m: float = 0.10  # cap on what acceleration adds to the sigma while a hand is unseen
    gate_sigmas: float = 4.0
    max_turn_rad: float = 1.0  # how far the palm may seem to turn without turning, and how fast it may turn
    max_turn_rate_radps: float = 26.0

    def __post_init__(self) -> None:
        if self.max_hands < 1:
            raise ValueError(f"max_hands is {self.max_hands}; give 1 or more")
        if not 0.0 <= self.keep_score <= self.start_score <= 1.0:
            raise ValueError(f"need 0 <= keep_score <= start_score <= 1, got {self.keep_score} and {self.start_score}")


@dataclass(frozen=True, eq=False)
class Measurement:
    """What the mesh network and the placement say about one crop.

    Attributes:
        keypoints: (21, 2) pixels of the full image.
        joints: (21, 3) camera frame, metres.
        score: probability that a hand is there.
        side: the side the network was told, that is how the patch was mirrored.
        right_probability: probability that the hand in the unmirrored image is a right one; None where the model cannot say.
        residual_px: placement's reprojection residual.
        track_id: the track whose region was cropped; None for a crop made from a detection.
        rotation: (3, 3) of the palm, camera frame; None where it does not count.
        payload: whatever the caller wants back with the track (mesh, placement, ...).
    """

    keypoints: FloatArray
    joints: FloatArray
    score: float
    side: Side
    right_probability: float | None = None
    residual_px: float = 0.0
    track_id: int | None = None
    rotation: FloatArray | None = None
    payload: object = None

    @cached_property
    def palm_center(self) -> FloatArray:
        """(3,) camera frame, metres."""
        return OF_PALM_CENTER.dot(self.joints)

    @cached_property
    def image_center(self) -> FloatArray:
        """(2,) mean of the keypoints, pixels."""
        return OF_CENTER.dot(self.keypoints)

    @cached_property
    def palm_px(self) -> float:
        """The palm's size in the image, pixels."""
        return palm_size_px(self.keypoints)


@dataclass(frozen=True, eq=False)
class Track:
    """The state of one followed hand. ``side`` never changes under one ``track_id``.

    ``position`` and ``velocity`` are the palm centre's (3,), metres and m/s; ``image_velocity`` (2,) is the keypoints' mean, px/s.
    ``side_evidence`` is the running log-odds for ``side``. ``unseen_s`` is 0 in a measured frame. ``doubted`` tells that a hand of
    the other side was seen in this one's place since it went missing.
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
    state: TrackState = TrackState.TRACKING
    reason: LossReason = LossReason.NONE
    doubted: bool = False


def palm_size_px(keypoints: FloatArray) -> float:
    """Twice the root mean square distance of the palm's keypoints from their centre: steady while fingers open and close."""
    about_center = ABOUT_PALM_CENTER.dot(keypoints)
    return 2.0 * math.sqrt(float(np.vdot(about_center, about_center)) / len(PALM))


def same_hand(a: FloatArray, b: FloatArray, palm_px: float, limit: float) -> bool:
    """Whether two keypoint sets (N, 2) lie on one hand: mean distance below ``limit`` palm sizes."""
    difference = a - b
    distances = np.hypot(difference[:, 0], difference[:, 1])
    return float(distances.sum()) < limit * palm_px * len(distances)


def intrinsic_fault(measurement: Measurement, score: float, parameters: TrackingParameters) -> LossReason:
    """The fault a measurement has by itself, NONE where it has none."""
    if not math.isfinite(float(measurement.keypoints.sum() + measurement.joints.sum())):
        return LossReason.NOT_FINITE
    if not measurement.score >= score:  # also false for NaN
        return LossReason.LOW_SCORE
    palm_px = measurement.palm_px
    if palm_px < parameters.min_palm_px:
        return LossReason.TOO_SMALL
    if not measurement.residual_px <= parameters.max_residual_ratio * palm_px:
        return LossReason.RESIDUAL
    return LossReason.NONE


def coasted_time(elapsed_s: float, decay_s: float = 0.5) -> float:
    """Seconds of full speed that an unseen hand covers in ``elapsed_s``: it slows down, because hands do stop."""
    return decay_s * -math.expm1(-max(elapsed_s, 0.0) / decay_s)


def match_cost(track: Track, measurement: Measurement, stamp_s: float, parameters: TrackingParameters) -> tuple[float, LossReason]:
    """Minus twice the log-likelihood of the measurement under the track's prediction, up to a constant; FORBIDDEN outside a gate.

    The widths of the distribution count too: a track unseen for a while explains everything somewhat, and without their logarithms
    it would take the hand in front from the track that has just measured it.
    """
    elapsed = max(stamp_s - track.stamp_s, 0.0)
    ratio = measurement.palm_px / track.measurement.palm_px
    limit = parameters.max_size_ratio + 2.0 * elapsed
    if not 1.0 / limit <= ratio <= limit:
        return FORBIDDEN, LossReason.SIZE_JUMP
    if _turn(track.measurement.rotation, measurement.rotation) > parameters.max_turn_rad + parameters.max_turn_rate_radps * elapsed:
        return FORBIDDEN, LossReason.TURN_JUMP
    coasted = coasted_time(elapsed)
    (px, py, pz), (vx, vy, vz), (x, y, z) = track.position.tolist(), track.velocity.tolist(), measurement.palm_center.tolist()
    px, py, pz = px + vx * coasted, py + vy * coasted, pz + vz * coasted  # predicted
    x, y, z = x - px, y - py, z - pz  # how far off that is
    distance = math.sqrt(px * px + py * py + pz * pz)
    along = (x * px + y * py + z * pz) / max(distance, 1e-9)
    across_squared = max(x * x + y * y + z * z - along * along, 0.0)
    drift = min(0.5 * parameters.max_acceleration_mps2 * elapsed * elapsed, parameters.max_drift_m)
    sigma = parameters.position_sigma_m + drift
    depth_sigma = sigma + parameters.depth_sigma_ratio * distance
    squared = across_squared / sigma**2 + (along / depth_sigma) ** 2
    if squared > parameters.gate_sigmas**2:
        return FORBIDDEN, LossReason.POSITION_JUMP
    least = parameters.position_sigma_m
    width = 2.0 * math.log(sigma / least) + math.log(depth_sigma / (least + parameters.depth_sigma_ratio * distance))
    resumption = RESUMPTION_COST if track.unseen_s > 0.0 else 0.0
    cost = squared + 2.0 * width - 2.0 * math.log(side_likelihood(track.side, measurement)) + resumption
    return cost, LossReason.NONE


def _turn(before: FloatArray | None, after: FloatArray | None) -> float:
    """Angle between two rotations, radians; 0 where one is not known."""
    if before is None or after is None:
        return 0.0
    return math.acos(min(max((float(np.vdot(before, after)) - 1.0) / 2.0, -1.0), 1.0))


def largest_cost(parameters: TrackingParameters) -> float:
    """More than any pair inside the gates can cost: the price of leaving a track without measurement."""
    width = 3.0 * math.log(1.0 + parameters.max_drift_m / parameters.position_sigma_m)
    return parameters.gate_sigmas**2 + 2.0 * width - 2.0 * math.log(LEAST_SIDE_LIKELIHOOD) + RESUMPTION_COST + SWITCH_COST + 1.0


def side_likelihood(side: Side, measurement: Measurement) -> float:
    """Probability of ``side``, kept off 0 and 1."""
    if measurement.right_probability is None or not math.isfinite(measurement.right_probability):
        return 0.5
    probability = measurement.right_probability if side is Side.RIGHT else 1.0 - measurement.right_probability
    return min(max(probability, LEAST_SIDE_LIKELIHOOD), 1.0 - LEAST_SIDE_LIKELIHOOD)


def match(
    tracks: Sequence[Track], measurements: Sequence[Measurement], least_score: float, stamp_s: float, parameters: TrackingParameters
) -> tuple[dict[int, Measurement], dict[int, LossReason]]:
    """Measurement of each matched track by id, and for the others the reason why there is none."""
    reasons: dict[int, LossReason] = {}
    sound: list[Measurement] = []
    for measurement in measurements:
        fault = intrinsic_fault(measurement, least_score, parameters)
        if fault is LossReason.NONE:
            sound.append(measurement)
        elif measurement.track_id is not None:
            reasons[measurement.track_id] = fault
    if not tracks or not sound:
        return {}, reasons
    explained: list[list[float]] = []  # how well each track explains each measurement
    for track in tracks:
        row: list[float] = []
        for measurement in sound:
            cost, reason = match_cost(track, measurement, stamp_s, parameters)
            row.append(cost)
            if measurement.track_id == track.track_id and reason is not LossReason.NONE:
                reasons[track.track_id] = reason
        explained.append(row)
    # A patch mirrored for one side gives no usable mesh of the other, so a track takes only measurements of its own side.
    costs = [
        [
            FORBIDDEN if t.side is not m.side else cost if m.track_id in (None, t.track_id) else cost + SWITCH_COST
            for cost, m in zip(row, sound, strict=True)
        ]
        for t, row in zip(tracks, explained, strict=True)
    ]
    chosen = best_assignment(costs, conflict_matrix(sound, parameters.duplicate_distance), largest_cost(parameters))
    matches: dict[int, Measurement] = {}
    for i, (track, j) in enumerate(zip(tracks, chosen, strict=True)):
        if j < 0:
            if any(m.track_id == track.track_id and math.isfinite(cost) for m, cost in zip(sound, explained[i], strict=True)):
                reasons[track.track_id] = LossReason.DUPLICATE
        # A crop around an occluded hand measures the hand in front. If the front hand's own track went without a measurement,
        # nothing conflicts, but that track still explains this one better: better nobody takes it than the wrong one.
        elif any(c < 0 and explained[k][j] + THEFT_MARGIN < explained[i][j] for k, c in enumerate(chosen)):
            reasons[track.track_id] = LossReason.DUPLICATE
        else:
            matches[track.track_id] = sound[j]
    return matches, reasons


def best_assignment(costs: Sequence[Sequence[float]], conflicts: Sequence[Sequence[bool]], miss_cost: float) -> list[int]:
    """The cheapest assignment of measurements to tracks.

    Args:
        costs: (T, M), FORBIDDEN where a pair is gated out.
        conflicts: (M, M) bool, true where two measurements show the same hand, so that at most one of them may be used.
        miss_cost: cost of a track left without measurement; above every cost allowed, so that a match is preferred to a miss.

    Returns: for every track the index of its measurement or -1. Depth-first search with a bound: exact, and fast because gates
    leave few pairs.
    """
    tracks = len(costs)
    options = [sorted((m for m, cost in enumerate(row) if math.isfinite(cost)), key=row.__getitem__) for row in costs]
    best: list[int] = [-1] * tracks
    best_cost = tracks * miss_cost

    def descend(track: int, chosen: list[int], cost: float) -> None:
        nonlocal best, best_cost
        if cost >= best_cost:
            return
        if track == tracks:
            best, best_cost = list(chosen), cost
            return
        for m in options[track]:
            if all(c < 0 or (c != m and not conflicts[c][m]) for c in chosen):
                descend(track + 1, [*chosen, m], cost + costs[track][m])
        descend(track + 1, [*chosen, -1], cost + miss_cost)

    descend(0, [], 0.0)
    return best


def conflict_matrix(measurements: Sequence[Measurement], limit: float) -> list[list[bool]]:
    """(M, M): which measurements show the same hand."""
    conflicts = [[False] * len(measurements) for _ in measurements]
    for i, one in enumerate(measurements):
        for j, other in enumerate(measurements[:i]):
            conflicts[i][j] = conflicts[j][i] = same_hand(one.keypoints, other.keypoints, one.palm_px, limit)
    return conflicts
