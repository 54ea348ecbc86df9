"""Vectors of three: single ones as tuples of floats, rows of them as numpy arrays.

A single vector is a tuple because numpy takes longer to begin a sum of three numbers than Python takes for all of it. The functions for
rows (..., 3) are several times faster than numpy's own.
"""

from __future__ import annotations

import math

import numpy as np

from handmesh_ros.hand import FloatArray

Vector = tuple[float, float, float]

ORIGIN: Vector = (0.0, 0.0, 0.0)
LEAST_LENGTH = 1e-9  # a vector shorter than this has no direction
YZX, ONES = np.array([1, 2, 0]), np.ones((3, 1))


# ---- single vectors: written out, for a call of another function takes as long as what it would do ----


def vector_of(row: FloatArray) -> Vector:
    """A single vector of an array (3,)."""
    x, y, z = row.tolist()
    return x, y, z


def dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def length(a: Vector) -> float:
    return math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2])


def minus(a: Vector, b: Vector) -> Vector:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def times(factor: float, a: Vector) -> Vector:
    return factor * a[0], factor * a[1], factor * a[2]


def plus(a: Vector, factor: float, b: Vector) -> Vector:
    """a + factor b."""
    return a[0] + factor * b[0], a[1] + factor * b[1], a[2] + factor * b[2]


def plus_two(a: Vector, factor: float, b: Vector, other: float, c: Vector) -> Vector:
    """a + factor b + other c, in half the time of two sums."""
    return a[0] + factor * b[0] + other * c[0], a[1] + factor * b[1] + other * c[1], a[2] + factor * b[2] + other * c[2]


def direction(a: Vector) -> Vector:
    """The unit vector along ``a``; next to nothing where ``a`` has no direction."""
    x, y, z = a
    scale = 1.0 / max(math.sqrt(x * x + y * y + z * z), LEAST_LENGTH)
    return scale * x, scale * y, scale * z


def across_and_along(vector: Vector, ray: Vector) -> tuple[Vector, float]:
    """The part of a vector across a ray (a unit vector) and its length along it, signed."""
    (x, y, z), (a, b, c) = vector, ray
    along = x * a + y * b + z * c
    return (x - along * a, y - along * b, z - along * c), along


def squares_across_and_along(vector: Vector, ray: Vector) -> tuple[float, float]:
    """Mean square of the two components across the ray (a unit vector), and the square along it."""
    (x, y, z), (a, b, c) = vector, ray
    along = x * a + y * b + z * c
    squared = along * along
    return 0.5 * max(x * x + y * y + z * z - squared, 0.0), squared


def ray_covariance(ray: Vector, across: float, along: float) -> FloatArray:
    """(3, 3) with variance ``along`` along a ray (a unit vector) and ``across`` in every direction across it."""
    x, y, z = ray
    more = along - across
    # Written out: numpy's outer product takes longer than all of it.
    xy, xz, yz = more * x * y, more * x * z, more * y * z
    return np.array([[across + more * x * x, xy, xz], [xy, across + more * y * y, yz], [xz, yz, across + more * z * z]])


# ---- rows of vectors (..., 3) ----


def row_dots(a: FloatArray, b: FloatArray) -> FloatArray:
    """(..., 1): ``dot`` with ones, which numpy does faster than a sum, einsum or matmul."""
    sums: FloatArray = (a * b).dot(ONES)
    return sums


def row_crosses(a: FloatArray, b: FloatArray) -> FloatArray:
    """np.cross for (..., 3), several times faster."""
    return (a * b.take(YZX, -1) - a.take(YZX, -1) * b).take(YZX, -1)


def least(values: FloatArray) -> float:
    """The smallest of a few numbers, much faster than ``values.min()``."""
    return min(values.ravel().tolist())
