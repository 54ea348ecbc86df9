"""Turns the measured hands of one track into a steady one: where the wrist is, how it is turned, and the fingers relative to it.

The three are filtered apart because their noise differs: the wrist's distance from the camera is several times noisier than its
direction, and finger noise has nothing to do with either. Bone lengths are held at their running median, the mesh follows the
joints. Choice of filters and numbers: docs/filters.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from handmesh_ros.hand import BONES, JOINT_COUNT, JOINT_PARENTS, WRIST, FloatArray, Hand, TrackState
from handmesh_ros.perception.filters import OneEuroVector, RayKalman, RayOneEuro, RotationOneEuro, orthonormal, rotation_matrix
from handmesh_ros.perception.imm import MotionParameters, StillOrMoving

KINDS = ("imm", "one_euro", "kalman", "none")

_PARENTS = np.array([parent for parent, _ in BONES])
_CHILDREN = np.array([child for _, child in BONES])
# Bones by their distance from the wrist: five metacarpals, then three rows of phalanges. Child joints; parents are looked up.
_ROWS = [np.array([1, 5, 9, 13, 17]) + row for row in range(4)]
_PARENT_OF = np.array(JOINT_PARENTS)
# The child whose bone gives a joint's x axis: the next joint of the finger, the middle mcp for the wrist; tips have none.
_BONE_OF_JOINT = np.array([9] + [j + 1 if j % 4 else -1 for j in range(1, JOINT_COUNT)])
_WITH_BONE = np.flatnonzero(_BONE_OF_JOINT >= 0)
BONE_MEMORY = 64  # frames whose median is a bone's length


@dataclass(frozen=True)
class SmoothingParameters:
    """How steady, how quick. Cut-offs in Hz; slopes in Hz per m/s or rad/s of speed; floors are the speeds that noise alone shows.

    ``kind`` is the filter of the wrist's position: imm (still or moving, the default: ``motion``), one_euro, kalman; the wrist's
    orientation and the fingers have One-Euro filters with any of them. none: the measured hand is handed on.
    More steady: lower ``*_min_cutoff_hz``. Quicker: higher ``*_slope_*``.
    """

    kind: str = "imm"
    motion: MotionParameters = field(default_factory=MotionParameters)
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
        self._rotation = RotationOneEuro(
            p.rotation_min_cutoff_hz, p.rotation_cutoff_slope_hz_per_radps, p.speed_cutoff_hz, p.rotation_speed_floor_radps
        )
        self._fingers = OneEuroVector(
            p.finger_min_cutoff_hz, p.finger_cutoff_slope_hz_per_mps, p.speed_cutoff_hz, p.finger_speed_floor_mps
        )
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next hand is returned as it is."""
        self._hand: Hand | None = None
        for part in (self._position, self._rotation, self._fingers):
            part.reset()
        self._frames = 0
        self._length_memory = np.zeros((BONE_MEMORY, len(BONES)))
        self._lengths = np.zeros(JOINT_COUNT)
        self._local_rotations: FloatArray = np.zeros((JOINT_COUNT, 3, 3))
        self._local_vertices: FloatArray = np.zeros((0, 3))
        self._skin: FloatArray = np.zeros((0, JOINT_COUNT))

    def update(self, hand: Hand) -> Hand:
        """The smoothed hand of this measurement.

        A repeated stamp returns the hand already given for it; a stamp that goes back, or a pause longer than ``reset_after_s``,
        starts anew. Keypoints and covariance stay as measured: much of the covariance is the unknown hand size, which no filter
        over time takes away.

        Raises: ValueError if the hand holds a number that is not finite.
        """
        parts = (hand.joints, hand.rotations, hand.vertices, np.float64(hand.stamp_s))
        if not all(np.isfinite(part).all() for part in parts):
            raise ValueError("the hand to smooth holds NaN or infinite numbers; reject such measurements before smoothing")
        if self.parameters.kind == "none":
            self._hand = hand
            return hand
        dt = 0.0
        if self._hand is not None:
            dt = hand.stamp_s - self._hand.stamp_s
            if dt == 0.0:
                return self._hand
            if not 0.0 < dt <= self.parameters.reset_after_s or len(hand.vertices) != len(self._local_vertices):
                self.reset()
        first = self._hand is None

        wrist = self._position.update(hand.joints[WRIST], dt)
        turn = self._rotation.update(hand.rotations[WRIST], dt)
        raw_turn = hand.rotations[WRIST]
        local_joints = (hand.joints - hand.joints[WRIST]) @ raw_turn  # rows: R^T (p - w)
        local_rotations = raw_turn.T @ hand.rotations
        local_vertices = (hand.vertices - hand.joints[WRIST]) @ raw_turn
        fingers = self._fingers.update(local_joints, dt)
        if first:
            self._begin_mesh(local_joints, local_vertices)
            self._local_rotations = local_rotations
        else:
            gain = self._fingers.gain
            self._local_rotations = self._local_rotations + gain[:, None, None] * (local_rotations - self._local_rotations)
            vertex_gain = self._skin @ gain
            self._local_vertices = self._local_vertices + vertex_gain[:, None] * (local_vertices - self._local_vertices)
        joints = self._with_constant_bones(fingers, local_joints)
        self._local_rotations = rotations = _along_bones(self._local_rotations, joints, local_rotations, local_joints)
        vertices = self._local_vertices + self._skin @ (joints - fingers)
        smoothed = replace(
            hand,
            joints=joints @ turn.T + wrist,
            rotations=turn @ rotations,
            vertices=(vertices @ turn.T + wrist).astype(np.float32),
        )
        self._hand = smoothed
        return smoothed

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

    def _begin_mesh(self, joints: FloatArray, vertices: FloatArray) -> None:
        """Weights (V, 21) by which a vertex follows the joints near it."""
        self._local_vertices = vertices
        squared = (vertices * vertices).sum(axis=1)[:, None] - 2.0 * vertices @ joints.T + (joints * joints).sum(axis=1)
        reach = 0.012  # metres, about a finger's radius
        weights = np.exp(-0.5 * (squared - squared.min(axis=1, keepdims=True)) / reach**2)
        self._skin = weights / weights.sum(axis=1, keepdims=True)

    def _with_constant_bones(self, joints: FloatArray, measured: FloatArray) -> FloatArray:
        """Joints moved along their bones so that every bone has the median of its measured lengths."""
        bones = measured[_CHILDREN] - measured[_PARENTS]
        self._length_memory[self._frames % BONE_MEMORY] = np.sqrt((bones * bones).sum(axis=1))
        self._frames += 1
        # A median of many barely changes from frame to frame, and steady lengths are what this is for.
        if self._frames <= 16 or self._frames % 8 == 0:
            self._lengths[_CHILDREN] = np.median(self._length_memory[: min(self._frames, BONE_MEMORY)], axis=0)
        bones = joints - joints[_PARENT_OF]
        bones[WRIST] = 0.0
        norms = np.sqrt((bones * bones).sum(axis=1))
        bones *= (self._lengths / np.maximum(norms, 1e-9))[:, None]
        result = np.zeros_like(joints)
        for row in _ROWS:
            result[row] = result[_PARENT_OF[row]] + bones[row]
        return result


def _along_bones(rotations: FloatArray, joints: FloatArray, raw_rotations: FloatArray, raw_joints: FloatArray) -> FloatArray:
    """Rotations whose x axes follow the filtered bones wherever the measured ones lay along the measured bones."""
    raw_bones = raw_joints[_BONE_OF_JOINT[_WITH_BONE]] - raw_joints[_WITH_BONE]
    aligned = (raw_bones * raw_rotations[_WITH_BONE, :, 0]).sum(axis=1) > 0.99999 * np.sqrt((raw_bones * raw_bones).sum(axis=1))
    chosen = _WITH_BONE[aligned]
    result = rotations.copy()
    result[chosen, :, 0] = joints[_BONE_OF_JOINT[chosen]] - joints[chosen]
    return orthonormal(result)
