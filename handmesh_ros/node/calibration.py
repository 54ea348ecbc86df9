"""The service ~/calibrate_hand_size: a ruler's number, a known distance or a depth image, to the hand size that the node works with;
and the file that keeps it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sensor_msgs.msg import Image

from handmesh_ros.hand import WRIST, Hand, Side, TrackState
from handmesh_ros.msg import Hand as HandMessage
from handmesh_ros.node.images import ImageError, depth_of_image
from handmesh_ros.node.messages import seconds_of
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.size.from_depth import size_from_depth
from handmesh_ros.perception.size.hand_size import HandSize, HandSizeError, HandSizes
from handmesh_ros.srv import CalibrateHandSize

DEPTH_AGE_S = 0.1  # depth image and picture further apart than this show the hand in two places
SIDE_OF_REQUEST = {HandMessage.SIDE_UNKNOWN: None, HandMessage.SIDE_LEFT: Side.LEFT, HandMessage.SIDE_RIGHT: Side.RIGHT}


@dataclass(frozen=True)
class DepthView:
    """The latest depth image and the camera of the latest picture, None where there was none yet; ``topic`` as the user gave it."""

    topic: str
    image: Image | None
    camera: Camera | None


def read_hand_sizes(sizes: HandSizes, path: str) -> str | None:
    """Take the sizes of the file, if there is one. Returns what is wrong with it: the sizes are then what they were."""
    try:
        if path and Path(path).expanduser().exists():
            sizes.load(Path(path).expanduser())
    except HandSizeError as error:
        return f"hand_size_file is ignored: {error}"
    return None


def calibrate_hand_size(
    sizes: HandSizes,
    seen: Sequence[Hand],
    configured_m: float,
    depth: DepthView | None,
    path: str,
    request: CalibrateHandSize.Request,
    response: CalibrateHandSize.Response,
) -> CalibrateHandSize.Response:
    """Carry the request out on ``sizes`` and say what was done.

    Args:
        seen: the unsmoothed hands of the last frame.
        configured_m: the parameter hand_size_m, 0 where unknown.
        depth: where a depth topic is given: both sizes 0 then mean to measure the hand in it.
        path: of the file that the sizes are kept in; empty for none.
    """
    try:
        response.message = _calibrate(sizes, seen, configured_m, depth, request)
        response.success = True
        if path:
            sizes.save(Path(path).expanduser())
    except (HandSizeError, ImageError) as error:
        response.success, response.message = False, str(error)
    except OSError as error:
        response.message += f"; not kept for the next start: {path} cannot be written ({error.strerror})"
    response.size_m = sizes.of(SIDE_OF_REQUEST.get(request.side) or Side.RIGHT).size_m
    return response


def _calibrate(
    sizes: HandSizes, seen: Sequence[Hand], configured_m: float, depth: DepthView | None, request: CalibrateHandSize.Request
) -> str:
    if request.side not in SIDE_OF_REQUEST:
        raise HandSizeError(f"side {request.side} is none of Hand.SIDE_UNKNOWN (0: both), SIDE_LEFT (1), SIDE_RIGHT (2)")
    side = SIDE_OF_REQUEST[request.side]
    size_m, distance_m = request.size_m, request.distance_m
    if not (math.isfinite(size_m) and math.isfinite(distance_m) and size_m >= 0 and distance_m >= 0) or (size_m and distance_m):
        raise HandSizeError(
            "give either size_m or distance_m, a positive number of metres; both 0 measures in the depth image where depth_topic is given, "
            "and else returns to the configured size"
        )
    whose = f"the {side.value} hand" if side else "both hands"
    if size_m:
        sizes.set(size_m, side)
        return f"{whose}: {1000 * size_m:.1f} mm from wrist to middle finger's mcp, as given"
    if distance_m:
        hand = _measured_hand(seen, side)
        found = sizes.observe_depth(hand.side, hand.size_m, float(hand.joints[WRIST, 2]), distance_m)
        return _found(hand.side, found)
    if depth is not None:
        hand = _measured_hand(seen, side)
        return _found(hand.side, sizes.observe(hand.side, _size_in(depth, hand)))
    sizes.reset(side)
    if configured_m > 0:
        sizes.set(configured_m, side)
    return f"{whose}: back to the configured size"


def _found(side: Side, size: HandSize) -> str:
    return f"the {side.value} hand: {1000 * size.size_m:.1f} mm, plus or minus {1000 * size.size_m * size.relative_sigma:.1f}"


def _size_in(depth: DepthView, hand: Hand) -> float:
    if depth.image is None or depth.camera is None:
        raise HandSizeError(f"no depth image has come on {depth.topic}: is it published, aligned to the colour image?")
    apart = abs(seconds_of(depth.image.header.stamp) - hand.stamp_s)
    if apart > DEPTH_AGE_S:
        raise HandSizeError(f"depth image and picture are {apart:.2f} s apart: their stamps must come from one clock")
    return size_from_depth(depth_of_image(depth.image), depth.camera, hand.vertices, hand.size_m).size_m


def _measured_hand(seen: Sequence[Hand], side: Side | None) -> Hand:
    candidates = [hand for hand in seen if hand.state is TrackState.TRACKING and side in (None, hand.side)]
    if len(candidates) != 1:
        wanted = f"{side.value} hand" if side else "hand (name the side where two are seen)"
        raise HandSizeError(f"{len(candidates)} hands fit: show exactly one {wanted}, held still")
    if not candidates[0].metric:
        raise HandSizeError("the camera is not calibrated: a distance tells nothing about the size then; give size_m")
    return candidates[0]
