"""Lens models: how a lens bends rays, and how to undo it.

All work on normalized coordinates (N, 2): x/z and y/z of a ray that the lens has not bent yet, and what it makes of them; the camera
matrix takes the latter to pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import cv2
import numpy as np

from handmesh_ros.errors import HandmeshError
from handmesh_ros.hand import FloatArray

# Far below a pixel in any camera: 1e-10 is 1e-6 px at a focal length of 10 000 px. A root farther off than LARGEST_ERROR is none.
UNDISTORT_CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-10)
TOLERANCE = 1e-10
LARGEST_ERROR = 1e-6
NEWTON_STEPS = 10
LARGEST_FIRST_ANGLE = 1.5  # where Newton's method for a fisheye begins, at most: just inside a right angle


class Lens(Protocol):
    """What a camera needs of a lens."""

    def distort(self, normalized: FloatArray) -> FloatArray:
        """Rays (N, 2) as the lens bends them."""
        ...

    def undistort(self, bent: FloatArray) -> FloatArray:
        """The rays (N, 2) that the lens bends to these; NaN where there is none."""
        ...


class Pinhole:
    """No lens: nothing is bent."""

    def distort(self, normalized: FloatArray) -> FloatArray:
        return normalized

    def undistort(self, bent: FloatArray) -> FloatArray:
        return bent


@dataclass(frozen=True, eq=False)
class Polynomial:
    """OpenCV's model with radial, tangential, rational, prism and tilt terms; ROS's plumb_bob and rational_polynomial.

    Attributes:
        coefficients: (n,) in OpenCV's order.
    """

    COEFFICIENT_COUNTS: ClassVar[tuple[int, ...]] = (0, 4, 5, 8, 12, 14)  # what OpenCV accepts
    coefficients: FloatArray

    def distort(self, normalized: FloatArray) -> FloatArray:
        return self._distorted(normalized)[0] if len(normalized) else normalized

    def undistort(self, bent: FloatArray) -> FloatArray:
        """OpenCV's fixed-point iteration, and Newton's method on OpenCV's own projection where that has not converged."""
        if not len(bent):
            return bent
        fixed_point = cv2.undistortPointsIter(bent[:, None], np.eye(3), self.coefficients, np.eye(3), np.eye(3), UNDISTORT_CRITERIA)
        fixed_point = np.asarray(fixed_point, float).reshape(-1, 2)
        guess: FloatArray = np.where(np.isfinite(fixed_point), fixed_point, bent)
        for step in range(NEWTON_STEPS):
            distorted, jacobian = self._distorted(guess)
            residual = bent - distorted
            error = np.abs(residual).max(axis=1)
            (a, b), (c, d) = jacobian.transpose(1, 2, 0)
            determinant = a * d - b * c
            if (error < TOLERANCE).all() or step == NEWTON_STEPS - 1:
                break
            inverse = np.array([[d, -b], [-c, a]]) / np.where(determinant == 0, 1, determinant)
            guess = guess + np.einsum("ijn,nj->ni", inverse, residual)
        # Folded-back roots are bent to the same place too, but the lens never sees them: where it turns back, the determinant is negative,
        # and on the axis's other side, where it mirrors, the trace is.
        guess[~((error < LARGEST_ERROR) & (determinant > 0) & (a + d > 0))] = np.nan
        return guess

    def _distorted(self, normalized: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Bent rays (N, 2) and their derivative (N, 2, 2) by the rays."""
        points = np.column_stack([normalized, np.ones(len(normalized))])
        bent, jacobian = cv2.projectPoints(points, np.zeros(3), np.zeros(3), np.eye(3), self.coefficients)
        # At depth 1 a shift of the camera is a shift of the normalized coordinates: columns 3 and 4 are the translation's.
        derivative = np.asarray(jacobian, float).reshape(-1, 2, jacobian.shape[1])[:, :, 3:5]
        return np.asarray(bent, float).reshape(-1, 2), derivative


@dataclass(frozen=True, eq=False)
class Fisheye:
    """OpenCV's fisheye model, ROS's equidistant: the angle to the axis is bent by an odd polynomial (Kannala and Brandt 2006).

    Attributes:
        coefficients: (4,), of the angle's 3rd, 5th, 7th and 9th power.
    """

    COEFFICIENT_COUNTS: ClassVar[tuple[int, ...]] = (0, 4)
    coefficients: FloatArray

    def distort(self, normalized: FloatArray) -> FloatArray:
        radius = np.linalg.norm(normalized, axis=1)
        bent, _ = self._bent_angle(np.arctan(radius))
        distorted: FloatArray = normalized * np.divide(bent, radius, out=np.ones_like(radius), where=radius > 1e-12)[:, None]
        return distorted

    def undistort(self, bent: FloatArray) -> FloatArray:
        """By Newton's method on the angle."""
        wanted = np.linalg.norm(bent, axis=1)
        angle = np.minimum(wanted, LARGEST_FIRST_ANGLE)
        for _ in range(NEWTON_STEPS):
            value, slope = self._bent_angle(angle)
            if np.abs(value - wanted).max(initial=0) < 1e-12:
                break
            angle = angle + (wanted - value) / np.where(np.abs(slope) > 1e-9, slope, 1e-9)
        found = (np.abs(value - wanted) < 1e-9) & (slope > 0) & (angle >= 0) & (angle < math.pi / 2)
        radius = np.where(found, np.tan(np.where(found, angle, 0)), np.nan)
        normalized: FloatArray = bent * np.divide(radius, wanted, out=np.ones_like(wanted), where=wanted > 1e-12)[:, None]
        return normalized

    def _bent_angle(self, angle: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The bent angle and its derivative."""
        k, t = self.coefficients, angle * angle
        value = angle * (1 + t * (k[0] + t * (k[1] + t * (k[2] + t * k[3]))))
        slope = 1 + t * (3 * k[0] + t * (5 * k[1] + t * (7 * k[2] + t * 9 * k[3])))
        return value, slope


# By the names of sensor_msgs/CameraInfo.
LENSES: dict[str, type[Polynomial] | type[Fisheye]] = {
    "plumb_bob": Polynomial,
    "rational_polynomial": Polynomial,
    "equidistant": Fisheye,
}
# Those of other programs (OpenCV, Kalibr, librealsense, COLMAP, drivers), in small letters with _ for blanks.
OTHER_NAMES = {
    "": "plumb_bob", "radtan": "plumb_bob", "radial_tangential": "plumb_bob", "brown_conrady": "plumb_bob", "brown": "plumb_bob",
    "opencv": "plumb_bob", "polynomial": "plumb_bob",
    "rational": "rational_polynomial", "full_opencv": "rational_polynomial",
    "fisheye": "equidistant", "opencv_fisheye": "equidistant", "equi": "equidistant", "kannala_brandt": "equidistant",
    "kannala_brandt4": "equidistant", "kb4": "equidistant",
}  # fmt: skip
NO_DISTORTION = ("none", "pinhole", "perspective", "no_distortion")


class LensError(HandmeshError, ValueError):
    """A description of a lens that cannot be used; the message says what is wrong."""


def in_ros_terms(model: str, coefficients: FloatArray) -> tuple[str, FloatArray]:
    """A distortion as people and programs describe it, by ROS's name and with as many coefficients as OpenCV takes (none: a pinhole).

    Raises:
        LensError: an unknown model, or coefficients that are none of it.
    """
    used = np.trim_zeros(coefficients, "b")
    if not used.size:
        return "plumb_bob", used  # without distortion a driver may call the model anything
    written = "_".join(model.lower().replace("-", " ").replace("_", " ").split())
    name = OTHER_NAMES.get(written, written)
    if name in NO_DISTORTION:
        raise LensError(f"the distortion model is '{model}', but there are coefficients: {coefficients.tolist()}; one of the two is wrong")
    if name not in LENSES:
        raise LensError(f"unknown distortion model '{model}'; known are {', '.join(LENSES)}, {', '.join(filter(None, OTHER_NAMES))}")
    counts = LENSES[name].COEFFICIENT_COUNTS
    if coefficients.size in counts:
        return name, coefficients
    enough = [count for count in counts if count >= used.size]
    if not enough or (LENSES[name] is Polynomial and used.size == coefficients.size == 3):  # k1, k2 and: k3 or p1?
        raise LensError(f"the distortion has {coefficients.size} coefficients; '{model}' takes one of {counts[1:]}")
    return name, np.pad(used, (0, enough[0] - used.size))
