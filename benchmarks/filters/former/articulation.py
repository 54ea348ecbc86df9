"""A hand's shape over time, seen from its own wrist: fingers filtered, bones of constant length, the mesh following the joints."""

from __future__ import annotations

import numpy as np

from benchmarks.filters.former.one_euro import OneEuroParameters, OneEuroVector
from handmesh_ros.hand import JOINT_COUNT, JOINT_PARENTS, FloatArray
from handmesh_ros.perception.frames import FINGER_COUNT
from handmesh_ros.perception.vectors import LEAST_LENGTH, least, row_dots

# Chosen by hand; what half and twice of each does: docs/lab/2026-11-filters.md. The floor is the speed that noise of 3 mm an axis shows at
# 30 Hz behind the speed's cut-off (19.5 times the noise a second, for white noise).
FINGER_FILTER = OneEuroParameters(min_cutoff_hz=1.0, cutoff_slope_hz_per_mps=25.0, speed_cutoff_hz=2.0, speed_floor_mps=0.06)
BONE_COUNT = 4  # of each finger, from the wrist to the tip
BONE_STARTS = np.array(JOINT_PARENTS[1:])
BONE_MEMORY = 64  # frames whose median is a bone's length: two seconds, and white noise comes down to a sixth, sqrt(pi / 2 / 64)
EARLY_FRAMES, MEDIAN_EVERY = 16, 8  # a median of many barely changes from frame to frame, and steady lengths are what it is for
MESH_REACH_M = 0.012  # how far a joint carries the mesh along. Chosen by hand: a bit more than a finger's radius

Shape = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


class Articulation:
    """Filters the shape of ONE track's hand; its joints by One-Euro with these ``parameters``."""

    def __init__(self, parameters: OneEuroParameters = FINGER_FILTER) -> None:
        self._filter = OneEuroVector(parameters)
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next shape is returned as it is."""
        self._filter.reset()
        self._frames = 0
        self._length_memory = np.zeros((BONE_MEMORY, FINGER_COUNT, BONE_COUNT, 1))
        self._lengths = np.zeros((FINGER_COUNT, BONE_COUNT, 1))
        self._y: FloatArray = np.zeros((FINGER_COUNT, BONE_COUNT - 1, 3))
        # The mesh in float32: to a hundredth of a micrometre, and half the memory to go through.
        self._vertices = np.zeros((0, 3), np.float32)
        self._skin = np.zeros((0, JOINT_COUNT), np.float32)

    @property
    def vertex_count(self) -> int:
        """Of the meshes so far."""
        return len(self._vertices)

    def update(self, joints: FloatArray, x: FloatArray, y: FloatArray, vertices: FloatArray, dt: float) -> Shape:
        """The filtered shape.

        Args:
            joints: (21, 3); vertices: (V, 3) float32; both in the wrist's frame, metres.
            x, y: (fingers, 3, 3) of the frames of the fingers' bones, as in ``frames.hand_rotations``; x along the bones.
            dt: seconds since the last update.

        Returns: joints, x, y and vertices, as given; y is not quite across x.
        """
        filtered = self._filter.update(joints, dt)
        gain = self._filter.gain
        if self._frames == 0:
            self._y, self._vertices, self._skin = y, vertices, _skin(joints, vertices)
        held, directions = self._with_constant_bones(filtered, joints, x)
        self._y = self._y + gain[1:].reshape(FINGER_COUNT, BONE_COUNT)[:, :-1, None] * (y - self._y)
        # A vertex has its joints' gain in the filter, then it is moved as far as they are: one product gives both.
        of_joints = np.empty((JOINT_COUNT, 4), np.float32)
        of_joints[:, 0], of_joints[:, 1:] = gain, held - filtered
        of_vertices = self._skin.dot(of_joints)
        self._vertices = self._vertices + of_vertices[:, :1] * (vertices - self._vertices)
        return held, directions, self._y, self._vertices + of_vertices[:, 1:]

    def _with_constant_bones(self, joints: FloatArray, measured: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Joints (21, 3) moved along their bones so that every bone has the median of its measured lengths, and the bones' directions.

        The wrist is the origin. ``x`` is the direction of a finger's bone without length.
        """
        both = np.array([joints, measured])
        bones = (both[:, 1:] - both.take(BONE_STARTS, 1)).reshape(2, FINGER_COUNT, BONE_COUNT, 3)
        filtered, lengths = np.sqrt(row_dots(bones, bones))
        self._length_memory[self._frames % BONE_MEMORY] = lengths
        self._frames += 1
        if self._frames <= EARLY_FRAMES or self._frames % MEDIAN_EVERY == 0:
            self._lengths = np.median(self._length_memory[: self._frames], axis=0)
        directions = bones[0] / np.maximum(filtered, LEAST_LENGTH)
        held = np.zeros((JOINT_COUNT, 3))
        np.add.accumulate(self._lengths * directions, axis=1, out=held[1:].reshape(FINGER_COUNT, BONE_COUNT, 3))
        if least(filtered) <= LEAST_LENGTH:
            directions[:, 1:] = np.where(filtered[:, 1:] > LEAST_LENGTH, directions[:, 1:], x)
        return held, directions[:, 1:]


def _skin(joints: FloatArray, vertices: FloatArray) -> FloatArray:
    """(V, 21) float32 weights by which a vertex follows the joints near it."""
    squared = (vertices * vertices).sum(axis=1)[:, None] - 2.0 * vertices @ joints.T + (joints * joints).sum(axis=1)
    weights = np.exp(-0.5 * (squared - squared.min(axis=1, keepdims=True)) / MESH_REACH_M**2)
    shares: FloatArray = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares
