"""How large a hand is, from one depth image that is aligned with the picture.

A hand placed with a wrong size lies at a wrong distance by the same factor, with the same picture. So every visible point of its mesh
gives that factor: the depth measured at its pixel over its own. Their median bears holes, flying pixels at the silhouette and an
object before the hand.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.size.hand_size import HandSize, HandSizeError

CELL_PX = 6  # of the vertices in such a square only the nearest is taken for visible
LARGEST_STEP_M = 0.02  # a larger step between neighbouring pixels is an edge: who knows which side was meant
LARGEST_FACTOR = 2.0
LEAST_POINTS = 30
LEAST_AGREEING = 0.5  # share of the points that must lie on one hand
LARGEST_SPREAD = 0.05
NEIGHBOURS = 20  # points whose errors are one: shape errors of the mesh reach that far
# What is common to all points: the depth camera's scale, and where the network put this hand.
COMMON_RELATIVE_SIGMA = 0.02


def metres_of_depth(depth: NDArray[np.generic]) -> FloatArray:
    """(H, W) metres, NaN where nothing was measured, of uint16 millimetres or floating point metres (REP 118).

    Raises:
        HandSizeError: another type or shape.
    """
    if depth.ndim != 2 or not (depth.dtype == np.uint16 or np.issubdtype(depth.dtype, np.floating)):
        raise HandSizeError(f"a depth image is (height, width) uint16 millimetres or floating metres, this is {depth.dtype} {depth.shape}")
    metres = depth.astype(np.float64) * (1e-3 if depth.dtype == np.uint16 else 1.0)
    return np.where(np.isfinite(metres) & (metres > 0.0), metres, np.nan)


def size_from_depth(depth: NDArray[np.generic], camera: Camera, vertices: FloatArray, assumed_m: float) -> HandSize:
    """The size of a hand and its uncertainty.

    Args:
        depth: (H, W) aligned with the picture: uint16 millimetres or floating point metres, 0 or NaN where nothing was measured.
        camera: of the picture.
        vertices: (V, 3) the hand's mesh where it was placed, camera frame, metres.
        assumed_m: the size it was placed with.

    Raises:
        HandSizeError: depth and picture differ in size, too little of the hand was measured, what was measured is no hand there, or
            a size that no hand has.
    """
    metres = metres_of_depth(depth)
    if metres.shape != (camera.height, camera.width):
        height, width = metres.shape
        raise HandSizeError(f"the depth image is {width}x{height}, the picture {camera.width}x{camera.height}: align depth to colour")
    visible = _front(np.asarray(vertices, dtype=np.float64), camera)
    columns, rows = np.rint(camera.project(visible)).astype(int).T
    measured = _smooth_depth(metres, rows, columns)
    factors = np.log(measured / visible[:, 2])
    factors = factors[np.isfinite(factors) & (np.abs(factors) < math.log(LARGEST_FACTOR))]
    if len(factors) < LEAST_POINTS:
        raise HandSizeError(
            f"the depth image measures {len(factors)} points of the hand, at least {LEAST_POINTS} are needed: hold it within the depth "
            "camera's range, palm or back to the camera"
        )
    agreeing = factors
    for _ in range(3):
        median = float(np.median(agreeing))
        spread = 1.4826 * float(np.median(np.abs(agreeing - median)))
        agreeing = factors[np.abs(factors - median) < max(3.0 * spread, 0.02)]
    spread = 1.4826 * float(np.median(np.abs(agreeing - np.median(agreeing))))
    if spread > LARGEST_SPREAD or len(agreeing) < LEAST_AGREEING * len(factors):
        raise HandSizeError("the depth image shows no single surface where the hand is: is it aligned to the picture?")
    sigma = math.hypot(1.25 * spread * math.sqrt(NEIGHBOURS / len(agreeing)), COMMON_RELATIVE_SIGMA)
    return HandSize(assumed_m * math.exp(float(np.median(agreeing))), sigma)


def _front(vertices: FloatArray, camera: Camera) -> FloatArray:
    """(N, 3) the vertices in the picture before which no other one lies, as far as cells of a few pixels tell."""
    vertices = vertices[np.isfinite(vertices).all(axis=1) & (vertices[:, 2] > 0.0)]
    pixels = camera.project(vertices)
    inside = ((pixels >= 1.0) & (pixels < np.array([camera.width, camera.height]) - 2.0)).all(axis=1)
    vertices, pixels = vertices[inside], pixels[inside]
    nearest_first = np.argsort(vertices[:, 2])
    cells = (pixels[nearest_first] // CELL_PX).astype(int)
    _, first = np.unique(cells[:, 0] + (camera.width + CELL_PX) * cells[:, 1], return_index=True)
    return vertices[nearest_first[first]]


def _smooth_depth(metres: FloatArray, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> FloatArray:
    """(N,) median of the 3 x 3 pixels around each place; NaN where one is missing or where there is an edge."""
    patches = np.stack([metres[rows + i, columns + j] for i in (-1, 0, 1) for j in (-1, 0, 1)])
    median = np.median(patches, axis=0)
    return np.where(np.ptp(patches, axis=0) < LARGEST_STEP_M, median, np.nan)
