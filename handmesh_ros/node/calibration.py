"""The service ~/calibrate_hand_size: a ruler's number, a known distance or a depth image, to the hand size that the node works with;
and the file that keeps it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sensor_msgs.msg import Image

from handmesh_ros.errors import HandmeshError
from handmesh_ros.files import user_path
from handmesh_ros.hand import WRIST, Hand, Side, TrackState
from handmesh_ros.messages.images import ImageError, depth_of_image
from handmesh_ros.messages.stamps import seconds_of
from handmesh_ros.msg import Hand as HandMessage
from handmesh_ros.node.depth_sizes import DEPTH_AGE_S
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.size.from_depth import size_from_depth
from handmesh_ros.perception.size.hand_size import LARGEST_M, SMALLEST_M, HandSizeError, HandSizes
from handmesh_ros.srv import CalibrateHandSize

RECENT_S = 1.0  # chosen by hand: for so long a hand is held still when one is asked to
SIDE_OF_REQUEST = {HandMessage.SIDE_UNKNOWN: None, HandMessage.SIDE_LEFT: Side.LEFT, HandMessage.SIDE_RIGHT: Side.RIGHT}


@dataclass(frozen=True)
class DepthView:
    """The latest depth image and the camera of the latest picture, None where there was none yet; ``topic`` as the user gave it."""

    topic: str
    image: Image | None
    camera: Camera | None


class RecentHands:
    """The hands of the last second, unsmoothed: their median is nearer to a distance than what one picture shows of it."""

    def __init__(self) -> None:
        self._frames: list[tuple[float, Sequence[Hand]]] = []

    def add(self, hands: Sequence[Hand], stamp_s: float) -> None:
        """Those of the next frame."""
        self._frames = [(then_s, seen) for then_s, seen in self._frames if 0.0 < stamp_s - then_s <= RECENT_S] + [(stamp_s, hands)]

    @property
    def last(self) -> Sequence[Hand]:
        """Those of the last frame."""
        return self._frames[-1][1] if self._frames else ()

    def distance_per_size(self, hand: Hand) -> float:
        """How many of its own sizes the hand was away, along z from lens to wrist: the median of the frames in which it was measured."""
        seen = [same for _, hands in self._frames for same in hands if same.track_id == hand.track_id and same.state is TrackState.TRACKING]
        return float(np.median([same.joints[WRIST, 2] / same.size_m for same in seen]))


def read_hand_sizes(sizes: HandSizes, path: str, configured_m: float) -> str | None:
    """Take the size that is configured, else those of the file, if there is one.

    Args:
        configured_m: the parameter hand_size_m, 0 where unknown.

    Returns: what is wrong with the file, or why it is not read.
    """
    if configured_m > 0:
        sizes.set(configured_m)
    try:
        if not path or not user_path(path).exists():
            return None
        if configured_m > 0:
            return f"hand_size_file {path} is not read: the parameter hand_size_m is {configured_m:g}; 0 would take the file's sizes"
        sizes.load(user_path(path))
    except (HandmeshError, OSError) as error:
        return f"hand_size_file is ignored: {error}"
    return None


def calibrate_hand_size(
    sizes: HandSizes,
    seen: RecentHands,
    configured_m: float,
    depth: DepthView | None,
    path: str,
    request: CalibrateHandSize.Request,
    response: CalibrateHandSize.Response,
) -> CalibrateHandSize.Response:
    """Carry the request out on ``sizes`` and say what was done.

    Args:
        seen: the hands up to the last frame.
        configured_m: the parameter hand_size_m, 0 where unknown.
        depth: where a depth topic is given: both sizes 0 then mean to measure the hand in it.
        path: of the file that the sizes are kept in; empty for none.
    """
    try:
        response.message = _calibrate(sizes, seen, configured_m, depth, request)
        response.success = True
    except (HandSizeError, ImageError) as error:
        response.success, response.message = False, str(error)
    if response.success and path:
        response.message += _kept(sizes, path)
    response.size_m = sizes.of(SIDE_OF_REQUEST.get(request.side) or Side.RIGHT).size_m
    return response


def _kept(sizes: HandSizes, path: str) -> str:
    """Write the file; what to add to the answer where that fails."""
    try:
        sizes.save(user_path(path))
    except OSError as error:
        return f"; not kept for the next start: {path} cannot be written ({error.strerror})"
    except HandmeshError as error:
        return f"; not kept for the next start: {error}"
    return ""


def _calibrate(
    sizes: HandSizes, seen: RecentHands, configured_m: float, depth: DepthView | None, request: CalibrateHandSize.Request
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
        hand = _measured_hand(seen.last, side)
        return _take(sizes, hand.side, distance_m / seen.distance_per_size(hand), f"at {distance_m:g} m")
    if depth is not None:
        hand = _measured_hand(seen.last, side)
        return _take(sizes, hand.side, _size_in(depth, hand), f"as {depth.topic} measures it")
    sizes.reset(side)
    if configured_m > 0:
        sizes.set(configured_m, side)
    return f"{whose}: back to the configured size"


def _take(sizes: HandSizes, side: Side, size_m: float, where: str) -> str:
    """Let the measured size replace what was known of that hand: an earlier one may have been a mistake that is now corrected."""
    if not SMALLEST_M <= size_m <= LARGEST_M:
        raise HandSizeError(
            f"{where} this hand would be {1000 * size_m:.0f} mm from wrist to middle finger's mcp, and hands are {1000 * SMALLEST_M:g} to "
            f"{1000 * LARGEST_M:g} mm: is the distance right, in metres from the lens to the wrist?"
        )
    sizes.reset(side)
    size = sizes.observe(side, size_m)
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
