"""Rotations as vectors (axis times angle, radians) and as matrices: the logarithm and the exponential of SO(3).

Written out in plain floats, as numpy takes longer to begin a product of such small matrices than Python takes for all of it.
Many rotations at once are handmesh_training/template/rotation_batches.py's.
"""

from __future__ import annotations

import math

import numpy as np

from handmesh_ros.hand import FloatArray


def rotation_vector(rotation: FloatArray) -> FloatArray:
    """(3,) axis times angle (0..pi) of a rotation (3, 3)."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.tolist()
    x, y, z = zy - yz, xz - zx, yx - xy
    sine2 = math.sqrt(x * x + y * y + z * z)
    cosine2 = xx + yy + zz - 1.0
    if sine2 > 1e-6 or cosine2 > 0.0:
        factor = math.atan2(sine2, cosine2) / sine2 if sine2 > 1e-6 else 0.5
        return np.array([factor * x, factor * y, factor * z])
    # Half a turn: the axis is the largest column of R + 1.
    symmetric = rotation + np.eye(3)
    axis = symmetric[:, int(np.argmax(np.diag(symmetric)))]
    return axis * (math.pi / math.sqrt(float(axis @ axis)))


def rotation_matrix(vector: FloatArray) -> FloatArray:
    """(3, 3) rotation by |vector| rad about vector (3,): Rodrigues' formula."""
    x, y, z = vector.tolist()
    squared = x * x + y * y + z * z
    angle = math.sqrt(squared)
    if angle < 1e-9:
        sine, versine = 1.0, 0.5
    else:
        sine, versine = math.sin(angle) / angle, (1.0 - math.cos(angle)) / squared
    # Written out: a dozen products take less time than numpy needs to make three matrices.
    cosine, xy, xz, yz = 1.0 - versine * squared, versine * x * y, versine * x * z, versine * y * z
    x2, y2, z2, x, y, z = versine * x * x, versine * y * y, versine * z * z, sine * x, sine * y, sine * z
    return np.array([[cosine + x2, xy - z, xz + y], [xy + z, cosine + y2, yz - x], [xz - y, yz + x, cosine + z2]])
