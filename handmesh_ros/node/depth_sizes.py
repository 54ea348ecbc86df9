"""Hand sizes learnt from depth images all the while: every distance is in proportion to the size, so this corrects them.

The median of many images counts, so a hole in the depth image, an object before the hand or a frame without depth moves nothing, which
putting the hand where each single image has it would.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sensor_msgs.msg import Image

from handmesh_ros.hand import Hand, Side, TrackState
from handmesh_ros.messages.images import depth_of_image
from handmesh_ros.messages.stamps import seconds_of
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.size.from_depth import size_from_depth
from handmesh_ros.perception.size.hand_size import HandSizeError, HandSizes

DEPTH_AGE_S = 0.1  # depth image and picture further apart than this show the hand in two places
# Chosen by hand: the depth image is looked at for a few milliseconds, and a hand's size does not change.
PAUSE_S = 0.2


class DepthSizes:
    """Learns while hands are followed. A new track may be another person's hand: what was known of its side is then forgotten."""

    def __init__(self) -> None:
        self._tracks: dict[Side, int] = {}
        self._last_s = -PAUSE_S

    def is_due(self, stamp_s: float) -> bool:
        """Whether the last look was long enough ago."""
        return not 0.0 <= stamp_s - self._last_s < PAUSE_S

    def learn(self, sizes: HandSizes, hands: Sequence[Hand], depth: Image, camera: Camera, held: Collection[Side] = ()) -> None:
        """Take what the depth image tells of the hands of one picture.

        Args:
            hands: unsmoothed, at most one a side.
            camera: of the picture, to which the depth image is aligned.
            held: sides whose size must not change now.

        Raises:
            HandSizeError, ImageError: the depth image cannot be used at all. That it does not show a hand well is no error.
        """
        pixels = depth_of_image(depth)
        if pixels.shape != (camera.height, camera.width):
            height, width = pixels.shape
            raise HandSizeError(f"the depth image is {width}x{height}, the picture {camera.width}x{camera.height}: align depth to colour")
        for hand in hands:
            usable = hand.state is TrackState.TRACKING and hand.metric and hand.side not in held
            if not usable or abs(seconds_of(depth.header.stamp) - hand.stamp_s) > DEPTH_AGE_S:
                continue
            self._last_s = hand.stamp_s
            try:
                found = size_from_depth(pixels, camera, hand.vertices, hand.size_m)
                if self._tracks.get(hand.side) != hand.track_id:
                    sizes.reset(hand.side)
                    self._tracks[hand.side] = hand.track_id
                sizes.observe(hand.side, found.size_m)
            except HandSizeError:
                continue
