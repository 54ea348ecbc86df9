"""Is the hand still or moving? An interacting-multiple-model filter of one position that asks at every sample and believes both
answers as far as the data support them (Blom and Bar-Shalom 1988).

A single low-pass must trade a steady resting hand against a quick moving one. Two models need not: *still* is a random walk so slow
that it averages over seconds, *moving* is a constant-velocity Kalman filter with hardly any lag. Their mixture switches within a
sample or two, because the likelihoods use all three axes at once, each with its own noise.

Vectors are tuples of three floats here: numpy takes longer to begin a sum of three numbers than Python takes for all of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from handmesh_ros.hand import FloatArray

GATE = 16.0  # chi-square, 3 degrees of freedom, 99.9 %
MAX_REJECTED = 2  # a hand that really jumped is believed at the third sample
# A larger step than noise explains (chi-square, 3 degrees of freedom, 97 %) is shown from its second sample on, and then followed
# with this time constant: what is fed to a robot may hurry but not leap.
SURPRISE = 9.0
LEAP_TIME_S = 0.07
# Noise that is correlated from frame to frame must be counted as more than its variance, or the models chase it.
CORRELATION_ALLOWANCE = 2.0

Vector = tuple[float, float, float]
State = tuple[float, float, Vector, Vector, Vector, tuple[float, float], list[Vector]]
ORIGIN: Vector = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class MotionParameters:
    """Numbers in physical units. Noise is the starting value only: its level is estimated while running, within ``noise_range``.

    ``onset_*`` describe the first sample of a movement: arms start gently, outliers do not.
    """

    noise_m: float = 0.0025
    depth_noise_m: float = 0.010
    noise_range: float = 3.0  # the estimate stays between 1/range and range times the starting values
    noise_memory_s: float = 3.0
    acceleration_mps2: float = 3.0
    surprise_acceleration_mps2: float = 20.0  # after a sample that fitted neither model
    onset_acceleration_mps2: float = 0.5
    onset_speed_mps: float = 0.03
    still_drift_m_per_sqrt_s: float = 0.0005
    still_for_s: float = 4.0  # how long a hand rests, and ...
    moving_for_s: float = 1.0  # ... how long it moves at a stretch, on average


class StillOrMoving:
    """Filter of a position (3,) seen from the origin, metres. ``update(value, dt)``, dt > 0 s. ``probability_still`` is 0..1."""

    def __init__(self, parameters: MotionParameters | None = None) -> None:
        self.parameters = parameters or MotionParameters()
        self.reset()

    def reset(self) -> None:
        self.probability_still = 0.5
        self._value: Vector | None = None
        self._velocity = ORIGIN
        self._leap = ORIGIN  # what is still to be caught up with after a jump
        self._scale = 1.0  # of the noise variances
        self._rejected = 0
        self._doubt: tuple[State, float] | None = None
        self._still = self._moving = self._speed = ORIGIN
        # Variances across the ray and along it: of the still position; of the moving position, with velocity, of velocity.
        self._still_variance = (0.0, 0.0)
        self._moving_variance = [(0.0, 0.0, 0.0)] * 2

    @property
    def value(self) -> FloatArray | None:
        """(3,) what was last given out, None before the first sample."""
        return None if self._value is None else np.array(self._value)

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        """The filtered position (3,) after a sample (3,)."""
        x, y, z = np.asarray(value, dtype=np.float64).tolist()
        self._value = self._shown((x, y, z), dt)
        return np.array(self._value)

    def _shown(self, value: Vector, dt: float) -> Vector:
        """What is given out after this sample: what is believed, but for doubtful steps and leaps."""
        before, velocity = self._value, self._velocity
        believed = self._step(value, dt)
        fade = math.exp(-dt / LEAP_TIME_S)
        self._leap = _times(fade, self._leap)
        if before is not None:
            carried = _plus(before, dt, velocity)
            if self._is_surprise(_plus(_minus(believed, carried), 1.0, self._leap), carried):
                if self._doubt is not None:  # two outliers in a row look like a movement; three do not happen
                    self._velocity = velocity
                    return before
                self._leap = _times(fade, _minus(carried, believed))
        return _plus(believed, 1.0, self._leap)

    def _step(self, value: Vector, dt: float) -> Vector:
        """The position that is believed after this sample."""
        if self._value is None:
            return self._start(value)
        p = self.parameters
        ray = _direction(value)
        noise = self._noise()

        # Mixing: what each model starts from, given that the hand may just have changed its mind.
        starts, stops = -math.expm1(-dt / p.still_for_s), -math.expm1(-dt / p.moving_for_s)
        still = self.probability_still
        prior_moving = starts * still + (1.0 - stops) * (1.0 - still)
        prior_still = 1.0 - prior_moving
        begun = starts * still / prior_moving  # share of the moving hypothesis that was still before
        ended = stops * (1.0 - still) / prior_still  # share of the still hypothesis that was moving before
        apart = _minus(self._moving, self._still)
        speed_variance = _split_squares(self._speed, ray)
        spread = _split_squares(apart, ray)
        onset = p.onset_speed_mps**2
        # After a surprise a sudden movement is as likely as an outlier was: the next sample decides.
        acceleration = (
            p.surprise_acceleration_mps2**2
            if self._rejected
            else (1.0 - begun) * p.acceleration_mps2**2 + begun * p.onset_acceleration_mps2**2
        )
        moving = _plus(self._moving, -begun, apart)
        speed = _times(1.0 - begun, self._speed)
        resting = _plus(self._still, ended, apart)
        moving_variance, still_variance = [], []
        for k in range(2):
            p00, p01, p11 = self._moving_variance[k]
            both = begun * (1.0 - begun)
            q00 = (1.0 - begun) * p00 + begun * self._still_variance[k] + both * spread[k]
            q01 = (1.0 - begun) * p01
            q11 = (1.0 - begun) * p11 + begun * onset + both * speed_variance[k]
            moving_variance.append((
                q00 + dt * (2.0 * q01 + dt * q11) + acceleration * dt**4 / 4.0,
                q01 + dt * q11 + acceleration * dt**3 / 2.0,
                q11 + acceleration * dt * dt,
            ))  # fmt: skip
            still_variance.append(
                ended * p00
                + (1.0 - ended) * self._still_variance[k]
                + ended * (1.0 - ended) * spread[k]
                + p.still_drift_m_per_sqrt_s**2 * dt
            )
        moving = _plus(moving, dt, speed)

        # Innovations and their likelihoods under both models.
        across_m, along_m = _split(_minus(value, moving), ray)
        across_s, along_s = _split(_minus(value, resting), ray)
        sums_m = [moving_variance[k][0] + noise[k] for k in range(2)]
        sums_s = [still_variance[k] + noise[k] for k in range(2)]
        distance_m = _dot(across_m, across_m) / sums_m[0] + along_m * along_m / sums_m[1]
        distance_s = _dot(across_s, across_s) / sums_s[0] + along_s * along_s / sums_s[1]
        if min(distance_m, distance_s) > GATE:
            if self._undone(value, dt):
                return self._mix()
            self._rejected += 1
            if self._rejected > MAX_REJECTED:
                scale = self._scale
                self.reset()
                self._scale = scale
                # Whatever jumped may be on its way.
                return self._start(value, p.surprise_acceleration_mps2 * LEAP_TIME_S)
            self._moving, self._speed, self._still = moving, speed, resting
            # If it was no outlier, the movement began before this sample, not after it.
            sudden = p.surprise_acceleration_mps2**2
            self._moving_variance = [
                (v[0] + sudden * dt**4 / 4.0, v[1] + sudden * dt**3 / 2.0, v[2] + sudden * dt * dt) for v in moving_variance
            ]
            self._still_variance, self.probability_still = (still_variance[0], still_variance[1]), prior_still
            return self._mix()
        self._rejected = 0
        before = self._state()
        nearest = min(distance_m, distance_s)  # taken out of both exponents: their ratio is all that counts
        likelihood_m = prior_moving * math.exp(-0.5 * (distance_m - nearest)) / (sums_m[0] * math.sqrt(sums_m[1]))
        likelihood_s = prior_still * math.exp(-0.5 * (distance_s - nearest)) / (sums_s[0] * math.sqrt(sums_s[1]))
        self.probability_still = still = likelihood_s / (likelihood_s + likelihood_m)
        # One sample alone may have been an outlier: what was believed before it is kept for one more.
        self._doubt = (before, dt) if before[0] > 0.5 > still else None
        self._learn_noise((still * distance_s + (1.0 - still) * distance_m) / 3.0, dt)

        # Kalman updates of both.
        gains = [(v[0] / s, v[1] / s) for v, s in zip(moving_variance, sums_m, strict=True)]
        self._moving = _plus(_plus(moving, gains[0][0], across_m), gains[1][0] * along_m, ray)
        self._speed = _plus(_plus(speed, gains[0][1], across_m), gains[1][1] * along_m, ray)
        self._moving_variance = [
            (v[0] * (1.0 - k0), v[1] * (1.0 - k0), v[2] - k1 * v[1]) for v, (k0, k1) in zip(moving_variance, gains, strict=True)
        ]
        across_gain, along_gain = still_variance[0] / sums_s[0], still_variance[1] / sums_s[1]
        self._still = _plus(_plus(resting, across_gain, across_s), along_gain * along_s, ray)
        self._still_variance = (still_variance[0] * (1.0 - across_gain), still_variance[1] * (1.0 - along_gain))
        return self._mix()

    def steady_velocity(self) -> FloatArray:
        """(3,) m/s to predict with: weighted by the probability that the hand moves at all."""
        return np.array(self._velocity)

    def change_coordinates(self, to: Callable[[FloatArray], FloatArray]) -> None:
        """Go on in other coordinates that keep distances nearby: ``to`` takes a position (3,) to its new coordinates."""

        def there(position: Vector) -> Vector:
            x, y, z = to(np.array(position)).tolist()
            return x, y, z

        step = 1e-3  # seconds; a speed is where it leads to, seen from the new coordinates
        ahead = there(_plus(self._moving, step, self._speed))
        self._still, self._moving = there(self._still), there(self._moving)
        self._speed = _times(1.0 / step, _minus(ahead, self._moving))
        if self._value is not None:
            believed = there(_minus(self._value, self._leap))
            self._value = there(self._value)
            self._leap = _minus(self._value, believed)
        self._doubt = None

    def position_variances(self) -> tuple[float, float]:
        """Variance of the position across the ray (each axis) and along it, square metres: of both models, of the doubt between them,
        and of what is still to be caught up with."""
        if self._value is None:
            return self._noise()
        still, ray = self.probability_still, _direction(self._value)
        apart, lag = _split_squares(_minus(self._moving, self._still), ray), _split_squares(self._leap, ray)
        across, along = (
            still * self._still_variance[k] + (1.0 - still) * (self._moving_variance[k][0] + still * apart[k]) + lag[k] for k in range(2)
        )
        return across, along

    def _is_surprise(self, step: Vector, position: Vector) -> bool:
        """Whether noise hardly explains this step beyond the movement so far."""
        noise = self._noise()
        along = _dot(step, _direction(position))
        return (_dot(step, step) - along * along) / noise[0] + along * along / noise[1] > SURPRISE

    def _undone(self, value: Vector, dt: float) -> bool:
        """Take back a movement that began with the last sample, if this one shows that the hand has not moved at all."""
        if self._doubt is None:
            return False
        (before, since), now = self._doubt, self._state()
        self._doubt = None
        self._restore(before)
        self._step(value, dt + since)
        if self._rejected:
            self._rejected = 0
            self._restore(now)
            return False
        return True

    def _state(self) -> State:
        return (
            self.probability_still, self._scale, self._still, self._moving, self._speed,
            self._still_variance, self._moving_variance,
        )  # fmt: skip

    def _restore(self, state: State) -> None:
        (
            self.probability_still, self._scale, self._still, self._moving, self._speed,
            self._still_variance, self._moving_variance,
        ) = state  # fmt: skip

    def _mix(self) -> Vector:
        moving = 1.0 - self.probability_still
        self._velocity = _times(moving, self._speed)
        return _plus(self._still, moving, _minus(self._moving, self._still))

    def _start(self, value: Vector, speed_sigma: float = 0.5) -> Vector:
        self._still = self._moving = value
        noise = self._noise()
        self._still_variance = noise
        self._moving_variance = [(r, 0.0, speed_sigma**2) for r in noise]
        return value

    def _noise(self) -> tuple[float, float]:
        return self._scale * self.parameters.noise_m**2, self._scale * self.parameters.depth_noise_m**2

    def _learn_noise(self, ratio: float, dt: float) -> None:
        """``ratio``: squared innovation over what was expected, 1 on average where the noise is known."""
        gain = -math.expm1(-dt / self.parameters.noise_memory_s)
        most = self.parameters.noise_range**2
        self._scale = min(max(self._scale * (1.0 + gain * (CORRELATION_ALLOWANCE * ratio - 1.0)), 1.0 / most), most)


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _minus(a: Vector, b: Vector) -> Vector:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def _times(factor: float, a: Vector) -> Vector:
    return factor * a[0], factor * a[1], factor * a[2]


def _plus(a: Vector, factor: float, b: Vector) -> Vector:
    """a + factor b."""
    return a[0] + factor * b[0], a[1] + factor * b[1], a[2] + factor * b[2]


def _direction(a: Vector) -> Vector:
    return _times(1.0 / max(math.sqrt(_dot(a, a)), 1e-9), a)


def _split(vector: Vector, ray: Vector) -> tuple[Vector, float]:
    """The part across the ray and the length along it."""
    along = _dot(vector, ray)
    return _plus(vector, -along, ray), along


def _split_squares(vector: Vector, ray: Vector) -> tuple[float, float]:
    """Mean square of the two components across the ray, and the square along it."""
    along = _dot(vector, ray)
    return max(_dot(vector, vector) - along * along, 0.0) / 2.0, along * along
