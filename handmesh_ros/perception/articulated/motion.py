"""Is it still or is it moving? One filter for what rests and moves by itself: the wrist's place, its turn, each finger.

An interacting-multiple-model filter (Blom and Bar-Shalom 1988) of two models: *still* drifts slowly, *moving* has a constant velocity. Each
part is weighed over all of its coordinates at once, so it switches within a sample or two. Only what trembles from frame to frame is noise
here: an error that lasts cannot be told from the hand by waiting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handmesh_ros.hand import FloatArray

OUTLIER_GATE = 30.0  # chi-square of a sample that fits neither model: 5 degrees of freedom, 99.999 %; errors are no Gaussians
MOST_REJECTED = 1  # what lasts two frames is believed: networks let a quickly raised finger jump by 75 degrees, and it stays there


@dataclass(frozen=True)
class PartParameters:
    """Of one part of a hand, in its units: metres, or radians, and seconds.

    Attributes:
        acceleration: of a part on its way; surprise_acceleration: after a sample that fitted neither model.
        onset_acceleration, onset_speed: of the first sample of a movement: arms start gently, outliers do not.
        still_drift: how far a still part drifts in a second.
        still_for_s, moving_for_s: how long it rests, and moves, at a stretch, on average.
    """

    acceleration: float
    surprise_acceleration: float
    onset_acceleration: float
    onset_speed: float
    still_drift: float
    still_for_s: float = 3.0
    moving_for_s: float = 0.8


class PartMotion:
    """Filter of G parts with up to D coordinates each.

    Args:
        parameters: one for each part.
        used: (G, D) bool, which coordinates there are.
    """

    def __init__(self, parameters: list[PartParameters], used: np.ndarray) -> None:
        self._unused = ~used
        self._p = {name: np.array([[getattr(p, name)] for p in parameters]) for name in vars(parameters[0])}
        self.started = False

    def start(self, sample: FloatArray, variances: FloatArray, scale: FloatArray) -> None:
        """Begin anew with a sample. Arguments as in ``update``."""
        groups = len(sample)
        self.is_still = np.full((groups, 1), 0.5)
        self.value = self.still = self.moving = sample
        self.velocity = np.zeros_like(sample)
        self._still_variance = self._p00 = self.variances = variances
        self._p01 = np.zeros_like(sample)
        self._p11 = (self._p["onset_speed"] * scale) ** 2 * np.ones_like(sample)
        self._rejected = np.zeros((groups, 1), int)
        self.started = True

    def update(self, sample: FloatArray, variances: FloatArray, dt: float, scale: FloatArray) -> FloatArray:
        """The filtered values (G, D), ``dt`` > 0 s after the last.

        Args:
            sample: (G, D); variances: of what trembles in it; zero and one where a coordinate is not used.
            scale: (G, 1) units of the coordinates in those of the parameters: 1 / z where metres are seen at a distance z.
        """
        p = self._p
        # What each model starts from, given that the part may just have changed its mind.
        starts, stops = -np.expm1(-dt / p["still_for_s"]), -np.expm1(-dt / p["moving_for_s"])
        is_moving = starts * self.is_still + (1.0 - stops) * (1.0 - self.is_still)
        is_still = 1.0 - is_moving
        begun, ended = starts * self.is_still / is_moving, stops * (1.0 - self.is_still) / is_still
        went_on, begun_spread = 1.0 - begun, begun * (1.0 - begun)
        acceleration = went_on * p["acceleration"] ** 2 + begun * p["onset_acceleration"] ** 2
        acceleration = np.where(self._rejected > 0, p["surprise_acceleration"] ** 2, acceleration) * scale**2
        apart = self.moving - self.still
        spread = apart * apart
        still = self.still + ended * apart
        still_variance = self._still_variance + ended * (self._p00 - self._still_variance) + ended * (1.0 - ended) * spread
        still_variance += (p["still_drift"] * scale) ** 2 * dt
        moving, velocity = self.moving - begun * apart, went_on * self.velocity
        p11 = went_on * self._p11 + begun * (p["onset_speed"] * scale) ** 2 + begun_spread * self.velocity**2
        p01 = went_on * self._p01
        p00 = went_on * self._p00 + begun * self._still_variance + begun_spread * spread
        moving = moving + dt * velocity
        p00 = p00 + dt * (2.0 * p01 + dt * p11) + acceleration * (dt**4 / 4.0)
        p01 = p01 + dt * p11 + acceleration * (dt**3 / 2.0)
        p11 = p11 + acceleration * dt**2
        off_still, off_moving = sample - still, sample - moving
        total_still, total_moving = still_variance + variances, p00 + variances
        square_still = (off_still * off_still / total_still).sum(1, keepdims=True)
        square_moving = (off_moving * off_moving / total_moving).sum(1, keepdims=True)
        nearest = np.minimum(square_still, square_moving)
        ratio = np.where(self._unused, 1.0, total_moving / total_still).prod(1, keepdims=True)
        as_still, as_moving = is_still * np.exp(0.5 * (nearest - square_still)), is_moving * np.exp(0.5 * (nearest - square_moving))
        as_moving = as_moving / np.sqrt(ratio)
        outlier = (nearest > OUTLIER_GATE) & (self._rejected < MOST_REJECTED)
        believed = 1.0 - outlier
        gain = believed * still_variance / total_still
        self.still, self._still_variance = still + gain * off_still, still_variance * (1.0 - gain)
        gain, gain_velocity = believed * p00 / total_moving, believed * p01 / total_moving
        self.moving, self.velocity = moving + gain * off_moving, velocity + gain_velocity * off_moving
        self._p00, self._p01, self._p11 = p00 * (1.0 - gain), p01 * (1.0 - gain), p11 - gain_velocity * p01
        self.is_still = np.where(outlier, is_still, as_still / (as_still + as_moving))
        self._rejected = np.where(outlier, self._rejected + 1, 0)
        apart = self.still - self.moving
        self.value = self.moving + self.is_still * apart
        self.variances = self._p00 + self.is_still * (self._still_variance - self._p00 + (1.0 - self.is_still) * apart * apart)
        return self.value

    @property
    def steady_velocity(self) -> FloatArray:
        """(G, D) to predict with."""
        return np.asarray((1.0 - self.is_still) * self.velocity)

    def shift(self, group: int, by: FloatArray) -> None:
        """Move the origin of a part's coordinates: ``by`` (D,) is taken from all its values."""
        for name in ("value", "still", "moving"):
            moved = getattr(self, name).copy()
            moved[group] -= by
            setattr(self, name, moved)
