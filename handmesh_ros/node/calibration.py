"""The service ~/calibrate_hand_size: a ruler's number, or a known distance, to the hand size that the node works with."""

from __future__ import annotations

import math
from collections.abc import Sequence

from handmesh_ros.hand import WRIST, Hand, Side, TrackState
from handmesh_ros.msg import Hand as HandMessage
from handmesh_ros.perception.hand_size import HandSizeError, HandSizes
from handmesh_ros.srv import CalibrateHandSize

SIDES = {HandMessage.SIDE_UNKNOWN: None, HandMessage.SIDE_LEFT: Side.LEFT, HandMessage.SIDE_RIGHT: Side.RIGHT}


def calibrate_hand_size(
    sizes: HandSizes,
    seen: Sequence[Hand],
    configured_m: float,
    request: CalibrateHandSize.Request,
    response: CalibrateHandSize.Response,
) -> CalibrateHandSize.Response:
    """Carry the request out on ``sizes`` and say what was done.

    Args:
        seen: the unsmoothed hands of the last frame.
        configured_m: the parameter hand_size_m, 0 where unknown.
    """
    try:
        response.message = _calibrate(sizes, seen, configured_m, request)
        response.success = True
    except HandSizeError as error:
        response.success, response.message = False, str(error)
    response.size_m = sizes.of(SIDES.get(request.side) or Side.RIGHT).size_m
    return response


def _calibrate(sizes: HandSizes, seen: Sequence[Hand], configured_m: float, request: CalibrateHandSize.Request) -> str:
    if request.side not in SIDES:
        raise HandSizeError(f"side {request.side} is none of Hand.SIDE_UNKNOWN (0: both), SIDE_LEFT (1), SIDE_RIGHT (2)")
    side = SIDES[request.side]
    size_m, distance_m = request.size_m, request.distance_m
    if not (math.isfinite(size_m) and math.isfinite(distance_m) and size_m >= 0 and distance_m >= 0) or (size_m and distance_m):
        raise HandSizeError("give either size_m or distance_m, a positive number of metres; both 0 returns to the configured size")
    whose = f"the {side.value} hand" if side else "both hands"
    if size_m:
        sizes.set(size_m, side)
        return f"{whose}: {1000 * size_m:.1f} mm from wrist to middle finger's mcp, as given"
    if distance_m:
        hand = _measured_hand(seen, side)
        found = sizes.observe_depth(hand.side, hand.size_m, float(hand.joints[WRIST, 2]), distance_m)
        return f"the {hand.side.value} hand: {1000 * found.size_m:.1f} mm, plus or minus {1000 * found.size_m * found.relative_sigma:.1f}"
    sizes.reset(side)
    if configured_m > 0:
        sizes.set(configured_m, side)
    return f"{whose}: back to the configured size"


def _measured_hand(seen: Sequence[Hand], side: Side | None) -> Hand:
    candidates = [hand for hand in seen if hand.state is TrackState.TRACKING and side in (None, hand.side)]
    if len(candidates) != 1:
        wanted = f"{side.value} hand" if side else "hand (name the side where two are seen)"
        raise HandSizeError(f"{len(candidates)} hands fit: show exactly one {wanted}, held still at the distance given")
    if not candidates[0].metric:
        raise HandSizeError("the camera is not calibrated: a distance tells nothing about the size then; give size_m")
    return candidates[0]
