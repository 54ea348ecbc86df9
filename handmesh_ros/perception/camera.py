"""The pinhole camera: K, distortion, region of interest and binning; points to pixels and back.

Pixel coordinates are OpenCV's and ROS's: the centre of the first pixel is (0, 0). Points are in the camera's optical frame
(x right, y down, z forward), in metres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from handmesh_ros.errors import HandmeshError
from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.camera_info_file import EXPECTED, read_camera_info
from handmesh_ros.perception.lens import LENSES, Lens, LensError, Pinhole, in_ros_terms
from handmesh_ros.yaml_files import YamlFileError

# Of the picture's longer side: views of 0.6 and of 178 degrees.
LEAST_FOCAL, LARGEST_FOCAL = 0.01, 100.0
FARTHEST_CENTER = 100.0  # sizes of the picture: a small region of interest lies far from the axis
# How many times farther from the axis a ray may be than it seems, halfway to the picture's edge, or nearer. Chosen by hand: a fisheye
# of 180 degrees is at 1.3 there.
LARGEST_BENDING = 10.0


class CameraError(HandmeshError, ValueError):
    """The camera's description cannot be used; the message says what is wrong and what to do."""


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera as one image sees it.

    Attributes:
        width, height: of the image, pixels.
        K: (3, 3) float64 camera matrix, pixels.
        distortion: (n,) coefficients in OpenCV's order; n in 0, 4, 5, 8, 12, 14, or 0, 4 for a fisheye. Zeros at the end may be
            missing or too many.
        calibrated: False where K is a guess: then distances are guesses too.
        distortion_model: by ROS's name, "plumb_bob", "rational_polynomial" or "equidistant" (a fisheye), or by another that is known
            (lens.py); becomes ROS's. Without distortion any will do.
        lens: what the last two say.

    Raises:
        CameraError: a size that is not positive, a K that is not finite, has no focal length or is none of such a picture, an unknown
            distortion model, a wrong number of coefficients, or such as no lens has.
    """

    width: int
    height: int
    K: FloatArray
    distortion: FloatArray = field(default_factory=lambda: np.zeros(0))
    calibrated: bool = True
    distortion_model: str = "plumb_bob"
    lens: Lens = field(init=False)

    def __post_init__(self) -> None:
        matrix = _finite_array(self.K, "K").reshape(-1)
        distortion = _finite_array(self.distortion, "the distortion").reshape(-1)
        if self.width <= 0 or self.height <= 0:
            raise CameraError(f"the image is {self.width} x {self.height} pixels; both must be positive")
        if matrix.size != 9:
            raise CameraError(f"K has {matrix.size} numbers, expected 9 (3 x 3)")
        if matrix[[3, 6, 7]].any():
            raise CameraError(f"K is {matrix.tolist()}: expected fx, skew, cx, 0, fy, cy, 0, 0, 1; is it written column by column?")
        if matrix[0] <= 0 or matrix[4] <= 0:
            raise CameraError(
                f"K has the focal lengths {matrix[0]:g} and {matrix[4]:g}: the camera is not calibrated. Calibrate it "
                "(ros2 run camera_calibration cameracalibrator) or give a horizontal field of view instead"
            )
        try:
            model, distortion = in_ros_terms(self.distortion_model, distortion)
        except LensError as error:
            raise CameraError(str(error)) from error
        object.__setattr__(self, "width", int(self.width))
        object.__setattr__(self, "height", int(self.height))
        object.__setattr__(self, "K", matrix.reshape(3, 3))
        object.__setattr__(self, "distortion", distortion)
        object.__setattr__(self, "distortion_model", model)
        object.__setattr__(self, "lens", LENSES[model](distortion) if distortion.size else Pinhole())
        self._check_view()
        if distortion.size:
            self._check_bending()

    def _check_view(self) -> None:
        """K of another camera, or numbers that are no pixels: a hand would be placed kilometres away."""
        size = np.array([self.width, self.height])
        share = self._focal / size.max()
        if (share < LEAST_FOCAL).any() or (share > LARGEST_FOCAL).any():
            raise CameraError(
                f"K has the focal lengths {self._focal[0]:g} and {self._focal[1]:g}, as no picture of {self.width} x {self.height} pixels "
                f"has: that would be a view of {math.degrees(2 * math.atan(self.width / 2 / self._focal[0])):.2g} degrees"
            )
        if (np.abs(self._center - size / 2) > FARTHEST_CENTER * size).any() or abs(self._skew) > 1:
            raise CameraError(
                f"K is {self.K.reshape(-1).tolist()}: its centre or skew is none of a picture of {self.width} x {self.height}"
            )

    def _check_bending(self) -> None:
        """Coefficients of another model, or numbers that are none: they bend rays of the picture's middle as no lens does."""
        middle = np.array([self.width - 1, self.height - 1]) / 2
        pixels = middle + np.array([[-1, 0], [1, 0], [0, -1], [0, 1]]) * middle / 2
        bent = np.linalg.norm((pixels - self._center) / self._focal, axis=1)
        stretch = np.linalg.norm(self.normalize(pixels), axis=1) / np.maximum(bent, 1e-9)
        stretch = stretch[np.isfinite(stretch) & (bent > 1e-3)]
        if not stretch.size or stretch.min() < 1 / LARGEST_BENDING or stretch.max() > LARGEST_BENDING:
            raise CameraError(
                f"no lens bends rays as '{self.distortion_model}' with the coefficients {self.distortion.tolist()} does: "
                "are they of another model, or in another order?"
            )

    @cached_property
    def focal_px(self) -> float:
        """The geometric mean of both focal lengths, pixels."""
        return math.sqrt(self.K[0, 0] * self.K[1, 1])

    @cached_property
    def _focal(self) -> FloatArray:
        return self.K[[0, 1], [0, 1]]

    @cached_property
    def _center(self) -> FloatArray:
        return self.K[:2, 2].copy()

    @cached_property
    def _skew(self) -> float:
        return float(self.K[0, 1] / self.K[0, 0])

    @classmethod
    def from_hfov(cls, width: int, height: int, degrees: float) -> Camera:
        """A guess for an uncalibrated camera: square pixels, no distortion, the axis through the image's centre.

        Args:
            degrees: horizontal field of view, 1 to 175.
        """
        if not 1 <= degrees <= 175:
            raise CameraError(f"a horizontal field of view of {degrees} degrees; expected 1 to 175")
        focal = width / 2 / math.tan(math.radians(degrees) / 2)
        K = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
        return cls(width, height, K, calibrated=False)

    @classmethod
    def from_camera_info_fields(
        cls,
        width: int,
        height: int,
        k: Sequence[float],
        d: Sequence[float] = (),
        distortion_model: str = "plumb_bob",
        roi: Sequence[int] = (0, 0, 0, 0),
        binning: Sequence[int] = (0, 0),
        rectified_p: Sequence[float] | None = None,
    ) -> Camera:
        """The camera of a sensor_msgs/CameraInfo, as the image that comes with it sees it.

        Args:
            width, height: of the full sensor image that K was calibrated on, pixels.
            k: 9 numbers; d: distortion coefficients.
            roi: x_offset, y_offset, width, height of the part that the image shows, full-sensor pixels; width 0 means all.
            binning: pixels averaged into one, x and y; 0 means 1.
            rectified_p: the 12 numbers of P where the image is already rectified: then P holds and distortion is gone.

        Raises:
            CameraError: see the class; also a region of interest that lies outside the image.
        """
        if rectified_p is not None:
            k = _finite_array(rectified_p, "P").reshape(3, 4)[:, :3].reshape(-1).tolist()
            d = ()
        full = cls(width, height, np.asarray(k, float), np.asarray(d, float), True, distortion_model or "plumb_bob")
        x, y, roi_width, roi_height = (int(value) for value in roi)
        roi_width, roi_height = roi_width or full.width, roi_height or full.height
        if x < 0 or y < 0 or roi_width < 0 or roi_height < 0 or x >= full.width or y >= full.height:
            raise CameraError(f"the region of interest {tuple(roi)} lies outside the {width} x {height} image")
        bin_x, bin_y = max(1, int(binning[0])), max(1, int(binning[1]))
        K = full.K.copy()
        # As image_geometry does: cut first, then bin.
        K[:2, 2] -= (x, y)
        K[0] /= bin_x
        K[1] /= bin_y
        return cls(roi_width // bin_x, roi_height // bin_y, K, full.distortion, True, full.distortion_model)

    @classmethod
    def from_yaml(cls, path: str | Path) -> Camera:
        """Read a calibration file: camera_calibration's, OpenCV's, or a CameraInfo as ``ros2 topic echo --once`` prints it.

        Raises:
            CameraError: the file is missing, is none of these, or describes a camera that cannot be used.
        """
        try:
            fields = read_camera_info(path)
        except YamlFileError as error:
            raise CameraError(str(error)) from error
        try:
            return cls.from_camera_info_fields(**fields)
        except CameraError as error:
            raise CameraError(f"{path}: {error}") from error
        except (TypeError, ValueError, OverflowError) as error:
            raise CameraError(f"{path}: is no camera_info file ({error}); {EXPECTED}") from error

    def project(self, points: FloatArray) -> FloatArray:
        """Points (N, 3) in metres to pixels (N, 2), with distortion; NaN for points that are not in front of the camera."""
        points = np.asarray(points, float)
        depth = np.where(points[:, 2] > 0, points[:, 2], np.nan)
        return self.lens.distort(points[:, :2] / depth[:, None]) @ self.K[:2, :2].T + self.K[:2, 2]

    def normalize(self, pixels: FloatArray) -> FloatArray:
        """Pixels (N, 2) to undistorted (x/z, y/z) (N, 2); NaN where the distortion has no inverse (far outside the image)."""
        bent = (np.asarray(pixels, float) - self._center) / self._focal
        if self._skew:
            bent[:, 0] -= self._skew * bent[:, 1]
        return self.lens.undistort(bent)


def _finite_array(values: object, name: str) -> FloatArray:
    try:
        array = np.array(values, dtype=float)
    except (TypeError, ValueError):
        raise CameraError(f"{name} is not made of numbers: {values!r}") from None
    if not np.isfinite(array).all():
        raise CameraError(f"{name} holds NaN or infinity: {array.reshape(-1).tolist()}; check the camera's calibration file")
    return array
