"""Two cameras around one synthetic hand, each with the estimate that the package makes of what it sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from handmesh_ros.fusion.extrinsics import CameraPlace
from handmesh_ros.hand import Hand
from handmesh_ros.perception.articulated.estimator import HandEstimator
from handmesh_ros.perception.rotations import rotation_matrix
from handmesh_ros.perception.size.hand_size import ADULT_RELATIVE_SIGMA
from support.skeleton_hands import HOME, bones, joints_of, pose, raw_hand, seen

NAMES = ("front", "aside")


def place_beside(degrees: float) -> CameraPlace:
    """Turned about the vertical through where the hand is."""
    rotation = rotation_matrix(np.array([0.0, np.radians(degrees), 0.0]))
    return CameraPlace(rotation, HOME - rotation @ HOME)


def in_camera(place: CameraPlace, points: np.ndarray) -> np.ndarray:
    return np.asarray((points - place.position) @ place.rotation)


def two_views(
    places: dict[str, CameraPlace],
    frames: int,
    rng: np.random.Generator,
    larger: float = 1.08,
    offset_s: float = 0.011,
) -> Iterator[tuple[str, float, Hand, np.ndarray]]:
    """Camera, stamp, estimate in its frame and truth (21, 3) at that time, in the order of the stamps.

    Args:
        larger: how much the hand is larger than it is assumed.
        offset_s: by which each camera exposes after the one before.
    """
    estimators = {name: HandEstimator() for name in places}
    for frame in range(frames):
        for n, (name, place) in enumerate(places.items()):
            stamp_s = frame / 30 + n * offset_s
            truth = hand_at(stamp_s, larger)
            evidence = seen(in_camera(place, truth), rng)
            evidence = replace(evidence, joints=evidence.joints / larger)
            raw = raw_hand(stamp_s, evidence, in_camera(place, truth)[0] / larger)
            yield name, stamp_s, estimators[name].update(raw, evidence, ADULT_RELATIVE_SIGMA), truth


def hand_at(stamp_s: float, larger: float) -> np.ndarray:
    """(21, 3) of a hand that sways by 10 cm, closes and opens."""
    way = np.array([0.10, 0.03, 0.05]) * np.sin(2.0 * stamp_s)
    return joints_of(pose(HOME + way, bend=0.4 - 0.4 * np.cos(3.0 * stamp_s)), bones(0.085 * larger))
