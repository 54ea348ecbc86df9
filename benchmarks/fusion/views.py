"""Cameras around one hand: where they stand, and a motion as each of them sees it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.motion.sequences import HandMotion
from handmesh_ros.fusion.extrinsics import CameraPlace
from handmesh_ros.perception.rotations import rotation_matrix

VIEW_DEGREES = (0.0, 30.0, 60.0, 90.0)
PIVOT = np.array([0.0, 0.05, 0.62])  # in the first camera's frame: the middle of where motions begin


def view_place(degrees: float) -> CameraPlace:
    """A camera in the first one's frame: as far from the pivot, turned about the vertical through it."""
    rotation = rotation_matrix(np.array([0.0, np.radians(degrees), 0.0]))
    return CameraPlace(rotation, PIVOT - rotation @ PIVOT)


def seen_from(motion: HandMotion, place: CameraPlace) -> HandMotion:
    """The same motion in another camera's frame."""
    back = place.rotation
    return replace(
        motion,
        rotation=back.T @ motion.rotation,
        wrist=(motion.wrist - place.position) @ back,
        joints=(motion.joints - place.position) @ back,
    )
