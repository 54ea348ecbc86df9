"""Absolute position: where a hand of known size must be for its joints to project onto its keypoints.

With a = x/z and b = y/z the undistorted keypoint of a joint (x, y, z) relative to the wrist, the wrist's position t obeys

    tx - a tz = a z - x,    ty - b tz = b z - y

which is linear in t: three sums over the joints solve it in closed form. Its residual is in metres at the joint; divided by the
joint's depth it is in pixels, hence the reweighting. A few further fixed steps take outliers out. (Derivation:
docs/placement.md.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from handmesh_ros.errors import HandmeshError
from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.frames import least

MIN_JOINTS = 4
MIN_DEPTH_M = 0.02
MIN_SIGMA_M = 1e-5
# Tukey's biweight on a joint's squared residual in sigmas (chi-square, 2 degrees of freedom), one cutoff for each fixed round:
# tight first, to get away from outliers; then wide, for a result 96 % as precise as plain least squares on clean data and still
# blind to a keypoint 5.5 sigma off. It lowers the weights' sum more than the precision: the variance is this share of the
# inverse sum (0.91 by M-estimator theory; calibrated for 21 joints).
TUKEY_CUTOFFS = (9.0, 12.0, 30.0)
TUKEY_VARIANCE = 0.94
CHI2_2_MEDIAN = 2 * math.log(2)
# A joint with a residual beyond this (chi-square, 2 degrees of freedom, 99.9 %) is no inlier.
INLIER_CHI2 = 13.8
# Residuals this much above what the sigmas promise (chi-square, about 40 degrees of freedom, 99 %) widen the covariance.
EXCESS_CHI2 = 1.6
# The rows of ``_terms``; the first LINEAR of them are what residuals are made of.
ONE, A, B, P, Q, Z, RADIUS = range(7)
LINEAR = 6


class PlacementError(HandmeshError, ValueError):
    """No position follows from this hand; the message says why."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Where the wrist is.

    Attributes:
        translation: (3,) camera frame, metres.
        covariance: (3, 3) of the translation, square metres: keypoint noise, joint noise and hand size together.
        residual_px: root mean square distance between keypoints and projected joints, inliers only, pixels.
        inliers: (21,) bool, the joints that agree with the result.
    """

    translation: FloatArray
    covariance: FloatArray
    residual_px: float
    inliers: np.ndarray


def place(
    joints_relative: FloatArray,
    keypoints_normalized: FloatArray,
    focal_px: float,
    weights: FloatArray | None = None,
    keypoint_sigma_px: float = 1.5,
    joint_sigma_m: float = 0.004,
    size_relative_sigma: float = 0.0,
) -> Placement:
    """The wrist's position in the camera frame.

    Args:
        joints_relative: (21, 3) relative to the wrist, camera axes, metres.
        keypoints_normalized: (21, 2) undistorted x/z, y/z; a joint with NaN is left out.
        focal_px: pixels for one unit of ``keypoints_normalized``.
        weights: (21,) confidences, 0..1; 0 leaves a joint out, 0.5 doubles its variance.
        keypoint_sigma_px: noise of a keypoint, pixels, each axis.
        joint_sigma_m: noise of a joint, metres, each axis.
        size_relative_sigma: uncertainty of the hand's size, as a share: it is the uncertainty of the distance, as the same share.

    Raises:
        PlacementError: fewer than 4 usable joints, keypoints all in one place, or a hand behind the camera.
    """
    joints, rays = np.asarray(joints_relative, float), np.asarray(keypoints_normalized, float)
    terms = _terms(joints, rays)
    confidence = terms[ONE] if weights is None else np.clip(np.nan_to_num(weights), 0.0, 1.0)
    sums = terms.dot(confidence).tolist()
    if not math.isfinite(sum(sums)):  # cheaper than to look at every number first
        joints, rays, confidence = _without_missing(joints, rays, confidence)
        terms = _terms(joints, rays)
        sums = terms.dot(confidence).tolist()
    unusable = len(joints) - int(np.count_nonzero(confidence))
    if len(joints) - unusable < MIN_JOINTS:
        raise PlacementError(f"{unusable} of {len(joints)} joints cannot be used, at least {MIN_JOINTS} are needed")
    pixel_sigma, squared_sigma = keypoint_sigma_px / focal_px, max(joint_sigma_m, MIN_SIGMA_M) ** 2
    joint_variance = terms[RADIUS] * (0.5 * squared_sigma) + squared_sigma
    # Rows that make of the terms: a joint's residual in x and y, a tz + p - tx and b tz + q - ty, and its depth, z + tz, in pixel sigmas.
    linear, linear_terms = np.zeros((3, LINEAR)), terms[:LINEAR]
    linear[0, P] = linear[1, Q] = 1.0
    linear[2, Z] = pixel_sigma

    tx, ty, tz = _solve(sums)
    for cutoff in (*TUKEY_CUTOFFS, None):
        linear[0, ONE], linear[1, ONE], linear[2, ONE] = -tx, -ty, pixel_sigma * tz
        linear[0, A] = linear[1, B] = tz
        ex, ey, pixel_noise = linear.dot(linear_terms) ** 2
        squared = ex + ey
        precision = confidence / (pixel_noise + joint_variance)
        chi2 = precision * squared
        if cutoff is None:
            break
        # Scaled by the median, so that many bad keypoints do not make the good ones look bad; joints left out sort first.
        median = sorted(chi2.tolist())[(len(joints) + unusable) // 2] / CHI2_2_MEDIAN
        robust = np.maximum(1.0 - chi2 * (1.0 / (cutoff * max(1.0, median))), 0.0)
        sums = terms.dot(precision * robust * robust).tolist()
        tx, ty, tz = _solve(sums, pixel_sigma**2 * min(1.0, median))

    inliers = chi2 < INLIER_CHI2
    if unusable:
        inliers &= confidence > 0
    count = int(np.count_nonzero(inliers))
    if count < MIN_JOINTS:
        raise PlacementError(f"only {count} of {len(joints)} joints agree on a position")
    depth = terms[Z] + tz
    if tz < MIN_DEPTH_M or (least(depth) < MIN_DEPTH_M and (inliers & (depth < MIN_DEPTH_M)).any()):
        raise PlacementError(f"the hand would lie at depth {tz:.3g} m, behind or inside the camera")
    counted = inliers.astype(float)
    depth = np.maximum(depth, MIN_DEPTH_M)  # an outlier's may be anything
    residual_px = focal_px * math.sqrt(float((squared / (depth * depth)).dot(counted)) / count)
    excess = float(chi2.dot(counted)) / (2 * count - 3) / EXCESS_CHI2
    # The median is the scale that outliers hardly reach: where it is high, some of them are near enough to have pulled.
    covariance = _covariance(sums, TUKEY_VARIANCE * max(1.0, median, excess), size_relative_sigma**2, (tx, ty, tz))
    return Placement(np.array([tx, ty, tz]), covariance, residual_px, inliers)


def _terms(joints: FloatArray, rays: FloatArray) -> FloatArray:
    """(8, N) what the normal equations are summed from: 1, a, b, p, q, z, a^2 + b^2, a p + b q, with p = a z - x, q = b z - y."""
    terms = np.empty((8, len(joints)))
    terms[ONE], terms[A : B + 1], terms[Z] = 1.0, rays.T, joints.T[2]
    ab = terms[A : B + 1]
    np.subtract(ab * terms[Z], joints.T[:2], out=terms[P : Q + 1])
    products = terms[A : Q + 1].reshape(2, 2, -1) * ab
    np.add(products[:, 0], products[:, 1], out=terms[RADIUS:])
    return terms


def _without_missing(joints: FloatArray, rays: FloatArray, confidence: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The same with confidence 0, and finite numbers, where a joint or its keypoint is not finite."""
    usable = np.isfinite(np.hstack([joints, rays])).all(axis=1)
    return np.where(usable[:, None], joints, 0.0), np.where(usable[:, None], rays, 0.0), np.where(usable, confidence, 0.0)


def _solve(sums: list[float], noise: float = 0.0) -> tuple[float, float, float]:
    """The wrist's position from the weighted sums of the terms.

    Args:
        noise: variance of a and b. Their squares in the sums are that much too large, which would pull a small (distant) hand
            towards the camera; it is taken out again.
    """
    s1, sa, sb, sp, sq, sz, srr, srp = sums
    if not s1 > 0:
        raise PlacementError("no two joints agree on a position")
    srr -= 2 * noise * s1
    srp -= 2 * noise * sz
    # The normal equations with tx and ty eliminated: what is left is the keypoints' spread about their centre.
    spread = srr - (sa * sa + sb * sb) / s1
    if not spread > 1e-12 * s1:
        raise PlacementError("all keypoints lie in one place")
    tz = ((sa * sp + sb * sq) / s1 - srp) / spread
    return (sp + tz * sa) / s1, (sq + tz * sb) / s1, tz


def _covariance(sums: list[float], noise_scale: float, size_variance: float, translation: tuple[float, float, float]) -> FloatArray:
    """(3, 3): the inverse of the normal equations, plus what the hand's unknown size adds along the wrist's own ray.

    The inverse is round by 1 / s1, and long along the keypoints' mean ray by their spread. A hand (1 + e) times as large fits the
    same picture (1 + e) times as far away: the size's part is exactly e times the translation.
    """
    s1, sa, sb, srr = sums[ONE], sums[A], sums[B], sums[RADIUS]
    across, along = noise_scale / s1, noise_scale / (srr - (sa * sa + sb * sb) / s1)
    a, b = sa / s1, sb / s1
    x, y, z = translation
    xx = across + along * a * a + size_variance * x * x
    yy = across + along * b * b + size_variance * y * y
    zz = along + size_variance * z * z
    xy = along * a * b + size_variance * x * y
    xz = along * a + size_variance * x * z
    yz = along * b + size_variance * y * z
    # Written out: numpy's outer products take longer than the whole of the rest.
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
