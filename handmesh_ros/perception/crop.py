"""The region of interest of one hand: a rotated, perhaps mirrored, square of the image, and the patch cut out of it.

Fractions of the patch run from (0, 0), its upper left corner, to (1, 1); patch pixel i covers i/S to (i+1)/S. Image pixels are
OpenCV's and ROS's: the centre of the first pixel is (0, 0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from handmesh_ros.errors import HandmeshError
from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.frames import viewing_ray_rotation

MIN_SIZE_PX = 2.0
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


class CropError(HandmeshError, ValueError):
    """There is no usable region: not finite, no size, or a frame that is no picture."""


@dataclass(frozen=True, eq=False)
class CropRegion:
    """A square of the image.

    Attributes:
        center: (2,) pixels.
        size: side of the square, pixels.
        angle: how far the patch's up axis is turned on the screen, clockwise positive, radians.
        mirror: the patch shows the square mirrored left to right (a left hand then looks like a right one).

    Raises:
        CropError: centre, size or angle not finite, or a size below 2 pixels.
    """

    center: FloatArray
    size: float
    angle: float = 0.0
    mirror: bool = False

    def __post_init__(self) -> None:
        center = np.array(self.center, float).reshape(-1)
        if center.size != 2 or not math.isfinite(center[0] + center[1] + self.size + self.angle):
            raise CropError(f"the region is not finite: centre {center}, size {self.size}, angle {self.angle}")
        if self.size < MIN_SIZE_PX:
            raise CropError(f"the region is {self.size:.3g} px wide; at least {MIN_SIZE_PX:g} px are needed to see a hand")
        object.__setattr__(self, "center", center)

    @cached_property
    def axes(self) -> FloatArray:
        """(2, 2), columns: the patch's x and y axis in the image, unit length; a reflection where the patch is mirrored."""
        return patch_axes(self.angle, self.mirror)

    def matrix(self, patch_size: int) -> FloatArray:
        """(2, 3) affine map, image pixels to patch pixels (centre of the first pixel (0, 0) in both)."""
        affine = np.empty((2, 3))
        affine[:, :2] = linear = self.axes.T * (patch_size / self.size)
        affine[:, 2] = (patch_size - 1) / 2 - linear @ self.center
        return affine

    def to_image(self, fractions: FloatArray) -> FloatArray:
        """Fractions of the patch (N, 2) to pixels of the full image (N, 2)."""
        pixels: FloatArray = (np.asarray(fractions, float) - 0.5).dot(self.axes.T * self.size) + self.center
        return pixels

    def to_patch(self, pixels: FloatArray) -> FloatArray:
        """Pixels of the full image (N, 2) to fractions of the patch (N, 2)."""
        return (np.asarray(pixels, float) - self.center) @ (self.axes / self.size) + 0.5

    def axes_in_camera(self, camera: Camera, ray: FloatArray | None = None) -> FloatArray:
        """(3, 3): points in crop axes to camera axes, ``p_camera = axes @ p_crop``; a reflection where the patch is mirrored.

        A hand off the optical axis is seen turned by its viewing ray; a network that sees only the patch cannot know that, so
        its answer is turned back: mirror, then roll, then the turn that takes the optical axis to the ray through the centre.

        Args:
            ray: (2,) the centre as ``camera.normalize`` gives it, for callers that have it already.
        """
        if ray is None:
            ray = camera.normalize(self.center[None])[0]
        if not math.isfinite(sum(ray.tolist())):  # a centre so far outside that the distortion has no inverse there
            ray = (self.center - camera.K[:2, 2]) / camera.K[[0, 1], [0, 1]]
        axes = viewing_ray_rotation(ray)
        axes[:, :2] = axes[:, :2].dot(self.axes)
        return axes


def check_picture(frame_rgb: np.ndarray) -> None:
    """Refuse what is no picture.

    Raises:
        CropError: not uint8, not (H, W, 3), or empty.
    """
    if frame_rgb.ndim != 3 or frame_rgb.shape[2] != 3 or frame_rgb.dtype != np.uint8 or not frame_rgb.size:
        raise CropError(f"a frame must be a uint8 RGB array (height, width, 3), not empty; this one is {frame_rgb.dtype} {frame_rgb.shape}")


def extract_patch(frame_rgb: np.ndarray, region: CropRegion, patch_size: int, out: FloatArray | None = None) -> FloatArray:
    """Cut the region out of the frame.

    Args:
        frame_rgb: uint8 (H, W, 3).
        out: float32 (1, 3, S, S) to write into, for callers that process one patch at a time.

    Returns:
        float32 (1, 3, S, S), RGB 0..1; black where the region reaches over the border.

    Raises:
        CropError: the frame is no uint8 RGB picture, or an empty one.
    """
    check_picture(frame_rgb)
    if out is None:
        out = np.empty((1, 3, patch_size, patch_size), np.float32)
    matrix = region.matrix(patch_size)
    factor = int(region.size / patch_size)
    if factor > 1:
        frame_rgb, matrix = _shrunk(frame_rgb, region, matrix, factor)
    patch = cv2.warpAffine(frame_rgb, matrix, (patch_size, patch_size), flags=cv2.INTER_LINEAR)
    for channel, plane in enumerate(cv2.split(patch)):  # nearly twice as fast as one strided multiplication
        np.multiply(plane, np.float32(1 / 255), out=out[0, channel])
    return out


def _shrunk(frame: np.ndarray, region: CropRegion, matrix: FloatArray, factor: int) -> tuple[np.ndarray, FloatArray]:
    """The part of the frame around the region with blocks of ``factor`` by ``factor`` pixels averaged, and its map to the patch.

    Sampling a region twice as large as the patch, or larger, would skip pixels: edges would flicker from frame to frame, and the
    network's answer with them.
    """
    corners = region.to_image(CORNERS)
    # On a grid that stays where it is when the region moves; a block more on every side for the interpolation.
    first = np.maximum(np.floor(corners.min(axis=0) / factor).astype(int) - 1, 0)
    last = np.minimum(np.ceil(corners.max(axis=0) / factor).astype(int) + 2, np.array(frame.shape[1::-1]) // factor)
    if (first >= last).any():
        return frame, matrix  # nothing of the region is in the frame
    (x0, y0), (x1, y1) = (first * factor).tolist(), (last * factor).tolist()
    small = cv2.resize(frame[y0:y1, x0:x1], (last - first).tolist(), interpolation=cv2.INTER_AREA)
    linear = matrix[:, :2]
    origin = np.array([x0, y0]) + (factor - 1) / 2  # the middle of the first block
    return small, np.column_stack((factor * linear, matrix[:, 2] + linear @ origin))


def patch_axes(angle: float, mirror: bool = False) -> FloatArray:
    """(2, 2), columns: the x and y axis, in the image, of a patch turned by ``angle``; a reflection where it is mirrored."""
    c, s = math.cos(angle), math.sin(angle)
    flip = -1.0 if mirror else 1.0
    return np.array([[flip * c, -s], [flip * s, c]])


def up_angle(x: float, y: float) -> float:
    """Clockwise angle on the screen from up (0, -1) to a direction in pixels."""
    return math.atan2(x, -y)
