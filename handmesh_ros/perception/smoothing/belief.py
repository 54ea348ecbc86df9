"""What is believed of a position: that it is still and that it moves, each as far as the samples support it.

This is an interacting-multiple-model filter (Blom and Bar-Shalom 1988) of two models: *still* is a random walk so slow that it averages
over seconds, *moving* is a constant-velocity Kalman filter with hardly any lag. A sample is taken in by three steps, all of them pure:
``predicted``, ``judged`` and then ``updated``, or ``loosened`` if it fits neither model.

Noise differs along the ray to the sample and across it, and the directions across are alike. So two variances stand for a covariance: a
``Pair`` of across (each direction) and along.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from handmesh_ros.perception.vectors import (
    ORIGIN,
    Vector,
    across_and_along,
    dot,
    minus,
    plus,
    squares_across_and_along,
    times,
)

GATE = 16.0  # chi-square, 3 degrees of freedom, 99.9 %; at 32 the worst error at rest is 11 mm instead of 3 (docs/filters.md)
# Noise that is correlated from frame to frame must be counted as more than its variance, or the models chase it. By the benchmark: with 1
# the worst error at rest is 8 mm instead of 3, with 4 a slow hand is followed 90 ms late instead of 33.
CORRELATION_ALLOWANCE = 2.0
FIRST_SPEED = 0.5  # m/s or rad/s. Chosen by hand: a reach at an easy pace; the second sample shows the speed anyway

Pair = tuple[float, float]
# Of position, of position with velocity, of velocity: the moving model's covariance in one direction.
Covariance = tuple[float, float, float]


@dataclass(frozen=True)
class MotionParameters:
    """Numbers in physical units; the defaults are a wrist's. Noise is the starting value only: its level is estimated while running.

    All were chosen by hand on the signals of the benchmark, whose movements are reaches of 0.25 m at 0.5 m/s and of 0.5 m at 1.5 m/s by
    minimum jerk. What half and twice of each does there: docs/filters.md, "What each number is worth".
    """

    # Across the ray and along it. The benchmark's hands have 1.5 and 6 mm, recorded ones tremble by 0.5 and 4.5 mm.
    noise_m: float = 0.0025
    depth_noise_m: float = 0.010
    noise_range: float = 3.0  # the estimate stays between 1/range and range times those: 0.8 to 7.5 mm, 3 to 30 mm
    noise_memory_s: float = 3.0  # 90 samples at 30 Hz, which give a variance to 6 % if the noise is white
    acceleration_mps2: float = 3.0  # between the peaks of the slower reach, 1.6, and of the faster one, 7.4
    surprise_acceleration_mps2: float = 20.0  # after a sample that fitted neither model; 2.7 times the faster reach's
    # Of the first sample of a movement: arms start gently, outliers do not. After 1/30 s the slower reach has 0.6 m/s^2 and 0.01 m/s, the
    # faster one 0.07 m/s.
    onset_acceleration_mps2: float = 0.5
    onset_speed_mps: float = 0.03
    # A random walk this slow averages over noise * sqrt(period) / drift seconds: at 30 Hz 0.9 s across the ray and 3.7 s along it.
    still_drift_m_per_sqrt_s: float = 0.0005
    still_for_s: float = 4.0  # how long a hand rests, and ...
    moving_for_s: float = 1.0  # ... how long it moves at a stretch, on average: a reach takes 0.6 to 0.9 s

    def noise(self, scale: float) -> Pair:
        """Variances of a sample, square metres, where the noise is ``scale`` times (variances) what it starts from."""
        return scale * self.noise_m**2, scale * self.depth_noise_m**2


class Belief(NamedTuple):
    """Both models, and how far each is believed. Metres and seconds, the camera's axes."""

    probability_still: float
    noise_scale: float  # of the noise variances, over those of the parameters
    still: Vector  # where the hand is if it is still, ...
    still_variances: Pair
    moving: Vector  # ... and if it moves
    velocity: Vector  # if it moves
    moving_covariances: tuple[Covariance, Covariance]  # across the ray and along it

    @property
    def position(self) -> Vector:
        """Of both models together."""
        return plus(self.still, 1.0 - self.probability_still, minus(self.moving, self.still))

    @property
    def mean_velocity(self) -> Vector:
        """Weighted by the probability that the hand moves at all."""
        return times(1.0 - self.probability_still, self.velocity)

    def position_variances(self, ray: Vector) -> Pair:
        """Of ``position``: those of both models, and of the doubt between them."""
        still, moving = self.probability_still, 1.0 - self.probability_still
        apart = squares_across_and_along(minus(self.moving, self.still), ray)
        across, along = (still * self.still_variances[k] + moving * (self.moving_covariances[k][0] + still * apart[k]) for k in (0, 1))
        return across, along


class Deviation(NamedTuple):
    """How far a sample is from where a model expects it."""

    across: Vector
    along: float
    variances: Pair  # of the two, the sample's noise among them
    chi_square: float  # with 3 degrees of freedom


class Judgement(NamedTuple):
    """How a sample fits both models."""

    ray: Vector
    still: Deviation
    moving: Deviation

    @property
    def is_outlier(self) -> bool:
        """Whether it fits neither."""
        return min(self.still.chi_square, self.moving.chi_square) > GATE


def started(sample: Vector, parameters: MotionParameters, noise_scale: float = 1.0, speed_sigma: float = FIRST_SPEED) -> Belief:
    """The belief after a first sample: as good as the sample, the speed unknown."""
    across, along = noise = parameters.noise(noise_scale)
    unknown = speed_sigma**2
    return Belief(0.5, noise_scale, sample, noise, sample, ORIGIN, ((across, 0.0, unknown), (along, 0.0, unknown)))


def predicted(belief: Belief, ray: Vector, dt: float, parameters: MotionParameters, surprised: bool) -> Belief:
    """What is expected ``dt`` > 0 seconds later.

    Args:
        ray: unit vector to the sample that is coming.
        surprised: whether the last sample fitted neither model. Then a sudden movement is as likely as an outlier was: this sample
            decides.
    """
    p = parameters
    # Mixing: what each model starts from, given that the hand may just have changed its mind.
    starts, stops = -math.expm1(-dt / p.still_for_s), -math.expm1(-dt / p.moving_for_s)
    was_still = belief.probability_still
    is_moving = starts * was_still + (1.0 - stops) * (1.0 - was_still)
    is_still = 1.0 - is_moving
    begun = starts * was_still / is_moving  # share of the moving hypothesis that was still before
    ended = stops * (1.0 - was_still) / is_still  # share of the still hypothesis that was moving before
    if surprised:
        acceleration = p.surprise_acceleration_mps2**2
    else:
        acceleration = (1.0 - begun) * p.acceleration_mps2**2 + begun * p.onset_acceleration_mps2**2

    apart = minus(belief.moving, belief.still)
    spreads = squares_across_and_along(apart, ray)
    velocity_spreads = squares_across_and_along(belief.velocity, ray)
    still_variances, moving_covariances = [], []
    for k in (0, 1):
        still, (p00, p01, p11) = belief.still_variances[k], belief.moving_covariances[k]
        q00 = (1.0 - begun) * p00 + begun * still + begun * (1.0 - begun) * spreads[k]
        q01 = (1.0 - begun) * p01
        q11 = (1.0 - begun) * p11 + begun * p.onset_speed_mps**2 + begun * (1.0 - begun) * velocity_spreads[k]
        moved = (q00 + dt * (2.0 * q01 + dt * q11), q01 + dt * q11, q11)
        moving_covariances.append(_accelerated(moved, acceleration, dt))
        drift = p.still_drift_m_per_sqrt_s**2 * dt
        still_variances.append(ended * p00 + (1.0 - ended) * still + ended * (1.0 - ended) * spreads[k] + drift)
    velocity = times(1.0 - begun, belief.velocity)
    return Belief(
        is_still,
        belief.noise_scale,
        plus(belief.still, ended, apart),
        (still_variances[0], still_variances[1]),
        plus(plus(belief.moving, -begun, apart), dt, velocity),
        velocity,
        (moving_covariances[0], moving_covariances[1]),
    )


def judged(expected: Belief, sample: Vector, ray: Vector, parameters: MotionParameters) -> Judgement:
    """How a sample fits what was ``predicted`` for it."""
    noise = parameters.noise(expected.noise_scale)
    (across, _, _), (along, _, _) = expected.moving_covariances
    return Judgement(
        ray,
        _deviation(minus(sample, expected.still), expected.still_variances, noise, ray),
        _deviation(minus(sample, expected.moving), (across, along), noise, ray),
    )


def updated(expected: Belief, judgement: Judgement, dt: float, parameters: MotionParameters) -> Belief:
    """The belief after a sample: which model explains it better, what both make of it, and what it says of the noise."""
    ray, from_still, from_moving = judgement
    nearest = min(from_still.chi_square, from_moving.chi_square)  # taken out of both exponents: their ratio is all that counts
    as_still = _weighed(expected.probability_still, from_still, nearest)
    as_moving = _weighed(1.0 - expected.probability_still, from_moving, nearest)
    still = as_still / (as_still + as_moving)
    ratio = (still * from_still.chi_square + (1.0 - still) * from_moving.chi_square) / 3.0

    across, along = (variance / total for variance, total in zip(expected.still_variances, from_still.variances, strict=True))
    gains, covariances = [], []
    for (p00, p01, p11), total in zip(expected.moving_covariances, from_moving.variances, strict=True):
        of_position, of_velocity = p00 / total, p01 / total
        gains.append((of_position, of_velocity))
        covariances.append((p00 * (1.0 - of_position), p01 * (1.0 - of_position), p11 - of_velocity * p01))
    (moving_across, velocity_across), (moving_along, velocity_along) = gains
    return Belief(
        still,
        _learned_noise(expected.noise_scale, ratio, dt, parameters),
        _moved(expected.still, from_still, across, along, ray),
        (expected.still_variances[0] * (1.0 - across), expected.still_variances[1] * (1.0 - along)),
        _moved(expected.moving, from_moving, moving_across, moving_along, ray),
        _moved(expected.velocity, from_moving, velocity_across, velocity_along, ray),
        (covariances[0], covariances[1]),
    )


def loosened(expected: Belief, dt: float, parameters: MotionParameters) -> Belief:
    """The belief after a sample that fits neither model. If it was no outlier, a movement began before it, not after it."""
    sudden = parameters.surprise_acceleration_mps2**2
    across, along = expected.moving_covariances
    return expected._replace(moving_covariances=(_accelerated(across, sudden, dt), _accelerated(along, sudden, dt)))


def _accelerated(covariance: Covariance, acceleration: float, dt: float) -> Covariance:
    """With what an unknown acceleration (its variance) adds in ``dt`` seconds."""
    p00, p01, p11 = covariance
    return p00 + acceleration * dt**4 / 4.0, p01 + acceleration * dt**3 / 2.0, p11 + acceleration * dt * dt


def _deviation(difference: Vector, variances: Pair, noise: Pair, ray: Vector) -> Deviation:
    across, along = across_and_along(difference, ray)
    total = variances[0] + noise[0], variances[1] + noise[1]
    return Deviation(across, along, total, dot(across, across) / total[0] + along * along / total[1])


def _weighed(probability: float, deviation: Deviation, nearest: float) -> float:
    """A model's probability times the likelihood of the sample, but for what both models have in common."""
    return probability * math.exp(-0.5 * (deviation.chi_square - nearest)) / (deviation.variances[0] * math.sqrt(deviation.variances[1]))


def _moved(vector: Vector, deviation: Deviation, gain_across: float, gain_along: float, ray: Vector) -> Vector:
    return plus(plus(vector, gain_across, deviation.across), gain_along * deviation.along, ray)


def _learned_noise(scale: float, ratio: float, dt: float, parameters: MotionParameters) -> float:
    """``ratio``: squared deviation over what was expected, 1 on average where the noise is known."""
    gain = -math.expm1(-dt / parameters.noise_memory_s)
    most = parameters.noise_range**2
    return min(max(scale * (1.0 + gain * (CORRELATION_ALLOWANCE * ratio - 1.0)), 1.0 / most), most)
