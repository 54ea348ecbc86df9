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
from typing import NamedTuple

import numpy as np

from handmesh_ros.errors import HandmeshError
from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.vectors import Vector, least

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
# Keypoints less far from their centre than a millionth of the focal length (square, a and b together) are all in one place.
LEAST_SPREAD = 1e-12


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


class Sums(NamedTuple):
    """Weighted sums over the joints of what the normal equations are made of, with p = a z - x and q = b z - y."""

    one: float
    a: float
    b: float
    p: float
    q: float
    z: float
    radius: float  # a^2 + b^2
    product: float  # a p + b q


# The same, as rows of ``_terms``; residuals are made of the first LINEAR of them.
ONE, A, B, P, Q, Z, RADIUS, PRODUCT = range(len(Sums._fields))
LINEAR = Z + 1
# What makes of these: a joint's residual in x and y, a tz + p - tx and b tz + q - ty, and its depth, z + tz, in pixel sigmas.
RESIDUAL_ROWS = np.zeros((3, LINEAR))
RESIDUAL_ROWS[0, P] = RESIDUAL_ROWS[1, Q] = 1.0


class _Equations(NamedTuple):
    """What is known before a position is."""

    terms: FloatArray  # (8, N), rows as in Sums
    usable: FloatArray  # (N,) 1.0 or 0.0
    missing: int  # how many are not usable
    sums: Sums  # all usable joints weighing the same
    pixel_sigma: float  # noise of a and b
    joint_variance: FloatArray  # (N,) what the joints' noise adds to a residual, square metres


class _Fit(NamedTuple):
    """A position, the sums that it solves, and the median residual (as a share of what the sigmas promise) that they were weighted by."""

    translation: Vector
    sums: Sums
    median: float


def place(
    joints_relative: FloatArray,
    keypoints_normalized: FloatArray,
    focal_px: float,
    keypoint_sigma_px: float,
    joint_sigma_m: float,
    size_relative_sigma: float = 0.0,
) -> Placement:
    """The wrist's position in the camera frame.

    Args:
        joints_relative: (21, 3) relative to the wrist, camera axes, metres.
        keypoints_normalized: (21, 2) undistorted x/z, y/z; a joint with NaN is left out.
        focal_px: pixels for one unit of ``keypoints_normalized``.
        keypoint_sigma_px: noise of a keypoint, pixels, each axis.
        joint_sigma_m: noise of a joint, metres, each axis.
        size_relative_sigma: uncertainty of the hand's size, as a share: it is the uncertainty of the distance, as the same share.

    Raises:
        PlacementError: fewer than 4 usable joints, keypoints all in one place, or a hand behind the camera.
    """
    joints, rays = np.asarray(joints_relative, float), np.asarray(keypoints_normalized, float)
    equations = _equations(joints, rays, keypoint_sigma_px / focal_px, max(joint_sigma_m, MIN_SIGMA_M))
    return _judged(equations, _fitted(equations), focal_px, size_relative_sigma)


def _equations(joints: FloatArray, rays: FloatArray, pixel_sigma: float, joint_sigma: float) -> _Equations:
    terms = _terms(joints, rays)
    usable, missing = terms[ONE], 0
    sums = _sums(terms, usable)
    if not math.isfinite(sum(sums)):  # cheaper than to look at every number first
        finite = np.isfinite(np.hstack([joints, rays])).all(axis=1)
        terms = _terms(np.where(finite[:, None], joints, 0.0), np.where(finite[:, None], rays, 0.0))
        usable, missing = finite.astype(float), int(np.count_nonzero(~finite))
        sums = _sums(terms, usable)
    if len(joints) - missing < MIN_JOINTS:
        raise PlacementError(f"{missing} of {len(joints)} joints cannot be used, at least {MIN_JOINTS} are needed")
    return _Equations(terms, usable, missing, sums, pixel_sigma, terms[RADIUS] * (0.5 * joint_sigma**2) + joint_sigma**2)


def _terms(joints: FloatArray, rays: FloatArray) -> FloatArray:
    """(8, N), rows as in ``Sums``."""
    terms = np.empty((len(Sums._fields), len(joints)))
    terms[ONE], terms[A : B + 1], terms[Z] = 1.0, rays.T, joints.T[2]
    ab = terms[A : B + 1]
    np.subtract(ab * terms[Z], joints.T[:2], out=terms[P : Q + 1])
    products = terms[A : Q + 1].reshape(2, 2, -1) * ab
    np.add(products[:, 0], products[:, 1], out=terms[RADIUS : PRODUCT + 1])
    return terms


def _sums(terms: FloatArray, weights: FloatArray) -> Sums:
    return Sums(*terms.dot(weights).tolist())


def _fitted(equations: _Equations) -> _Fit:
    """Plain least squares first, then the rounds of reweighting."""
    fit = _Fit(_solved(equations.sums), equations.sums, 1.0)
    for cutoff in TUKEY_CUTOFFS:
        fit = _reweighed(equations, fit.translation, cutoff)
    return fit


def _reweighed(equations: _Equations, translation: Vector, cutoff: float) -> _Fit:
    """Solve again, with less weight for the joints that do not agree with a position."""
    _, chi2, precision = _residuals(equations, translation)
    # Scaled by the median, so that many bad keypoints do not make the good ones look bad; joints left out sort first.
    median = sorted(chi2.tolist())[(len(chi2) + equations.missing) // 2] / CHI2_2_MEDIAN
    robust = np.maximum(1.0 - chi2 * (1.0 / (cutoff * max(1.0, median))), 0.0)
    sums = _sums(equations.terms, precision * robust * robust)
    return _Fit(_solved(sums, equations.pixel_sigma**2 * min(1.0, median)), sums, median)


def _residuals(equations: _Equations, translation: Vector) -> tuple[FloatArray, FloatArray, FloatArray]:
    """How far the joints are from their keypoints' rays: squared, square metres; the same in sigmas (chi-square); the inverse variance."""
    tx, ty, tz = translation
    sigma = equations.pixel_sigma
    rows = RESIDUAL_ROWS.copy()
    rows[0, ONE], rows[0, A] = -tx, tz
    rows[1, ONE], rows[1, B] = -ty, tz
    rows[2, ONE], rows[2, Z] = sigma * tz, sigma
    ex, ey, pixel_variance = rows.dot(equations.terms[:LINEAR]) ** 2
    squared = ex + ey
    precision = equations.usable / (pixel_variance + equations.joint_variance)
    return squared, precision * squared, precision


def _solved(sums: Sums, noise: float = 0.0) -> Vector:
    """The wrist's position from the normal equations.

    Args:
        noise: variance of a and b. Their squares in the sums are that much too large, which would pull a small (distant) hand
            towards the camera; it is taken out again.
    """
    if not sums.one > 0:
        raise PlacementError("no two joints agree on a position")
    one, a, b, p, q, z, radius, product = sums
    radius -= 2 * noise * one
    product -= 2 * noise * z
    # With tx and ty eliminated, what is left is the keypoints' spread about their centre.
    spread = radius - (a * a + b * b) / one
    if not spread > LEAST_SPREAD * one:
        raise PlacementError("all keypoints lie in one place")
    tz = ((a * p + b * q) / one - product) / spread
    return (p + tz * a) / one, (q + tz * b) / one, tz


def _judged(equations: _Equations, fit: _Fit, focal_px: float, size_relative_sigma: float) -> Placement:
    """Whether the joints agree on the position, and how well."""
    squared, chi2, _ = _residuals(equations, fit.translation)
    inliers = chi2 < INLIER_CHI2
    if equations.missing:
        inliers &= equations.usable > 0
    count = int(np.count_nonzero(inliers))
    if count < MIN_JOINTS:
        raise PlacementError(f"only {count} of {len(chi2)} joints agree on a position")
    wrist_depth = fit.translation[2]
    depth = equations.terms[Z] + wrist_depth
    if min(wrist_depth, least(depth)) < MIN_DEPTH_M:
        if wrist_depth < MIN_DEPTH_M or (inliers & (depth < MIN_DEPTH_M)).any():
            raise PlacementError(f"the hand would lie at depth {wrist_depth:.3g} m, behind or inside the camera")
        depth = np.maximum(depth, MIN_DEPTH_M)  # an outlier's may be anything
    residual_px = focal_px * math.sqrt(float((squared / (depth * depth)).dot(inliers)) / count)
    excess = float(chi2.dot(inliers)) / (2 * count - 3) / EXCESS_CHI2
    # The median is the scale that outliers hardly reach: where it is high, some of them are near enough to have pulled.
    noise_scale = TUKEY_VARIANCE * max(1.0, fit.median, excess)
    return Placement(np.array(fit.translation), _covariance(fit, noise_scale, size_relative_sigma**2), residual_px, inliers)


def _covariance(fit: _Fit, noise_scale: float, size_variance: float) -> FloatArray:
    """(3, 3): the inverse of the normal equations, plus what the hand's unknown size adds along the wrist's own ray.

    The inverse is round by 1 / (sum of weights), and long along the keypoints' mean ray by their spread. A hand (1 + e) times as
    large fits the same picture (1 + e) times as far away: the size's part is exactly e times the translation.
    """
    sums, (x, y, z) = fit.sums, fit.translation
    a, b = sums.a / sums.one, sums.b / sums.one
    across = noise_scale / sums.one
    along = noise_scale / (sums.radius - a * sums.a - b * sums.b)
    xx = across + along * a * a + size_variance * x * x
    yy = across + along * b * b + size_variance * y * y
    zz = along + size_variance * z * z
    xy = along * a * b + size_variance * x * y
    xz = along * a + size_variance * x * z
    yz = along * b + size_variance * y * z
    # Written out: numpy's outer products take longer than the whole of the rest.
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
