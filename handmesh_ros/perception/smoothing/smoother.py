"""Turns the measured hands of one track into a steady one: where the wrist is, how it is turned, and the fingers relative to it.

The three are filtered apart because their noise differs: the wrist's distance from the camera is several times noisier than its
direction, and finger noise has nothing to do with either. Bone lengths are held at their running median, the mesh follows the
joints. Choice of filters and numbers: docs/filters.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from handmesh_ros.hand import WRIST, FloatArray, Hand, TrackState
from handmesh_ros.perception.frames import bone_axes, hand_rotations
from handmesh_ros.perception.smoothing.articulation import Articulation
from handmesh_ros.perception.smoothing.one_euro import OneEuroVector, RayKalman, RayOneEuro, RotationOneEuro, rotation_matrix
from handmesh_ros.perception.smoothing.still_or_moving import MotionParameters, StillOrMoving
from handmesh_ros.perception.smoothing.turning import TURNING, TurningOrNot

SAMPLES_ALIKE = 4.0  # measured on noise with a correlation of 0.8 from frame to frame
KINDS = ("imm", "one_euro", "kalman", "none")


@dataclass(frozen=True)
class SmoothingParameters:
    """How steady, how quick. Cut-offs in Hz; slopes in Hz per m/s or rad/s of speed; floors are the speeds that noise alone shows.

    ``kind`` is the filter of the wrist: imm (still or moving, the default: ``motion`` for its position, ``turning`` for its
    orientation), one_euro, kalman (the orientation then by One-Euro, too). The fingers have One-Euro filters with any of them. none:
    the measured hand is handed on.
    More steady: lower ``*_min_cutoff_hz``. Quicker: higher ``*_slope_*``.
    """

    kind: str = "imm"
    motion: MotionParameters = field(default_factory=MotionParameters)
    turning: MotionParameters = TURNING
    min_cutoff_hz: float = 0.6
    cutoff_slope_hz_per_mps: float = 18.0
    speed_floor_mps: float = 0.03
    depth_min_cutoff_hz: float = 0.3
    depth_cutoff_slope_hz_per_mps: float = 18.0
    depth_speed_floor_mps: float = 0.12
    speed_cutoff_hz: float = 2.0
    rotation_min_cutoff_hz: float = 0.6
    rotation_cutoff_slope_hz_per_radps: float = 6.0
    rotation_speed_floor_radps: float = 0.5
    finger_min_cutoff_hz: float = 1.0
    finger_cutoff_slope_hz_per_mps: float = 25.0
    finger_speed_floor_mps: float = 0.06
    kalman_acceleration_mps2: float = 3.0
    kalman_noise_m: float = 0.002
    kalman_depth_noise_m: float = 0.009
    reset_after_s: float = 0.3
    prediction_limit_s: float = 0.05
    prediction_decay_s: float = 0.25

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"smoothing kind is '{self.kind}'; choose one of {', '.join(KINDS)}")
        for name, value in vars(self).items():
            if isinstance(value, float) and not (math.isfinite(value) and value >= 0.0):
                raise ValueError(f"smoothing parameter {name} is {value}; give a finite number, zero or more")


class HandSmoother:
    """Smooths the hands of ONE track; make a new one (or ``reset``) for another track."""

    def __init__(self, parameters: SmoothingParameters | None = None) -> None:
        self.parameters = p = parameters or SmoothingParameters()
        self._position: StillOrMoving | RayOneEuro | RayKalman
        if p.kind == "imm":
            self._position = StillOrMoving(p.motion)
        elif p.kind == "kalman":
            self._position = RayKalman(p.kalman_acceleration_mps2, p.kalman_noise_m, p.kalman_depth_noise_m)
        else:
            self._position = RayOneEuro(
                p.min_cutoff_hz, p.cutoff_slope_hz_per_mps, p.depth_min_cutoff_hz, p.depth_cutoff_slope_hz_per_mps,
                p.speed_cutoff_hz, p.speed_floor_mps, p.depth_speed_floor_mps,
            )  # fmt: skip
        self._rotation: TurningOrNot | RotationOneEuro
        if p.kind == "imm":
            self._rotation = TurningOrNot(p.turning)
        else:
            self._rotation = RotationOneEuro(
                p.rotation_min_cutoff_hz, p.rotation_cutoff_slope_hz_per_radps, p.speed_cutoff_hz, p.rotation_speed_floor_radps
            )
        self._shape = Articulation(
            OneEuroVector(p.finger_min_cutoff_hz, p.finger_cutoff_slope_hz_per_mps, p.speed_cutoff_hz, p.finger_speed_floor_mps)
        )
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

        A repeated stamp returns the hand already given for it; a stamp that goes back, or a pause longer than ``reset_after_s``,
        starts anew. Keypoints stay as measured. The covariance becomes that of the filter, where it has one, plus what the unknown size
        adds, which no filter over time takes away; that of a hand not seen in this frame stays as it is.

        Raises: ValueError if the hand holds a number that is not finite.
        """
        # One sum each: cheaper than to look at every number.
        if not math.isfinite(hand.stamp_s + float(hand.joints.sum() + hand.rotations.sum() + hand.vertices.sum())):
            raise ValueError("the hand to smooth holds NaN or infinite numbers; reject such measurements before smoothing")
        if self.parameters.kind == "none":
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
        if isinstance(self._position, RayOneEuro) or hand.state is not TrackState.TRACKING:
            return hand.position_covariance
        across, along = self._position.position_variances()
        # As if each sample were worth a fourth: a network repeats its errors from frame to frame, which the filters do not know.
        x, y, z = wrist.tolist()
        along_ray = SAMPLES_ALIKE * (along - across) / (x * x + y * y + z * z) + size_relative_sigma**2
        across *= SAMPLES_ALIKE
        xy, xz, yz = along_ray * x * y, along_ray * x * z, along_ray * y * z
        return np.array([[across + along_ray * x * x, xy, xz], [xy, across + along_ray * y * y, yz], [xz, yz, across + along_ray * z * z]])

    def predict(self, stamp_s: float, limit_s: float | None = None) -> Hand:
        """The last smoothed hand carried on to ``stamp_s`` with its present velocity and turning rate, fingers held.

        It goes at most ``limit_s`` (default ``prediction_limit_s``) beyond the last measurement: the returned hand's ``stamp_s``
        is the time it is for. State PREDICTED; keypoints remain those last measured. A time before the last measurement gives
        that hand.

        Raises: RuntimeError before the first update.
        """
        if self._hand is None:
            raise RuntimeError("nothing to predict from: call update() with a measured hand first")
        limit = self.parameters.prediction_limit_s if limit_s is None else limit_s
        ahead = min(stamp_s - self._hand.stamp_s, limit)
        if not ahead > 0.0:
            return self._hand
        # Hands brake: the velocity decays, so that a long prediction comes to rest instead of flying off.
        decay = self.parameters.prediction_decay_s
        seconds = decay * -math.expm1(-ahead / decay) if decay > 0.0 else 0.0
        shift: FloatArray = np.zeros(3)
        turn: FloatArray = np.eye(3)
        if self.parameters.kind != "none":
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
