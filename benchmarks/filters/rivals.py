"""The filters that others use, behind the interface of ours: ``reset()`` and ``update(value, dt)`` of a position (3,) or of a rotation.

dt is 0 in the first update. Constants are those published where a source is named.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from benchmarks.filters.former.one_euro import OneEuroParameters, low_pass_gain
from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.rotations import rotation_matrix, rotation_vector


class Filter(Protocol):
    def reset(self) -> None: ...

    def update(self, value: FloatArray, dt: float) -> FloatArray: ...


class Unfiltered:
    def reset(self) -> None:
        pass

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        return value


class ExponentialAverage:
    """x += alpha (z - x) a sample, whatever time has passed: dex-retargeting and Unitree use 0.2, others 0.5."""

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha
        self.reset()

    def reset(self) -> None:
        self.value: FloatArray | None = None

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        self.value = value if self.value is None else self.value + self.alpha * (value - self.value)
        return self.value


class MovingAverage:
    """Mean of the last ``length`` samples."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.reset()

    def reset(self) -> None:
        self.window: deque[FloatArray] = deque(maxlen=self.length)

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        self.window.append(value)
        return np.mean(np.array(self.window), axis=0)


class AxisOneEuro:
    """One-Euro as published (Casiez 2012), each axis by itself. MediaPipe's pose world landmarks: min cut-off 0.1 Hz, beta 40."""

    def __init__(self, min_cutoff_hz: float, beta: float, derivative_cutoff_hz: float = 1.0) -> None:
        self.min_cutoff, self.beta, self.derivative_cutoff = min_cutoff_hz, beta, derivative_cutoff_hz
        self.reset()

    def reset(self) -> None:
        self.value: FloatArray | None = None

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        if self.value is None:
            self.value, self.raw, self.slope = value, value, np.zeros(3)
            return value
        self.slope = self.slope + self._alpha(self.derivative_cutoff, dt) * ((value - self.raw) / dt - self.slope)
        self.raw = value
        self.value = self.value + self._alpha(self.min_cutoff + self.beta * np.abs(self.slope), dt) * (value - self.value)
        return self.value

    @staticmethod
    def _alpha(cutoff_hz: Any, dt: float) -> Any:
        return 1.0 / (1.0 + 1.0 / (2.0 * math.pi * cutoff_hz * dt))


class PackageOneEuro:
    """The PyPI package OneEuroFilter, one filter an axis. Raises ModuleNotFoundError without the package."""

    def __init__(self, min_cutoff_hz: float, beta: float) -> None:
        self.settings = {"freq": 25.0, "mincutoff": min_cutoff_hz, "beta": beta, "dcutoff": 1.0}
        self.reset()

    def reset(self) -> None:
        from OneEuroFilter import OneEuroFilter

        self.filters = [OneEuroFilter(**self.settings) for _ in range(3)]
        self.time = 1.0  # the package takes a time of 0 for none

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        self.time += dt
        return np.array([f(float(x), self.time) for f, x in zip(self.filters, value, strict=True)])


class DoubleExponential:
    """Holt's double exponential smoothing with one constant: level and trend."""

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha
        self.reset()

    def reset(self) -> None:
        self.once: FloatArray | None = None

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        if self.once is None:
            self.once = self.twice = value
            return value
        self.once = self.alpha * value + (1.0 - self.alpha) * self.once
        self.twice = self.alpha * self.once + (1.0 - self.alpha) * self.twice
        return 2.0 * self.once - self.twice


class SavitzkyGolay:
    """Causal Savitzky-Golay: the newest value of a parabola fitted to the last ``length`` samples, taken as evenly spaced."""

    def __init__(self, length: int, degree: int = 2) -> None:
        basis = np.vander(np.arange(1 - length, 1), degree + 1, increasing=True)
        self.weights = np.linalg.pinv(basis)[0]
        self.reset()

    def reset(self) -> None:
        self.window: deque[FloatArray] = deque(maxlen=len(self.weights))

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        self.window.append(value)
        return self.weights @ np.array(self.window) if len(self.window) == len(self.weights) else value


class OnRotationVectors:
    """A filter of positions used on rotations (3, 3): on rotation vectors seen from the first one, radians for metres."""

    def __init__(self, make: Callable[[], Filter]) -> None:
        self.filter = make()
        self.reset()

    def reset(self) -> None:
        self.filter.reset()
        self.anchor: FloatArray | None = None

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        if self.anchor is None:
            self.anchor = value
        return rotation_matrix(self.filter.update(rotation_vector(value @ self.anchor.T), dt)) @ self.anchor


class RotationOneEuro:
    """One-Euro on SO(3), of a rotation (3, 3): the gain follows the angular speed, radians for metres."""

    def __init__(self, parameters: OneEuroParameters) -> None:
        self.parameters = parameters
        self.reset()

    def reset(self) -> None:
        self.value: FloatArray | None = None

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        if self.value is None:
            self.value, self.raw, self.velocity = value, value, np.zeros(3)
            return value
        rate = rotation_vector(value @ self.raw.T) / dt
        self.velocity = self.velocity + low_pass_gain(self.parameters.speed_cutoff_hz, dt) * (rate - self.velocity)
        self.raw = value
        gain = self.parameters.gain(float(np.linalg.norm(self.velocity)), dt)
        turned = rotation_matrix(gain * rotation_vector(value @ self.value.T)) @ self.value
        self.value = turned @ (1.5 * np.eye(3) - 0.5 * turned.T @ turned)  # Newton's step: rounding errors do not pile up
        return self.value
