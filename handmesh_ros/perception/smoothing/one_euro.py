"""Filters for points and rotations sampled at irregular times: One-Euro (Casiez et al., CHI 2012) on vectors, on points seen by a
camera and on SO(3), and a constant-velocity Kalman filter.

Differences from the published One-Euro filter, all of them for reasons of physics:
- the speed is the norm of the whole vector, so that rotating the world rotates the result;
- gains are the exact ones of a first-order low-pass for the time that really passed, so irregular stamps are no special case;
- a point's position along the camera's ray and across it have their own cut-offs, because depth is several times noisier.

Every filter: ``update(value, dt)`` with dt > 0 in seconds returns the filtered value; the first update returns its input.
Cut-offs are in Hz, slopes in Hz per m/s (or per rad/s).
"""

from __future__ import annotations

import math

import numpy as np

from handmesh_ros.hand import FloatArray

TWO_PI = 2.0 * math.pi


def low_pass_gain(cutoff_hz: FloatArray | float, dt: float) -> FloatArray:
    """Weight of the newest sample in a first-order low-pass after ``dt`` seconds: exact for any dt."""
    return -np.expm1(-TWO_PI * dt * np.asarray(cutoff_hz))


def above(speed: FloatArray, floor: float) -> FloatArray:
    """Speed beyond what noise alone produces: below ``floor`` a hand counts as still."""
    return np.maximum(speed - floor, 0.0)


class OneEuroVector:
    """One-Euro filter of points (..., 3): each point's gain follows its own speed. Keeps ``value``, ``velocity``, ``gain``."""

    def __init__(self, min_cutoff_hz: float, slope_hz_per_mps: float, speed_cutoff_hz: float, speed_floor_mps: float = 0.0) -> None:
        self.min_cutoff_hz = min_cutoff_hz
        self.slope = slope_hz_per_mps
        self.speed_cutoff_hz = speed_cutoff_hz
        self.speed_floor = speed_floor_mps
        self.reset()

    def reset(self) -> None:
        self.value: FloatArray | None = None
        self.velocity: FloatArray = np.zeros(3)
        self.gain: FloatArray = np.ones(1)

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        value = np.array(value, dtype=np.float64)
        if self.value is None:
            self.value, self._raw = value, value
            self.velocity = np.zeros_like(value)
            self.gain = np.ones(value.shape[:-1])
            return value
        self.velocity = self.velocity + low_pass_gain(self.speed_cutoff_hz, dt) * ((value - self._raw) / dt - self.velocity)
        self._raw = value
        speed = np.sqrt((self.velocity * self.velocity).sum(axis=-1))
        self.gain = low_pass_gain(self.min_cutoff_hz + self.slope * above(speed, self.speed_floor), dt)
        self.value = self.value + self.gain[..., None] * (value - self.value)
        return self.value


class RayOneEuro:
    """One-Euro filter of one position (3,) seen from the origin, metres: own cut-offs along the viewing ray and across it."""

    def __init__(
        self,
        min_cutoff_hz: float,
        slope_hz_per_mps: float,
        depth_min_cutoff_hz: float,
        depth_slope_hz_per_mps: float,
        speed_cutoff_hz: float,
        speed_floor_mps: float = 0.0,
        depth_speed_floor_mps: float = 0.0,
    ) -> None:
        self.across = (min_cutoff_hz, slope_hz_per_mps, speed_floor_mps)
        self.along = (depth_min_cutoff_hz, depth_slope_hz_per_mps, depth_speed_floor_mps)
        self.speed_cutoff_hz = speed_cutoff_hz
        self.reset()

    def reset(self) -> None:
        self.value: FloatArray | None = None
        self.velocity: FloatArray = np.zeros(3)

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        value = np.asarray(value, dtype=np.float64)
        if self.value is None:
            self.value, self._raw, self.velocity = value, value, np.zeros(3)
            return value
        self.velocity = self.velocity + low_pass_gain(self.speed_cutoff_hz, dt) * ((value - self._raw) / dt - self.velocity)
        self._raw = value
        ray = value / max(math.sqrt(float(value @ value)), 1e-9)
        speed_along = float(self.velocity @ ray)
        across = self.velocity - speed_along * ray
        gain_across = self._gain(self.across, math.sqrt(float(across @ across)), dt)
        gain_along = self._gain(self.along, abs(speed_along), dt)
        innovation = value - self.value
        self.value = self.value + gain_across * innovation + (gain_along - gain_across) * float(innovation @ ray) * ray
        return self.value

    def steady_velocity(self) -> FloatArray:
        """(3,) m/s to predict with: what noise alone may show is taken off, so a still hand's prediction stands still."""
        if self.value is None:
            return np.zeros(3)
        ray = self.value / max(math.sqrt(float(self.value @ self.value)), 1e-9)
        along = float(self.velocity @ ray)
        across = self.velocity - along * ray
        speed = max(math.sqrt(float(across @ across)), 1e-9)
        kept_across = max(speed - self.across[2], 0.0) / speed
        kept_along = max(abs(along) - self.along[2], 0.0) / max(abs(along), 1e-9)
        return kept_across * across + kept_along * along * ray

    @staticmethod
    def _gain(setting: tuple[float, float, float], speed: float, dt: float) -> float:
        min_cutoff_hz, slope, floor = setting
        return -math.expm1(-TWO_PI * dt * (min_cutoff_hz + slope * max(speed - floor, 0.0)))


class RayKalman:
    """Constant-velocity Kalman filter of one position (3,) seen from the origin, with a chi-square gate.

    Process noise is white acceleration, isotropic; measurement noise differs along the viewing ray and across it. With such noises
    the axes decouple, so two 2x2 covariances (across, along) are the whole filter.
    """

    GATE = 11.34  # chi-square, 3 degrees of freedom, 99 %
    MAX_REJECTED = 2  # a real hand that jumped is believed at the third frame

    def __init__(self, acceleration_mps2: float, noise_m: float, depth_noise_m: float) -> None:
        self.acceleration = acceleration_mps2
        self.variances = (noise_m**2, depth_noise_m**2)
        self.reset()

    def reset(self) -> None:
        self.value: FloatArray | None = None
        self.velocity: FloatArray = np.zeros(3)
        self._rejected = 0
        self._covariances: list[tuple[float, float, float]] = []

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        value = np.asarray(value, dtype=np.float64)
        if self.value is None:
            self._start(value)
            return value
        predicted = self.value + self.velocity * dt
        covariances = [self._propagated(p, dt) for p in self._covariances]
        ray = value / max(math.sqrt(float(value @ value)), 1e-9)
        innovation = value - predicted
        along = float(innovation @ ray)
        across = innovation - along * ray
        sums = [p[0] + r for p, r in zip(covariances, self.variances, strict=True)]
        if float(across @ across) / sums[0] + along * along / sums[1] > self.GATE:
            self._rejected += 1
            if self._rejected > self.MAX_REJECTED:
                self._start(value)
                return value
            self.value, self._covariances = predicted, covariances
            return predicted
        self._rejected = 0
        gains = [(p[0] / s, p[1] / s) for p, s in zip(covariances, sums, strict=True)]
        along_ray = along * ray
        self.value = predicted + gains[0][0] * across + gains[1][0] * along_ray
        self.velocity = self.velocity + gains[0][1] * across + gains[1][1] * along_ray
        self._covariances = [(p[0] * (1 - k0), p[1] * (1 - k0), p[2] - k1 * p[1]) for p, (k0, k1) in zip(covariances, gains, strict=True)]
        return self.value

    def steady_velocity(self) -> FloatArray:
        """(3,) m/s to predict with."""
        return np.zeros(3) if self.value is None else self.velocity

    def position_variances(self) -> tuple[float, float]:
        """Variance of the position across the ray (each axis) and along it, square metres."""
        return self._covariances[0][0], self._covariances[1][0]

    def _start(self, value: FloatArray) -> None:
        self.value, self.velocity, self._rejected = value, np.zeros(3), 0
        # Position as good as the measurement, velocity unknown to half a metre a second. (p00, p01, p11).
        self._covariances = [(r, 0.0, 0.25) for r in self.variances]

    def _propagated(self, p: tuple[float, float, float], dt: float) -> tuple[float, float, float]:
        q = self.acceleration**2
        return (
            p[0] + 2 * dt * p[1] + dt * dt * p[2] + q * dt**4 / 4,
            p[1] + dt * p[2] + q * dt**3 / 2,
            p[2] + q * dt * dt,
        )


class RotationOneEuro:
    """One-Euro filter on SO(3) for one rotation (3, 3): the gain follows the angular speed (rad/s)."""

    def __init__(self, min_cutoff_hz: float, slope_hz_per_radps: float, speed_cutoff_hz: float, speed_floor_radps: float = 0.0) -> None:
        self.min_cutoff_hz = min_cutoff_hz
        self.slope = slope_hz_per_radps
        self.speed_cutoff_hz = speed_cutoff_hz
        self.speed_floor = speed_floor_radps
        self.reset()

    def reset(self) -> None:
        self.value: FloatArray | None = None
        self.velocity: FloatArray = np.zeros(3)

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        value = np.asarray(value, dtype=np.float64)
        if self.value is None:
            self.value, self._raw, self.velocity = value, value, np.zeros(3)
            return value
        rate = rotation_vector(value @ self._raw.T) / dt
        self.velocity = self.velocity + float(low_pass_gain(self.speed_cutoff_hz, dt)) * (rate - self.velocity)
        self._raw = value
        speed = math.sqrt(float(self.velocity @ self.velocity))
        gain = -math.expm1(-TWO_PI * dt * (self.min_cutoff_hz + self.slope * max(speed - self.speed_floor, 0.0)))
        turned = rotation_matrix(gain * rotation_vector(value @ self.value.T)) @ self.value
        self.value = turned @ (1.5 * np.eye(3) - 0.5 * turned.T @ turned)  # Newton's step: rounding errors do not pile up
        return self.value

    def steady_velocity(self) -> FloatArray:
        """(3,) rad/s to predict with, less what noise alone may show."""
        if self.value is None:
            return np.zeros(3)
        speed = max(math.sqrt(float(self.velocity @ self.velocity)), 1e-9)
        return self.velocity * (max(speed - self.speed_floor, 0.0) / speed)


def rotation_vector(rotation: FloatArray) -> FloatArray:
    """(3,) axis times angle (0..pi) of a rotation (3, 3)."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.tolist()
    x, y, z = zy - yz, xz - zx, yx - xy
    sine2 = math.sqrt(x * x + y * y + z * z)
    cosine2 = xx + yy + zz - 1.0
    if sine2 > 1e-6 or cosine2 > 0.0:
        factor = math.atan2(sine2, cosine2) / sine2 if sine2 > 1e-6 else 0.5
        return np.array([factor * x, factor * y, factor * z])
    # Half a turn: the axis is the largest column of R + 1.
    symmetric = rotation + np.eye(3)
    axis = symmetric[:, int(np.argmax(np.diag(symmetric)))]
    return axis * (math.pi / math.sqrt(float(axis @ axis)))


def rotation_matrix(vector: FloatArray) -> FloatArray:
    """(3, 3) rotation by |vector| rad about vector (3,): Rodrigues' formula."""
    x, y, z = vector.tolist()
    squared = x * x + y * y + z * z
    angle = math.sqrt(squared)
    if angle < 1e-9:
        sine, versine = 1.0, 0.5
    else:
        sine, versine = math.sin(angle) / angle, (1.0 - math.cos(angle)) / squared
    # Written out: a dozen products take less time than numpy needs to make three matrices.
    cosine, xy, xz, yz = 1.0 - versine * squared, versine * x * y, versine * x * z, versine * y * z
    x2, y2, z2, x, y, z = versine * x * x, versine * y * y, versine * z * z, sine * x, sine * y, sine * z
    return np.array([[cosine + x2, xy - z, xz + y], [xy + z, cosine + y2, yz - x], [xz - y, yz + x, cosine + z2]])
