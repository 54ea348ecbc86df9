"""Rotation matrices as quaternions, many at once."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import FloatArray

# 4 q q^T of a unit quaternion xyzw, row by row, is linear in its rotation's nine numbers (xx, xy, xz, yx, ...), plus constants.
OUTER_OF_ROTATION = np.array([
    [ 1,  0,  0,  0,  0, -1,  0,  0,  0,  0, -1,  0,  0,  0,  0,  1],
    [ 0,  1,  0,  0,  1,  0,  0,  0,  0,  0,  0, -1,  0,  0, -1,  0],
    [ 0,  0,  1,  0,  0,  0,  0,  1,  1,  0,  0,  0,  0,  1,  0,  0],
    [ 0,  1,  0,  0,  1,  0,  0,  0,  0,  0,  0,  1,  0,  0,  1,  0],
    [-1,  0,  0,  0,  0,  1,  0,  0,  0,  0, -1,  0,  0,  0,  0,  1],
    [ 0,  0,  0, -1,  0,  0,  1,  0,  0,  1,  0,  0, -1,  0,  0,  0],
    [ 0,  0,  1,  0,  0,  0,  0, -1,  1,  0,  0,  0,  0, -1,  0,  0],
    [ 0,  0,  0,  1,  0,  0,  1,  0,  0,  1,  0,  0,  1,  0,  0,  0],
    [-1,  0,  0,  0,  0, -1,  0,  0,  0,  0,  1,  0,  0,  0,  0,  1],
], float)  # fmt: skip
OUTER_OF_NONE = np.eye(4).reshape(-1)
DIAGONAL = np.arange(4)


def quaternions_xyzw(rotations: FloatArray) -> FloatArray:
    """Rotation matrices (N, 3, 3) to unit quaternions (N, 4) in the order of geometry_msgs, w not negative.

    The one place where rotations become quaternions.
    """
    m = np.asarray(rotations, float)
    # Each row of 4 q q^T is the quaternion times one of its components; the longest one is the most exact.
    outer = (m.reshape(-1, 9) @ OUTER_OF_ROTATION + OUTER_OF_NONE).reshape(-1, 4, 4)
    best: FloatArray = outer[np.arange(len(m)), outer[:, DIAGONAL, DIAGONAL].argmax(axis=1)]
    best *= (np.where(best[:, 3] < 0, -1.0, 1.0) / np.sqrt(np.einsum("ni,ni->n", best, best)))[:, None]
    return best
