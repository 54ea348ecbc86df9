"""Where to crop: the square around a hand from its keypoints, and how one frame's square follows from the last."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from handmesh_ros.hand import INDEX_MCP, JOINT_COUNT, MIDDLE_MCP, RING_MCP, WRIST, FloatArray
from handmesh_ros.perception.crop import CropError, CropRegion, patch_axes, up_angle

# The joints whose box a "palm" crop is made from, and how far it is moved towards the fingers, in box heights: fingertips move
# the square less, and open and closed hands fill it alike. (Source: mediapipe's hand_landmarks_to_rect.)
PALM_BOX_JOINTS = np.array([0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18])
PALM_BOX_SHIFT = -0.1
CROP_BOXES = ("hand", "palm")

# Below this length, in spreads of the keypoints, wrist -> mcps no longer says which way is up (the hand points at the camera). Chosen
# by hand: of 5249 real crops 99 % have more than 1.17, half have more than 1.74.
SHORT_DIRECTION = 1.0

# Of what a region's angle and size change from one frame to the next, so much is held back: on 300 frames of a real hand's video the
# raw joints' second difference (wrist-relative, mobrecon_lite) is 7.0 mm a frame with 0, 6.7 with 0.25, 6.5 with 0.5 and 6.8 with 0.75;
# the error on the demo clip stays at 10.5 mm. Unless the hand moved so far (centre, in sides of the region), turned (radians) or grew
# or shrank (log) so much that the next crop must have it all: chosen by hand.
HELD_BACK = 0.5
LEAP_SHIFT, LEAP_ANGLE, LEAP_ZOOM = 0.2, 0.3, 0.25


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
    knuckles = (keypoints[INDEX_MCP] + 2 * keypoints[MIDDLE_MCP] + keypoints[RING_MCP]) / 4
    x, y = (knuckles - keypoints[WRIST]).tolist()
    about_mean = keypoints - keypoints.sum(axis=0) / JOINT_COUNT
    spread = math.sqrt(float(np.vdot(about_mean, about_mean)) / JOINT_COUNT)
    hint = previous.angle if previous is not None else 0.0
    missing = max(0.0, SHORT_DIRECTION * spread - math.hypot(x, y))
    angle = up_angle(x + missing * math.sin(hint), y - missing * math.cos(hint))

    upright = patch_axes(angle)
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
