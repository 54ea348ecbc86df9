"""Is the hand still or moving? A filter of one position that asks at every sample and believes both answers as far as the data
support them (belief.py).

A single low-pass must trade a steady resting hand against a quick moving one. Two models need not: their mixture switches within a
sample or two, because the likelihoods use all three axes at once, each with its own noise.

Around the models are the rules for samples that are not to be believed at once. One that fits neither model is left out, a movement
that a single sample began is taken back if the next shows that there was none, and what is given out hurries but does not leap.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.filters.former.belief import (
    Belief,
    Judgement,
    MotionParameters,
    Pair,
    judged,
    loosened,
    predicted,
    started,
    updated,
)
from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.vectors import ORIGIN, Vector, direction, minus, plus, squares_across_and_along, times, vector_of

MAX_REJECTED = 2  # a hand that really jumped is believed at the third sample: with one outlier in a hundred, three in a row do not happen
# A larger step than noise explains (chi-square, 3 degrees of freedom, 97 %) is shown from its second sample on, and then followed
# with this time constant: what is fed to a robot may hurry but not leap. Chosen by hand: two frames at 30 Hz. Half of it would take 4 ms
# from the lag at 0.5 m/s, twice would add 7 (docs/lab/2026-11-filters.md).
SURPRISE = 9.0
LEAP_TIME_S = 0.07


class Shown(NamedTuple):
    """What is given out after a sample."""

    position: Vector
    velocity: Vector
    leap: Vector  # from what is believed to what is given out: still to be caught up with after a jump


class Doubt(NamedTuple):
    """What was believed before a sample that set a resting hand in motion, and how long before. That sample may be an outlier."""

    before: Belief
    seconds: float


class StillOrMoving:
    """Filter of a position (3,) seen from the origin, metres. ``update(value, dt)``, dt > 0 s but for the first sample."""

    def __init__(self, parameters: MotionParameters | None = None) -> None:
        self.parameters = parameters or MotionParameters()
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next sample is given out as it is."""
        self._belief: Belief | None = None
        self._doubt: Doubt | None = None
        self._rejected = 0  # samples in a row
        self._shown = Shown(ORIGIN, ORIGIN, ORIGIN)

    def update(self, value: FloatArray, dt: float) -> FloatArray:
        """The filtered position (3,) after a sample (3,)."""
        sample = vector_of(np.asarray(value, dtype=np.float64))
        if self._belief is None:
            self._belief = started(sample, self.parameters)
            self._shown = Shown(sample, ORIGIN, ORIGIN)
        else:
            self._belief = self._believed(self._belief, sample, dt)
            self._shown = self._hurried(self._belief, dt)
        return np.array(self._shown.position)

    def steady_velocity(self) -> FloatArray:
        """(3,) m/s to predict with: weighted by the probability that the hand moves at all."""
        return np.array(self._shown.velocity)

    def position_variances(self) -> Pair:
        """Variance of the position across the ray (each axis) and along it, square metres: of what is believed, and of what is still to
        be caught up with."""
        if self._belief is None:
            return self.parameters.noise(1.0)
        ray = direction(self._shown.position)
        across, along = self._belief.position_variances(ray)
        lag_across, lag_along = squares_across_and_along(self._shown.leap, ray)
        return across + lag_across, along + lag_along

    def change_coordinates(self, to: Callable[[FloatArray], FloatArray]) -> None:
        """Go on in other coordinates that keep distances nearby: ``to`` takes a position (3,) to its new coordinates."""
        if self._belief is None:
            return

        def there(position: Vector) -> Vector:
            return vector_of(to(np.array(position)))

        step = 1e-3  # seconds; a speed is where it leads to, seen from the new coordinates
        moving, ahead = there(self._belief.moving), there(plus(self._belief.moving, step, self._belief.velocity))
        velocity = times(1.0 / step, minus(ahead, moving))
        self._belief = self._belief._replace(still=there(self._belief.still), moving=moving, velocity=velocity)
        shown, believed = there(self._shown.position), there(minus(self._shown.position, self._shown.leap))
        self._shown = self._shown._replace(position=shown, leap=minus(shown, believed))
        self._doubt = None

    def _believed(self, belief: Belief, sample: Vector, dt: float) -> Belief:
        """The belief after a sample that may be an outlier, or show that the last one was."""
        expected, judgement = self._expected(belief, sample, dt)
        if judgement.is_outlier and self._doubt is not None:
            since = self._doubt.seconds + dt
            without_last = self._expected(self._doubt.before, sample, since)
            if not without_last[1].is_outlier:
                belief, dt = self._doubt.before, since
                expected, judgement = without_last
        self._doubt = None
        if judgement.is_outlier:
            self._rejected += 1
            if self._rejected <= MAX_REJECTED:
                return loosened(expected, dt, self.parameters)
            self._rejected = 0
            self._shown = self._shown._replace(leap=ORIGIN)
            # Whatever jumped may be on its way.
            speed_sigma = self.parameters.surprise_acceleration_mps2 * LEAP_TIME_S
            return started(sample, self.parameters, belief.noise_scale, speed_sigma)
        self._rejected = 0
        after = updated(expected, judgement, dt, self.parameters)
        if belief.probability_still > 0.5 > after.probability_still:
            self._doubt = Doubt(belief, dt)
        return after

    def _expected(self, belief: Belief, sample: Vector, dt: float) -> tuple[Belief, Judgement]:
        """What this belief expects at a sample's time, and how the sample fits it."""
        ray = direction(sample)
        expected = predicted(belief, ray, dt, self.parameters, surprised=self._rejected > 0)
        return expected, judged(expected, sample, ray, self.parameters)

    def _hurried(self, belief: Belief, dt: float) -> Shown:
        """What to give out: what is believed, but for doubtful steps and leaps."""
        last = self._shown
        fade = math.exp(-dt / LEAP_TIME_S)
        leap = times(fade, last.leap)
        carried, believed = plus(last.position, dt, last.velocity), belief.position
        step = minus(believed, carried)
        # Whether noise hardly explains the step beyond the movement so far.
        across, along = squares_across_and_along(plus(step, 1.0, leap), direction(carried))
        noise_across, noise_along = self.parameters.noise(belief.noise_scale)
        if 2.0 * across / noise_across + along / noise_along > SURPRISE:
            if self._doubt is not None:  # two outliers in a row look like a movement; three do not happen
                return Shown(last.position, last.velocity, leap)
            leap = times(-fade, step)
        return Shown(plus(believed, 1.0, leap), belief.mean_velocity, leap)
