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
    plus_two,
    squares_across_and_along,
    times,
)

GATE = 16.0  # chi-square, 3 degrees of freedom, 99.9 %; at 32 the worst error at rest is 11 mm instead of 3 (docs/lab/2026-11-filters.md)
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
    minimum jerk. What half and twice of each does there: docs/lab/2026-11-filters.md, "What each number is worth".
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
    was_still, noise_scale, still, still_variances, moving, velocity, moving_covariances = belief
    # Mixing: what each model starts from, given that the hand may just have changed its mind.
    starts, stops = -math.expm1(-dt / p.still_for_s), -math.expm1(-dt / p.moving_for_s)
    is_moving = starts * was_still + (1.0 - stops) * (1.0 - was_still)
    is_still = 1.0 - is_moving
    begun = starts * was_still / is_moving  # share of the moving hypothesis that was still before
    ended = stops * (1.0 - was_still) / is_still  # share of the still hypothesis that was moving before
    if surprised:
        acceleration = p.surprise_acceleration_mps2**2
    else:
        acceleration = (1.0 - begun) * p.acceleration_mps2**2 + begun * p.onset_acceleration_mps2**2

    apart = minus(moving, still)
    spreads = squares_across_and_along(apart, ray)
    speeds = squares_across_and_along(velocity, ray)
    went_on, rested = 1.0 - begun, 1.0 - ended
    begun_spread, ended_spread = begun * went_on, ended * rested
    onset, drift = begun * p.onset_speed_mps**2, p.still_drift_m_per_sqrt_s**2 * dt
    a00, a01, a11 = _of_acceleration(acceleration, dt)
    variances, covariances = [], []
    for k in (0, 1):
        variance, (p00, p01, p11), spread = still_variances[k], moving_covariances[k], spreads[k]
        variances.append(ended * p00 + rested * variance + ended_spread * spread + drift)
        p00 = went_on * p00 + begun * variance + begun_spread * spread
        p01 = went_on * p01
        p11 = went_on * p11 + onset + begun_spread * speeds[k]
        covariances.append((p00 + dt * (2.0 * p01 + dt * p11) + a00, p01 + dt * p11 + a01, p11 + a11))
    velocity = times(went_on, velocity)
    return Belief(
        is_still,
        noise_scale,
        plus(still, ended, apart),
        (variances[0], variances[1]),
        plus_two(moving, -begun, apart, dt, velocity),
        velocity,
        (covariances[0], covariances[1]),
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
    was_still, noise_scale, still, (still_across, still_along), moving, velocity, (moving_across, moving_along) = expected
    # s: of the still model, m: of the moving one.
    ray, (s_across, s_along, s_variances, s_square), (m_across, m_along, m_variances, m_square) = judgement
    nearest = min(s_square, m_square)  # taken out of both exponents: their ratio is all that counts
    as_still = was_still * math.exp(-0.5 * (s_square - nearest)) / (s_variances[0] * math.sqrt(s_variances[1]))
    as_moving = (1.0 - was_still) * math.exp(-0.5 * (m_square - nearest)) / (m_variances[0] * math.sqrt(m_variances[1]))
    is_still = as_still / (as_still + as_moving)
    ratio = (is_still * s_square + (1.0 - is_still) * m_square) / 3.0

    across, along = still_across / s_variances[0], still_along / s_variances[1]
    kept_across, position_across, velocity_across = _kalman(moving_across, m_variances[0])
    kept_along, position_along, velocity_along = _kalman(moving_along, m_variances[1])
    return Belief(
        is_still,
        _learned_noise(noise_scale, ratio, dt, parameters),
        plus_two(still, across, s_across, along * s_along, ray),
        (still_across * (1.0 - across), still_along * (1.0 - along)),
        plus_two(moving, position_across, m_across, position_along * m_along, ray),
        plus_two(velocity, velocity_across, m_across, velocity_along * m_along, ray),
        (kept_across, kept_along),
    )


def loosened(expected: Belief, dt: float, parameters: MotionParameters) -> Belief:
    """The belief after a sample that fits neither model. If it was no outlier, a movement began before it, not after it."""
    a00, a01, a11 = _of_acceleration(parameters.surprise_acceleration_mps2**2, dt)
    (p00, p01, p11), (q00, q01, q11) = expected.moving_covariances
    return expected._replace(moving_covariances=((p00 + a00, p01 + a01, p11 + a11), (q00 + a00, q01 + a01, q11 + a11)))


def _of_acceleration(variance: float, dt: float) -> Covariance:
    """What an acceleration that is not known adds in ``dt`` seconds."""
    return variance * dt**4 / 4.0, variance * dt**3 / 2.0, variance * dt * dt


def _deviation(difference: Vector, variances: Pair, noise: Pair, ray: Vector) -> Deviation:
    across, along = across_and_along(difference, ray)
    total = variances[0] + noise[0], variances[1] + noise[1]
    return Deviation(across, along, total, dot(across, across) / total[0] + along * along / total[1])


def _kalman(covariance: Covariance, variance: float) -> tuple[Covariance, float, float]:
    """The covariance after a sample whose deviation has this variance, and the gains of position and velocity."""
    p00, p01, p11 = covariance
    of_position, of_velocity = p00 / variance, p01 / variance
    kept = 1.0 - of_position
    return (p00 * kept, p01 * kept, p11 - of_velocity * p01), of_position, of_velocity


def _learned_noise(scale: float, ratio: float, dt: float, parameters: MotionParameters) -> float:
    """``ratio``: squared deviation over what was expected, 1 on average where the noise is known."""
    gain = -math.expm1(-dt / parameters.noise_memory_s)
    most = parameters.noise_range**2
    return min(max(scale * (1.0 + gain * (CORRELATION_ALLOWANCE * ratio - 1.0)), 1.0 / most), most)
