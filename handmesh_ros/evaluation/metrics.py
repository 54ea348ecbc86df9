"""The field's error measures for hands, each a small function of numpy arrays.

Shapes: N frames, P points (21 joints or V vertices). Units: those of the input, unless a docstring says otherwise.
"""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import FloatArray

NORMAL_MEDIAN = 0.6745  # of the absolute value of a normal variable, in standard deviations


def similarity_align(points: FloatArray, target: FloatArray, *, rotation: bool = True, scale: bool = True) -> FloatArray:
    """Move points onto a target by the least-squares similarity transform (Umeyama 1991; "Procrustes" in the hand literature).

    Args:
        points, target: (..., P, 3).
        rotation: False keeps the orientation, so that tilt counts as error.
        scale: False keeps the size.

    Returns:
        (..., P, 3), the points after the transform. A reflection is never used.
    """
    points = np.asarray(points, np.float64)
    target = np.asarray(target, np.float64)
    centre, target_centre = points.mean(axis=-2, keepdims=True), target.mean(axis=-2, keepdims=True)
    centred, target_centred = points - centre, target - target_centre
    turned = centred
    if rotation:
        u, _, vt = np.linalg.svd(np.swapaxes(centred, -1, -2) @ target_centred)
        sign = np.ones((*u.shape[:-2], 3))
        sign[..., 2] = np.sign(np.linalg.det(u @ vt))
        turned = centred @ ((u * sign[..., None, :]) @ vt)
    factor = np.ones((*points.shape[:-2], 1, 1))
    if scale:
        size = (centred**2).sum(axis=(-1, -2), keepdims=True)
        factor = (turned * target_centred).sum(axis=(-1, -2), keepdims=True) / np.maximum(size, 1e-18)
    aligned: FloatArray = factor * turned + target_centre
    return aligned


def point_errors(points: FloatArray, target: FloatArray) -> FloatArray:
    """Euclidean distances, (..., P)."""
    distances: FloatArray = np.linalg.norm(np.asarray(points, np.float64) - np.asarray(target, np.float64), axis=-1)
    return distances


def mpjpe(joints: FloatArray, target: FloatArray) -> float:
    """Mean per joint position error after the roots (point 0) are laid on each other. With vertices instead: MPVPE."""
    joints, target = np.asarray(joints, np.float64), np.asarray(target, np.float64)
    return float(point_errors(joints - joints[..., :1, :], target - target[..., :1, :]).mean())


def pa_mpjpe(joints: FloatArray, target: FloatArray) -> float:
    """MPJPE after similarity alignment of every frame (Zhou et al. 2018, FreiHAND). With vertices instead: PA-MPVPE."""
    return float(point_errors(similarity_align(joints, target), target).mean())


def f_score(vertices: FloatArray, target: FloatArray, threshold: float) -> float:
    """Harmonic mean of precision and recall at a distance between two point sets (Knapitsch et al. 2017, FreiHAND).

    Args:
        vertices, target: (P, 3) and (Q, 3) of one frame; correspondence is not used, the nearest point counts.
    """
    distances = np.linalg.norm(np.asarray(vertices)[:, None] - np.asarray(target)[None], axis=-1)
    precision = float((distances.min(axis=1) < threshold).mean())
    recall = float((distances.min(axis=0) < threshold).mean())
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def pck_curve(errors: FloatArray, thresholds: FloatArray) -> FloatArray:
    """Share of errors at or below each threshold ("percentage of correct keypoints", Yang and Ramanan 2013), 0..1."""
    shares: FloatArray = (np.asarray(errors).reshape(-1, 1) <= np.asarray(thresholds)).mean(axis=0)
    return shares


def area_under_curve(values: FloatArray, thresholds: FloatArray) -> float:
    """Trapezoid area under a PCK curve, divided by the range of the thresholds, 0..1."""
    values, thresholds = np.asarray(values, np.float64), np.asarray(thresholds, np.float64)
    area = ((values[1:] + values[:-1]) / 2 * np.diff(thresholds)).sum()
    return float(area / (thresholds[-1] - thresholds[0]))


def hand_extent(keypoints: FloatArray) -> FloatArray:
    """The longer side of the tight box of the keypoints, (..., ): the unit of relative 2D errors."""
    keypoints = np.asarray(keypoints, np.float64)
    sides: FloatArray = (keypoints.max(axis=-2) - keypoints.min(axis=-2)).max(axis=-1)
    return sides


def relative_keypoint_errors(keypoints: FloatArray, target: FloatArray) -> FloatArray:
    """2D distances as fractions of the target's hand extent, (..., P)."""
    return point_errors(keypoints, target) / hand_extent(target)[..., None]


def robust_sigma(errors: FloatArray) -> float:
    """Standard deviation of an axis of errors (..., axes), by the median of what is normally distributed about zero; outliers say little.

    Axes may differ: it is the root mean square of theirs.
    """
    errors = np.asarray(errors, np.float64)
    each = np.median(np.abs(errors.reshape(-1, errors.shape[-1])), axis=0) / NORMAL_MEDIAN
    return float(np.sqrt(np.mean(each**2)))
