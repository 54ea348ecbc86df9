"""What a hand node tells of one image on several topics, put together again by its stamp."""

from __future__ import annotations

from dataclasses import dataclass, field

from builtin_interfaces.msg import Time
from sensor_msgs.msg import Image

from handmesh_ros.msg import HandArray, HandMesh

# Frames whose messages are still on their way. A hand node sends those of one frame within some ten milliseconds; what has not come when
# the fourth frame after it begins was lost.
FRAMES_ON_THE_WAY = 4


@dataclass(eq=False)
class FrameParts:
    """The messages of one image, as far as they have come."""

    hands: HandArray | None = None
    meshes: list[HandMesh] = field(default_factory=list)
    picture: Image | None = None

    @property
    def complete(self) -> bool:
        return self.hands is not None and self.picture is not None and len(self.meshes) >= len(self.hands.hands)


class FrameJoiner:
    """Takes messages in whatever order they come, and gives frames in the order of theirs. Stamps may go back, as those of looped bags do.

    Attributes:
        hands_only: nothing but hands is asked for, so a frame is complete with them.
    """

    def __init__(self) -> None:
        self.hands_only = True
        self._waiting: dict[tuple[int, int], FrameParts] = {}

    def add_hands(self, message: HandArray) -> FrameParts | None:
        """The frame that can be shown now: this one where it is complete, or an older one of which something was lost."""
        key = _key(message.header.stamp)
        if key in self._waiting and self._waiting[key].hands is not None:
            del self._waiting[key]  # images without stamps, or with one that stands still: another image
        self._parts(key).hands = message
        return self._next(key)

    def add_mesh(self, message: HandMesh) -> FrameParts | None:
        """As ``add_hands``."""
        key = _key(message.header.stamp)
        self._parts(key).meshes.append(message)
        return self._next(key)

    def add_picture(self, message: Image) -> FrameParts | None:
        """As ``add_hands``."""
        key = _key(message.header.stamp)
        self._parts(key).picture = message
        return self._next(key)

    def _parts(self, key: tuple[int, int]) -> FrameParts:
        return self._waiting.setdefault(key, FrameParts())

    def _next(self, key: tuple[int, int]) -> FrameParts | None:
        parts = self._waiting[key]
        if parts.complete or (self.hands_only and parts.hands is not None):
            while self._waiting.pop(next(iter(self._waiting))) is not parts:
                pass  # what was lost of older frames will not come any more
            return parts
        if len(self._waiting) > FRAMES_ON_THE_WAY:
            oldest = self._waiting.pop(next(iter(self._waiting)))
            return oldest if oldest.hands is not None else None
        return None


def _key(stamp: Time) -> tuple[int, int]:
    return stamp.sec, stamp.nanosec
