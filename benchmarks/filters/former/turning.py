"""Is the hand turning or not? The still-or-moving filter (still_or_moving.py) for rotations.

It works on rotation vectors seen from an anchor, a rotation nearby, where turning is moving and radians take the place of metres.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.filters.former.belief import MotionParameters
from benchmarks.filters.former.still_or_moving import StillOrMoving
from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.rotations import rotation_matrix, rotation_vector

# Beyond this the anchor moves along: rotation vectors measure lengths well only near it. At an angle a, a small turn across the vector
# looks (a / 2) / sin(a / 2) times as large: by 4 % here.
FAR_RAD = 1.0

# Radians, rad/s and rad/s^2 for metres; the noise is alike about every axis. Chosen by hand, as those of positions were; what half and
# twice of each does: docs/lab/2026-11-filters.md. The benchmark's wrist turns by 1 rad at up to 2 rad/s.
TURNING = MotionParameters(
    noise_m=0.02,  # twice what a wrist at rest shows about each axis (0.6 degrees, model 'lifted', demo clip)
    depth_noise_m=0.02,
    acceleration_mps2=15.0,  # the turn's peak is 6.6
    surprise_acceleration_mps2=200.0,
    onset_acceleration_mps2=2.0,  # after 1/30 s the turn has 2.4 rad/s^2 and 0.04 rad/s
    onset_speed_mps=0.2,
    still_drift_m_per_sqrt_s=0.003,  # averages over 1.2 s at 30 Hz
)


class TurningOrNot:
    """Filter of a rotation (3, 3). ``update(value, dt)``, dt > 0 s."""

    def __init__(self, parameters: MotionParameters = TURNING) -> None:
        self._filter = StillOrMoving(parameters)
        self.reset()

    def reset(self) -> None:
        self.value: FloatArray | None = None
        self._anchor: FloatArray = np.eye(3)
        self._filter.reset()

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        value = np.asarray(value, dtype=np.float64)
        if self.value is None:
            self._anchor = value
        vector = rotation_vector(value.dot(self._anchor.T))
        if math.sqrt(float(vector @ vector)) > FAR_RAD and self.value is not None:
            self._anchor_at(self.value)
            vector = rotation_vector(value.dot(self._anchor.T))
        self.value = rotation_matrix(self._filter.update(vector, dt)).dot(self._anchor)
        return self.value

    def steady_velocity(self) -> FloatArray:
        """(3,) rad/s to predict with: weighted by the probability that the hand turns at all."""
        return self._filter.steady_velocity()

    def _anchor_at(self, anchor: FloatArray) -> None:
        change = self._anchor @ anchor.T
        self._filter.change_coordinates(lambda vector: rotation_vector(rotation_matrix(vector) @ change))
        self._anchor = anchor
