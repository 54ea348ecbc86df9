"""Turns the measured hands of one track into a steady one: where the wrist is, how it is turned, and the fingers relative to it.

The three are filtered apart because their noise differs: the wrist's distance from the camera is several times noisier than its
direction, and finger noise has nothing to do with either. Bone lengths are held at their running median, the mesh follows the
joints. What each is for: docs/tuning.md; how the numbers were chosen: docs/lab/2026-11-filters.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.filters.former.articulation import FINGER_FILTER, Articulation
from benchmarks.filters.former.belief import MotionParameters
from benchmarks.filters.former.one_euro import OneEuroParameters
from benchmarks.filters.former.still_or_moving import StillOrMoving
from benchmarks.filters.former.turning import TURNING, TurningOrNot
from handmesh_ros.hand import WRIST, FloatArray, Hand, TrackState
from handmesh_ros.perception.articulated.estimator import refuse_negative
from handmesh_ros.perception.frames import bone_axes, hand_rotations
from handmesh_ros.perception.rotations import rotation_matrix
from handmesh_ros.perception.vectors import direction, dot, ray_covariance, vector_of

# A network repeats its errors from frame to frame, which the filters do not know: so many samples are worth one. With noise of a
# correlation of 0.8 a resting wrist then lies in the 95 % ellipsoid in 97 % of frames; with 2 in 84 %, with 1 in 68 % (test_smoother.py).
SAMPLES_ALIKE = 4.0


@dataclass(frozen=True)
class SmoothingParameters:
    """How steady, how quick.

    Attributes:
        enabled: whether anything is filtered; otherwise the measured hand is handed on.
        motion, turning: of the wrist's position and of its orientation.
        fingers: of the joints in the wrist's frame.
        reset_after_s: the filters start anew after a longer pause.
        prediction_limit_s: how far ``predict`` goes beyond the last measurement at most.
        prediction_decay_s: time constant with which the velocity of a prediction decays.
    """

    enabled: bool = True
    motion: MotionParameters = field(default_factory=MotionParameters)
    turning: MotionParameters = TURNING
    fingers: OneEuroParameters = FINGER_FILTER
    # Chosen by hand: more than the 0.2 s for which the tracker reports an unmeasured hand, so that such a gap does not end a filter.
    reset_after_s: float = 0.3
    # Chosen by hand: what passes from a picture at 30 Hz to its hand. At the limit the decay takes a tenth of the way.
    prediction_limit_s: float = 0.05
    prediction_decay_s: float = 0.25

    def __post_init__(self) -> None:
        refuse_negative("smoothing", self, self.motion, self.turning, self.fingers)


class HandSmoother:
    """Smooths the hands of ONE track; make a new one (or ``reset``) for another track."""

    def __init__(self, parameters: SmoothingParameters | None = None) -> None:
        self.parameters = parameters or SmoothingParameters()
        self._position = StillOrMoving(self.parameters.motion)
        self._rotation = TurningOrNot(self.parameters.turning)
        self._shape = Articulation(self.parameters.fingers)
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next hand is returned as it is."""
        self._hand: Hand | None = None
        for part in (self._position, self._rotation, self._shape):
            part.reset()

    def update(self, hand: Hand, size_relative_sigma: float = 0.0) -> Hand:
        """The smoothed hand of this measurement.

        Args:
            size_relative_sigma: how unsure the hand's size is, as in ``place``.

        A repeated stamp returns the hand already given for it; a pause longer than ``reset_after_s`` starts anew, as does any other step
        in time that is not one ahead. Keypoints stay as measured. The covariance becomes that of the filter plus what the unknown size
        adds, which no filter over time takes away; that of a hand not seen in this frame stays as it is.

        Raises: ValueError if the hand holds a number that is not finite.
        """
        # One sum each: cheaper than to look at every number.
        if not math.isfinite(hand.stamp_s + float(hand.joints.sum() + hand.rotations.sum() + hand.vertices.sum())):
            raise ValueError("the hand to smooth holds NaN or infinite numbers; reject such measurements before smoothing")
        if not self.parameters.enabled:
            self._hand = hand
            return hand
        dt = 0.0
        if self._hand is not None:
            dt = hand.stamp_s - self._hand.stamp_s
            if dt == 0.0:
                return self._hand
            if not 0.0 < dt <= self.parameters.reset_after_s or len(hand.vertices) != self._shape.vertex_count:
                self.reset()
                dt = 0.0
        raw_wrist, raw_turn = hand.joints[WRIST], hand.rotations[WRIST]
        wrist = self._position.update(raw_wrist, dt)
        turn = self._rotation.update(raw_turn, dt)
        measured_x, measured_y = bone_axes(hand.rotations)
        joints, x, y, vertices = self._shape.update(
            (hand.joints - raw_wrist).dot(raw_turn),  # rows: R^T (p - w); dot has half of matmul's overhead
            measured_x.dot(raw_turn),
            measured_y.dot(raw_turn),
            (hand.vertices - raw_wrist.astype(np.float32)).dot(raw_turn.astype(np.float32)),
            dt,
        )
        self._hand = replace(
            hand,
            joints=joints.dot(turn.T) + wrist,
            rotations=hand_rotations(turn, x.dot(turn.T), y.dot(turn.T)),
            vertices=vertices.dot(turn.T.astype(np.float32)) + wrist.astype(np.float32),
            position_covariance=self._covariance(hand, wrist, size_relative_sigma),
        )
        return self._hand

    def _covariance(self, hand: Hand, wrist: FloatArray, size_relative_sigma: float) -> FloatArray:
        if hand.state is not TrackState.TRACKING:
            return hand.position_covariance
        across, along = self._position.position_variances()
        place = vector_of(wrist)
        by_size = size_relative_sigma**2 * dot(place, place)
        return ray_covariance(direction(place), SAMPLES_ALIKE * across, SAMPLES_ALIKE * along + by_size)

    def predict(self, stamp_s: float) -> Hand:
        """The last smoothed hand carried on to ``stamp_s`` with its present velocity and turning rate, fingers held.

        It goes at most ``prediction_limit_s`` beyond the last measurement: the returned hand's ``stamp_s`` is the time it is for.
        State PREDICTED; keypoints remain those last measured. A time before the last measurement gives that hand.

        Raises: RuntimeError before the first update.
        """
        if self._hand is None:
            raise RuntimeError("nothing to predict from: call update() with a measured hand first")
        ahead = min(stamp_s - self._hand.stamp_s, self.parameters.prediction_limit_s)
        if not ahead > 0.0:
            return self._hand
        # Hands brake: the velocity decays, so that a long prediction comes to rest instead of flying off.
        decay = self.parameters.prediction_decay_s
        seconds = decay * -math.expm1(-ahead / decay) if decay > 0.0 else 0.0
        shift = self._position.steady_velocity() * seconds
        turn = rotation_matrix(self._rotation.steady_velocity() * seconds)
        wrist = self._hand.joints[WRIST]
        return replace(
            self._hand,
            state=TrackState.PREDICTED,
            stamp_s=self._hand.stamp_s + ahead,
            joints=(self._hand.joints - wrist) @ turn.T + wrist + shift,
            rotations=turn @ self._hand.rotations,
            vertices=((self._hand.vertices - wrist) @ turn.T + wrist + shift).astype(np.float32),
        )
