"""A hand's shape over time, seen from its own wrist: fingers filtered, bones of constant length, the mesh following the joints."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import JOINT_COUNT, WRIST, FloatArray
from handmesh_ros.perception.filters import OneEuroVector
from handmesh_ros.perception.frames import rotations_along

FINGERS, BONES_A_FINGER = 5, 4
CHAINS = np.array([[WRIST, *range(first, first + BONES_A_FINGER)] for first in range(1, JOINT_COUNT, BONES_A_FINGER)])
BONE_MEMORY = 64  # frames whose median is a bone's length
EARLY_FRAMES, MEDIAN_EVERY = 16, 8  # a median of many barely changes from frame to frame, and steady lengths are what it is for
MESH_REACH_M = 0.012  # how far a joint carries the mesh along, about a finger's radius
TINY_M = 1e-9


class Articulation:
    """Filters the shape of ONE track's hand. ``filter`` is the One-Euro filter of its joints."""

    def __init__(self, filter: OneEuroVector) -> None:
        self._filter = filter
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next shape is returned as it is."""
        self._filter.reset()
        self._frames = 0
        self._length_memory = np.zeros((BONE_MEMORY, FINGERS, BONES_A_FINGER))
        self._lengths = np.zeros((FINGERS, BONES_A_FINGER))
        self._y: FloatArray = np.zeros((FINGERS, BONES_A_FINGER - 1, 3))
        # The mesh in float32: to a hundredth of a micrometre, and half the memory to go through.
        self._vertices = np.zeros((0, 3), np.float32)
        self._skin = np.zeros((0, JOINT_COUNT), np.float32)

    @property
    def vertex_count(self) -> int:
        """Of the meshes so far."""
        return len(self._vertices)

    def update(
        self, joints: FloatArray, rotations: FloatArray, vertices: FloatArray, dt: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The filtered shape.

        Args:
            joints: (21, 3); vertices: (V, 3) float32; both in the wrist's frame, metres.
            rotations: (20, 3, 3) of the joints but the wrist, likewise; their x lie along the bones.
            dt: seconds since the last update.

        Returns: joints, rotations and vertices, as given.
        """
        measured = rotations.reshape(FINGERS, BONES_A_FINGER, 3, 3)[:, :-1]
        filtered = self._filter.update(joints, dt)
        gain = self._filter.gain
        if self._frames == 0:
            self._y = measured[..., 1]
            self._vertices, self._skin = vertices, _skin(joints, vertices)
        bones, held = self._with_constant_bones(filtered, joints)

        y = self._y + gain[1:].reshape(FINGERS, BONES_A_FINGER)[:, :-1, None] * (measured[..., 1] - self._y)
        turned = np.empty((FINGERS, BONES_A_FINGER, 3, 3))
        turned[:, :-1] = rotations_along(_directions(bones[:, 1:], measured[..., 0]), y)
        turned[:, -1] = turned[:, -2]
        self._y = turned[:, :-1, :, 1]

        # A vertex has its joints' gain in the filter, then it is moved as far as they are: one product gives both.
        follow = self._skin @ np.column_stack([gain, held - filtered]).astype(np.float32)
        self._vertices = self._vertices + follow[:, :1] * (vertices - self._vertices)
        return held, turned.reshape(-1, 3, 3), self._vertices + follow[:, 1:]

    def _with_constant_bones(self, joints: FloatArray, measured: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Bones (5, 4, 3) and joints (21, 3) moved along the bones so that every bone has the median of its measured lengths."""
        self._length_memory[self._frames % BONE_MEMORY] = _lengths(_bones(measured))[..., 0]
        self._frames += 1
        if self._frames <= EARLY_FRAMES or self._frames % MEDIAN_EVERY == 0:
            self._lengths = np.median(self._length_memory[: self._frames], axis=0)
        bones = _bones(joints)
        bones *= self._lengths[..., None] / np.maximum(_lengths(bones), TINY_M)
        result = np.zeros_like(joints)
        result[1:] = bones.cumsum(axis=1).reshape(-1, 3)
        return bones, result


def _bones(joints: FloatArray) -> FloatArray:
    """(5, 4, 3), each from its joint's parent to the joint."""
    chains = joints[CHAINS]
    return chains[:, 1:] - chains[:, :-1]


def _lengths(vectors: FloatArray) -> FloatArray:
    return np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True))


def _directions(bones: FloatArray, instead: FloatArray) -> FloatArray:
    """Unit vectors along the bones; ``instead`` where a bone has no length."""
    lengths = _lengths(bones)
    return bones / lengths if lengths.min() > TINY_M else np.where(lengths > TINY_M, bones / np.maximum(lengths, TINY_M), instead)


def _skin(joints: FloatArray, vertices: FloatArray) -> FloatArray:
    """(V, 21) float32 weights by which a vertex follows the joints near it."""
    squared = (vertices * vertices).sum(axis=1)[:, None] - 2.0 * vertices @ joints.T + (joints * joints).sum(axis=1)
    weights = np.exp(-0.5 * (squared - squared.min(axis=1, keepdims=True)) / MESH_REACH_M**2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
