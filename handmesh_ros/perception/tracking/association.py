"""Which measurement belongs to which track: gates, costs and the best assignment. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.tracking.records import ImagePalm, LossReason, Measurement, Track, TrackingParameters
from handmesh_ros.perception.tracking.sides import LEAST_SIDE_LIKELIHOOD, side_likelihood
from handmesh_ros.perception.vectors import across_and_along, direction, dot, length, minus, plus

FORBIDDEN = math.inf
# Costs are twice a negative log-likelihood: 4 stands for a likelihood e^2 = 7.4 times as large. Chosen by hand, and not critical: of the
# tests' 390 crossings of two hands one swaps them; with any one of the three at 0 one or none does, and as many hands keep their ids.
RESUMPTION_COST = 4.0  # a track unseen in the last frame yields to one that was seen
SWITCH_COST = 4.0  # a track prefers what was measured in its own crop
THEFT_MARGIN = 4.0  # how much better another track must explain a measurement to keep it from this one
# Time constant with which an unseen hand slows down. Chosen by hand: longer than a hand is predicted, shorter than it is remembered.
COASTING_S = 0.5
# How much wider the gate on a hand's size gets a second while it is not seen. Chosen by hand: of 35 hands that were measured again after
# 0.07 to 0.77 s, one had changed by more than 1.75 (2.2).
SIZE_RATIO_RATE_PER_S = 2.0


class Fit(NamedTuple):
    """How well a track explains a measurement.

    Attributes:
        cost: minus twice the log-likelihood, up to a constant; FORBIDDEN outside a gate.
        fault: which gate that is.
    """

    cost: float
    fault: LossReason = LossReason.NONE


class Matches(NamedTuple):
    """What was measured in this frame of each track, by id; and why nothing was, of those of which nothing was."""

    measured: dict[int, Measurement]
    missed: dict[int, LossReason]


def same_hand(a: ImagePalm, b: ImagePalm, limit: float) -> bool:
    """Whether two palms in the image are one: their centres are nearer than ``limit`` times the smaller one's size.

    Palms, and not all keypoints: two crops of one hand may differ in every finger.
    """
    return math.dist(a.center.tolist(), b.center.tolist()) < limit * min(a.size_px, b.size_px)


def distinct(measurements: Sequence[Measurement], limit: float) -> list[Measurement]:
    """Each hand once, the surest measurements first."""
    kept: list[Measurement] = []
    for measurement in sorted(measurements, key=lambda m: -m.hand.score):
        if not any(same_hand(measurement.image_palm, other.image_palm, limit) for other in kept):
            kept.append(measurement)
    return kept


def coasted_time(elapsed_s: float) -> float:
    """Seconds of full speed that an unseen hand covers in ``elapsed_s``: it slows down, because hands do stop."""
    return COASTING_S * -math.expm1(-max(elapsed_s, 0.0) / COASTING_S)


def intrinsic_fault(measurement: Measurement, least_score: float, parameters: TrackingParameters) -> LossReason:
    """The fault a measurement has by itself, NONE where it has none."""
    if measurement.hand.score < least_score:
        return LossReason.LOW_SCORE
    palm_px = measurement.palm_px
    if palm_px < parameters.min_palm_px:
        return LossReason.TOO_SMALL
    if measurement.residual_px > parameters.max_residual_ratio * palm_px:
        return LossReason.RESIDUAL
    return LossReason.NONE


def fit(track: Track, measurement: Measurement, stamp_s: float, parameters: TrackingParameters) -> Fit:
    """How well a track explains a measurement of the frame of ``stamp_s``.

    The widths of the distribution count too: a track unseen for a while explains everything somewhat, and without their logarithms
    it would take the hand in front from the track that has just measured it.
    """
    elapsed = max(stamp_s - track.stamp_s, 0.0)
    size_ratio = measurement.palm_px / track.measurement.palm_px
    most = parameters.max_size_ratio + SIZE_RATIO_RATE_PER_S * elapsed
    if not 1.0 / most <= size_ratio <= most:
        return Fit(FORBIDDEN, LossReason.SIZE_JUMP)
    turn = _angle_between(track.measurement.palm_rotation, measurement.palm_rotation)
    if turn > parameters.max_turn_rad + parameters.max_turn_rate_radps * elapsed:
        return Fit(FORBIDDEN, LossReason.TURN_JUMP)
    predicted = plus(track.position.tolist(), coasted_time(elapsed), track.velocity.tolist())
    distance = length(predicted)
    across, along = across_and_along(minus(measurement.palm_center.tolist(), predicted), direction(predicted))
    sigma, least_sigma = parameters.position_sigma_m + _drift_m(elapsed, parameters), parameters.position_sigma_m
    depth_noise = parameters.depth_sigma_ratio * distance
    squared = dot(across, across) / sigma**2 + (along / (sigma + depth_noise)) ** 2
    if squared > parameters.gate_sigmas**2:
        return Fit(FORBIDDEN, LossReason.POSITION_JUMP)
    width = 2.0 * math.log(sigma / least_sigma) + math.log((sigma + depth_noise) / (least_sigma + depth_noise))
    resumption = RESUMPTION_COST if track.unseen_s > 0.0 else 0.0
    return Fit(squared + 2.0 * width - 2.0 * math.log(side_likelihood(track.side, measurement)) + resumption)


def _drift_m(elapsed_s: float, parameters: TrackingParameters) -> float:
    """How far a hand may get from where its speed would take it."""
    return min(0.5 * parameters.max_acceleration_mps2 * elapsed_s * elapsed_s, parameters.max_drift_m)


def _angle_between(before: FloatArray, after: FloatArray) -> float:
    """Angle between two rotations (3, 3), radians."""
    return math.acos(min(max((float(np.vdot(before, after)) - 1.0) / 2.0, -1.0), 1.0))


def largest_cost(parameters: TrackingParameters) -> float:
    """More than any pair inside the gates can cost: the price of leaving a track without measurement."""
    width = 3.0 * math.log(1.0 + parameters.max_drift_m / parameters.position_sigma_m)
    return parameters.gate_sigmas**2 + 2.0 * width - 2.0 * math.log(LEAST_SIDE_LIKELIHOOD) + RESUMPTION_COST + SWITCH_COST + 1.0


def match(
    tracks: Sequence[Track], measurements: Sequence[Measurement], least_score: float, stamp_s: float, parameters: TrackingParameters
) -> Matches:
    """The best assignment of the measurements of the frame of ``stamp_s`` to the tracks."""
    sound: list[Measurement] = []
    measured: dict[int, Measurement] = {}
    missed = {track.track_id: LossReason.NO_MEASUREMENT for track in tracks}
    for measurement in measurements:
        fault = intrinsic_fault(measurement, least_score, parameters)
        if fault is LossReason.NONE:
            sound.append(measurement)
        elif measurement.track_id is not None:
            missed[measurement.track_id] = fault
    if not tracks or not sound:
        return Matches(measured, missed)
    fits = [[fit(track, measurement, stamp_s, parameters) for measurement in sound] for track in tracks]
    costs = [_costs(track, sound, row) for track, row in zip(tracks, fits, strict=True)]
    chosen = best_assignment(costs, conflict_matrix(sound, parameters.duplicate_distance), largest_cost(parameters))
    for i, track in enumerate(tracks):
        if chosen[i] < 0:
            for measurement, its_fit in zip(sound, fits[i], strict=True):
                if measurement.track_id == track.track_id:
                    missed[track.track_id] = LossReason.DUPLICATE if its_fit.fault is LossReason.NONE else its_fit.fault
        elif _is_anothers(i, tracks, chosen, fits):
            missed[track.track_id] = LossReason.DUPLICATE
        else:
            measured[track.track_id] = sound[chosen[i]]
    return Matches(measured, missed)


def _costs(track: Track, measurements: Sequence[Measurement], fits: Sequence[Fit]) -> list[float]:
    """(M,) what it costs that a track takes each measurement."""
    costs = []
    for measurement, its_fit in zip(measurements, fits, strict=True):
        if track.side is not measurement.hand.side:
            costs.append(FORBIDDEN)  # a patch mirrored for one side gives no usable mesh of the other
        elif measurement.track_id in (None, track.track_id):
            costs.append(its_fit.cost)
        else:
            costs.append(its_fit.cost + SWITCH_COST)
    return costs


def _is_anothers(track: int, tracks: Sequence[Track], chosen: Sequence[int], fits: Sequence[Sequence[Fit]]) -> bool:
    """Whether a track that could not take the measurement chosen for this one, or went without any, explains it much better.

    A crop around an occluded hand measures the hand in front. If the front hand's own track went without a measurement, nothing
    conflicts, but that track still explains this one better: better nobody takes it than the wrong one. So it is where two hands of both
    sides lie on each other and each one's crop shows the other.
    """
    measurement = chosen[track]
    side = tracks[track].side
    rows = (row for other, row, choice in zip(tracks, fits, chosen, strict=True) if choice < 0 or other.side is not side)
    return any(row[measurement].cost + THEFT_MARGIN < fits[track][measurement].cost for row in rows)


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
            conflicts[i][j] = conflicts[j][i] = same_hand(one.image_palm, other.image_palm, limit)
    return conflicts
