"""Rotations in batches: axis angles, slerp between matrices, random views. numpy only."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_training.template.gltf import quaternion_to_matrix


def axis_rotation(axis: str, angle: FloatArray) -> FloatArray:
    """(..., 3, 3) rotations about "x", "y" or "z" by (...) radians."""
    angle = np.asarray(angle, float)
    k = "xyz".index(axis)
    i, j = (k + 1) % 3, (k + 2) % 3
    rotation = np.zeros((*angle.shape, 3, 3))
    rotation[..., k, k] = 1
    rotation[..., i, i] = rotation[..., j, j] = np.cos(angle)
    rotation[..., j, i] = np.sin(angle)
    rotation[..., i, j] = -np.sin(angle)
    return rotation


def rotation_vectors(rotation: FloatArray) -> FloatArray:
    """(..., 3) axis times angle of (..., 3, 3) rotations that turn by less than 180 degrees."""
    skew = np.stack(
        [
            rotation[..., 2, 1] - rotation[..., 1, 2],
            rotation[..., 0, 2] - rotation[..., 2, 0],
            rotation[..., 1, 0] - rotation[..., 0, 1],
        ],
        -1,
    )
    sine = np.linalg.norm(skew, axis=-1) / 2
    angle = np.arctan2(sine, (np.trace(rotation, axis1=-2, axis2=-1) - 1) / 2)
    return skew * (np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 1.0) / 2)[..., None]


def from_rotation_vectors(vector: FloatArray) -> FloatArray:
    """(..., 3, 3) rotations of (..., 3) axis times angle."""
    vector = np.asarray(vector, float)
    half = np.linalg.norm(vector, axis=-1, keepdims=True) / 2
    return quaternion_to_matrix(np.concatenate([vector * np.sinc(half / np.pi) / 2, np.cos(half)], -1))


def slerp(start: FloatArray, end: FloatArray, part: FloatArray) -> FloatArray:
    """From start (0) to end (1), (..., 3, 3), along the shorter arc; beyond 0..1 it extrapolates."""
    turn = rotation_vectors(np.swapaxes(start, -1, -2) @ end)
    return start @ from_rotation_vectors(turn * np.asarray(part, float)[..., None])


def random_rotations(rng: np.random.Generator, count: int) -> FloatArray:
    """(count, 3, 3), uniform over all orientations."""
    return quaternion_to_matrix(rng.normal(size=(count, 4)))
