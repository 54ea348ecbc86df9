"""The One-Euro filter (Casiez et al., CHI 2012) of points sampled at irregular times: a low-pass whose cut-off rises with speed.

Differences from the published filter, all of them for reasons of physics:
- the speed is the norm of the whole vector, so that rotating the world rotates the result;
- gains are the exact ones of a first-order low-pass for the time that really passed, so irregular stamps are no special case;
- speed that noise alone shows does not open the filter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from handmesh_ros.hand import FloatArray

TWO_PI = 2.0 * math.pi


@dataclass(frozen=True)
class OneEuroParameters:
    """More steady: a lower ``min_cutoff_hz``. Quicker: a higher ``cutoff_slope_hz_per_mps``.

    Attributes:
        min_cutoff_hz: cut-off of what is still.
        cutoff_slope_hz_per_mps: its rise with speed, in Hz per m/s.
        speed_cutoff_hz: cut-off of the speed itself, which is a noisy difference.
        speed_floor_mps: the speed that noise alone shows: below it a point counts as still.
    """

    min_cutoff_hz: float
    cutoff_slope_hz_per_mps: float
    speed_cutoff_hz: float
    speed_floor_mps: float = 0.0

    def gain(self, speed: FloatArray | float, dt: float) -> FloatArray:
        """Weight of the newest sample at this speed, m/s, after ``dt`` seconds."""
        return low_pass_gain(self.min_cutoff_hz + self.cutoff_slope_hz_per_mps * np.maximum(speed - self.speed_floor_mps, 0.0), dt)


def low_pass_gain(cutoff_hz: FloatArray | float, dt: float) -> FloatArray:
    """Weight of the newest sample in a first-order low-pass after ``dt`` seconds: exact for any dt."""
    return -np.expm1(-TWO_PI * dt * np.asarray(cutoff_hz))


class OneEuroVector:
    """Filter of points (..., 3), metres: each point's ``gain`` (...) follows its own speed.

    ``update(value, dt)``, dt > 0 s but for the first sample, which is returned as it is.
    """

    def __init__(self, parameters: OneEuroParameters) -> None:
        self.parameters = parameters
        self.reset()

    def reset(self) -> None:
        self.gain: FloatArray = np.ones(1)
        self._value: FloatArray | None = None

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        value = np.array(value, dtype=np.float64)
        if self._value is None:
            self.gain = np.ones(value.shape[:-1])
            self._velocity, self._raw, self._value = np.zeros_like(value), value, value
            return value
        speed_gain = low_pass_gain(self.parameters.speed_cutoff_hz, dt)
        self._velocity = self._velocity + speed_gain * ((value - self._raw) / dt - self._velocity)
        self._raw = value
        speed = np.sqrt((self._velocity * self._velocity).sum(axis=-1))
        self.gain = self.parameters.gain(speed, dt)
        self._value = self._value + self.gain[..., None] * (value - self._value)
        return self._value
