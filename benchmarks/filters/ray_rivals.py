"""Rivals that know what ours knows of a camera: depth is several times noisier than what lies across the viewing ray.

Both filter a position (3,) seen from the origin, metres: ``update(value, dt)``, dt in seconds, 0 in the first update.
"""

from __future__ import annotations

import numpy as np

from benchmarks.filters.former.belief import Covariance
from benchmarks.filters.former.one_euro import OneEuroParameters, low_pass_gain
from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.vectors import ORIGIN, Vector, across_and_along, direction, dot, length, minus, plus, times, vector_of


class RayOneEuro:
    """One-Euro with cut-offs of its own along the viewing ray and across it; the speed's cut-off is the first one's."""

    def __init__(self, across: OneEuroParameters, along: OneEuroParameters) -> None:
        self.across, self.along = across, along
        self.reset()

    def reset(self) -> None:
        self.value: Vector | None = None

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        sample = vector_of(value)
        if self.value is None:
            self.value, self.raw, self.velocity = sample, sample, ORIGIN
            return value
        speed_gain = float(low_pass_gain(self.across.speed_cutoff_hz, dt))
        self.velocity = plus(self.velocity, speed_gain, minus(times(1.0 / dt, minus(sample, self.raw)), self.velocity))
        self.raw = sample
        ray = direction(sample)
        velocity_across, speed_along = across_and_along(self.velocity, ray)
        across, along = across_and_along(minus(sample, self.value), ray)
        gain_across = float(self.across.gain(length(velocity_across), dt))
        gain_along = float(self.along.gain(abs(speed_along), dt))
        self.value = plus(plus(self.value, gain_across, across), gain_along * along, ray)
        return np.array(self.value)


class RayKalman:
    """Constant-velocity Kalman filter with a chi-square gate.

    Process noise is white acceleration, isotropic; measurement noise differs along the viewing ray and across it. With such noises
    the axes decouple, so two 2x2 covariances (across, along) are the whole filter.
    """

    GATE = 11.34  # chi-square, 3 degrees of freedom, 99 %
    MAX_REJECTED = 2  # a real hand that jumped is believed at the third frame
    SPEED_SIGMA_MPS = 0.5  # of a hand that has just been found

    def __init__(self, acceleration_mps2: float, noise_m: float, depth_noise_m: float) -> None:
        self.acceleration = acceleration_mps2
        self.variances = (noise_m**2, depth_noise_m**2)
        self.reset()

    def reset(self) -> None:
        self.value: Vector | None = None
        self.velocity = ORIGIN
        self.covariances: list[Covariance] = []
        self.rejected = 0

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        sample = vector_of(value)
        if self.value is None:
            self._start(sample)
            return value
        self.value = plus(self.value, dt, self.velocity)
        self.covariances = [self._propagated(covariance, dt) for covariance in self.covariances]
        ray = direction(sample)
        across, along = across_and_along(minus(sample, self.value), ray)
        sums = [covariance[0] + noise for covariance, noise in zip(self.covariances, self.variances, strict=True)]
        if dot(across, across) / sums[0] + along * along / sums[1] > self.GATE:
            self.rejected += 1
            if self.rejected > self.MAX_REJECTED:
                self._start(sample)
            return np.array(self.value)
        self.rejected = 0
        gains = [(p00 / total, p01 / total) for (p00, p01, _), total in zip(self.covariances, sums, strict=True)]
        self.value = plus(plus(self.value, gains[0][0], across), gains[1][0] * along, ray)
        self.velocity = plus(plus(self.velocity, gains[0][1], across), gains[1][1] * along, ray)
        self.covariances = [
            (p00 * (1 - k0), p01 * (1 - k0), p11 - k1 * p01)
            for (p00, p01, p11), (k0, k1) in zip(self.covariances, gains, strict=True)
        ]  # fmt: skip
        return np.array(self.value)

    def _start(self, sample: Vector) -> None:
        self.value, self.velocity, self.rejected = sample, ORIGIN, 0
        self.covariances = [(noise, 0.0, self.SPEED_SIGMA_MPS**2) for noise in self.variances]

    def _propagated(self, covariance: Covariance, dt: float) -> Covariance:
        p00, p01, p11 = covariance
        q = self.acceleration**2
        return p00 + 2 * dt * p01 + dt * dt * p11 + q * dt**4 / 4, p01 + dt * p11 + q * dt**3 / 2, p11 + q * dt * dt
