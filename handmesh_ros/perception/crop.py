"""The region of interest of one hand: a rotated, perhaps mirrored, square of the image, and the patch cut out of it.

Fractions of the patch run from (0, 0), its upper left corner, to (1, 1); patch pixel i covers i/S to (i+1)/S. Image pixels are
OpenCV's and ROS's: the centre of the first pixel is (0, 0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from handmesh_ros.errors import HandmeshError
from handmesh_ros.hand import INDEX_MCP, JOINT_COUNT, MIDDLE_MCP, RING_MCP, WRIST, FloatArray
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.frames import viewing_ray_rotation

if TYPE_CHECKING:
    from handmesh_ros.perception.detect import PalmDetection

# MediaPipe's palm rule: hand_detector_to_hand_landmark's RectTransformation.
PALM_SCALE = 2.6
PALM_SHIFT = -0.5
PALM_WRIST, PALM_MIDDLE_MCP = 0, 2

# The joints whose box a "palm" crop is made from, and how far it is moved towards the fingers, in box heights: fingertips move
# the square less, and open and closed hands fill it alike. (Source: mediapipe's hand_landmarks_to_rect.)
PALM_BOX_JOINTS = np.array([0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18])
PALM_BOX_SHIFT = -0.1
CROP_BOXES = ("hand", "palm")

# Weights of the keypoints (21,) in the direction that counts as up: wrist -> (index mcp + 2 middle mcp + ring mcp) / 4.
UP_WEIGHTS = np.zeros(JOINT_COUNT)
UP_WEIGHTS[[WRIST, INDEX_MCP, MIDDLE_MCP, RING_MCP]] = -1, 0.25, 0.5, 0.25
# Below this length, in spreads of the keypoints, wrist -> mcps no longer says which way is up (the hand points at the camera).
SHORT_DIRECTION = 1.0

# Of what a region's angle and size change from one frame to the next, so much is held back; unless the hand moved so far (centre,
# in sides of the region), turned (radians) or grew or shrank (log) so much that the next crop must have it all.
HELD_BACK = 0.5
LEAP_SHIFT, LEAP_ANGLE, LEAP_ZOOM = 0.2, 0.3, 0.25

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
        return _axes(self.angle, self.mirror)

    def matrix(self, patch_size: int) -> FloatArray:
        """(2, 3) affine map, image pixels to patch pixels (centre of the first pixel (0, 0) in both)."""
        affine = np.empty((2, 3))
        affine[:, :2] = linear = self.axes.T * (patch_size / self.size)
        affine[:, 2] = (patch_size - 1) / 2 - linear @ self.center
        return affine

    def to_image(self, fractions: FloatArray) -> FloatArray:
        """Fractions of the patch (N, 2) to pixels of the full image (N, 2)."""
        return (np.asarray(fractions, float) - 0.5).dot(self.axes.T * self.size) + self.center

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

    def visible_share(self, width: int, height: int) -> float:
        """Roughly how much of the region lies inside the image, 0 to 1 (on an 8 x 8 grid of points)."""
        steps = (np.arange(8) + 0.5) / 8
        pixels = self.to_image(np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2))
        return float(((pixels > -0.5) & (pixels < (width - 0.5, height - 0.5))).all(axis=1).mean())


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
    if frame_rgb.ndim != 3 or frame_rgb.shape[2] != 3 or frame_rgb.dtype != np.uint8 or not frame_rgb.size:
        raise CropError(f"the frame is {frame_rgb.dtype} {frame_rgb.shape}, expected uint8 (height, width, 3), not empty")
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


def region_from_keypoints(
    keypoints: FloatArray, crop_scale: float, mirror: bool = False, previous: CropRegion | None = None, box: str = "hand"
) -> CropRegion:
    """The upright square around 21 keypoints (21, 2), in pixels.

    Up is wrist -> (index mcp + 2 middle mcp + ring mcp) / 4: within two degrees of wrist -> middle mcp on an open hand, and
    steadier. Where the hand points at the camera that direction has no length; it is then drawn towards the up axis of
    ``previous`` (the image's own up without one), so that the crop does not spin. The square's side is ``crop_scale`` times the
    longer side of a tight box in the turned axes, its centre is the box's. The box is that of the "hand", all keypoints, or of the
    "palm", wrist to middle joints, moved a tenth of its height towards the fingers: what the network was trained with.

    Raises:
        CropError: keypoints not finite, or all in one place.
    """
    keypoints = np.asarray(keypoints, float)
    if keypoints.shape != (JOINT_COUNT, 2) or not np.isfinite(keypoints).all():
        raise CropError(f"keypoints must be finite and ({JOINT_COUNT}, 2), got {keypoints.shape}")
    x, y = (UP_WEIGHTS @ keypoints).tolist()
    about_mean = keypoints - keypoints.sum(axis=0) / JOINT_COUNT
    spread = math.sqrt(float(np.vdot(about_mean, about_mean)) / JOINT_COUNT)
    hint = previous.angle if previous is not None else 0.0
    missing = max(0.0, SHORT_DIRECTION * spread - math.hypot(x, y))
    angle = _up_angle(x + missing * math.sin(hint), y - missing * math.cos(hint))

    upright = _axes(angle)
    turned = (keypoints if box == "hand" else keypoints[PALM_BOX_JOINTS]) @ upright
    low, high = turned.min(axis=0), turned.max(axis=0)
    center = (low + high) / 2
    if box == "palm":
        center[1] += PALM_BOX_SHIFT * (high[1] - low[1])
    return CropRegion(upright @ center, crop_scale * float((high - low).max()), angle, mirror)


def steadied(region: CropRegion, previous: CropRegion | None) -> CropRegion:
    """The next frame's region with less of the tremble that the last frame's keypoints gave it.

    A network sees a trembling crop as a trembling hand: its error differs with every turn and size of the patch. The centre is not
    held back, the hand would slip out of the patch.
    """
    if previous is None or previous.mirror is not region.mirror:
        return region
    turn = math.remainder(region.angle - previous.angle, math.tau)
    zoom = math.log(region.size / previous.size)
    shift = math.dist(region.center, previous.center) / region.size
    if abs(turn) > LEAP_ANGLE or abs(zoom) > LEAP_ZOOM or shift > LEAP_SHIFT:
        return region
    return replace(region, angle=region.angle - HELD_BACK * turn, size=region.size * math.exp(-HELD_BACK * zoom))


def region_from_palm(palm: PalmDetection, mirror: bool = False) -> CropRegion:
    """MediaPipe's square around the whole hand, from its palm detection.

    Upright by wrist -> middle mcp, moved half a box height towards the fingers, 2.6 times the box's longer side.
    (Source: mediapipe/modules/hand_landmark/palm_detection_detection_to_roi.pbtxt.)

    Raises:
        CropError: the box is not finite or has no size.
    """
    x0, y0, x1, y1 = (float(value) for value in palm.box)
    angle = _up_angle(*(palm.keypoints[PALM_MIDDLE_MCP] - palm.keypoints[PALM_WRIST]).tolist())
    shift = PALM_SHIFT * (y1 - y0) * np.array([-math.sin(angle), math.cos(angle)])
    center = np.array([(x0 + x1) / 2, (y0 + y1) / 2]) + shift
    return CropRegion(center, PALM_SCALE * max(x1 - x0, y1 - y0), angle, mirror)


def _axes(angle: float, mirror: bool = False) -> FloatArray:
    """(2, 2), columns: the x and y axis, in the image, of a patch turned by ``angle``; a reflection where it is mirrored."""
    c, s = math.cos(angle), math.sin(angle)
    flip = -1.0 if mirror else 1.0
    return np.array([[flip * c, -s], [flip * s, c]])


def _up_angle(x: float, y: float) -> float:
    """Clockwise angle on the screen from up (0, -1) to a direction in pixels."""
    return math.atan2(x, -y)
