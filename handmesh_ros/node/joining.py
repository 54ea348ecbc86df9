"""What a hand node tells of one image on several topics, put together again by its stamp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from builtin_interfaces.msg import Time
from sensor_msgs.msg import Image

from handmesh_ros.msg import HandArray, HandMesh

# Frames whose messages are still on their way. A hand node sends those of one frame within some ten milliseconds; what has not come when
# the fourth frame after it begins was lost.
FRAMES_ON_THE_WAY = 4


@dataclass(frozen=True, eq=False)
class JoinedFrame:
    """The messages of one image; meshes or the picture may have been lost."""

    hands: HandArray
    meshes: Sequence[HandMesh]
    picture: Image | None


@dataclass(eq=False)
class _Parts:
    hands: HandArray | None = None
    meshes: list[HandMesh] = field(default_factory=list)
    picture: Image | None = None

    @property
    def complete(self) -> bool:
        return self.hands is not None and self.picture is not None and len(self.meshes) >= len(self.hands.hands)


class FrameJoiner:
    """Takes messages in whatever order they come. Stamps may go back (looped bags)."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, int], _Parts] = {}

    def add_hands(self, message: HandArray) -> None:
        if self._parts(message.header.stamp).hands is not None:
            del self._waiting[_key(message.header.stamp)]  # images without stamps, or with one that stands still: another image
        self._parts(message.header.stamp).hands = message

    def add_mesh(self, message: HandMesh) -> None:
        self._parts(message.header.stamp).meshes.append(message)

    def add_picture(self, message: Image) -> None:
        self._parts(message.header.stamp).picture = message

    def take(self) -> JoinedFrame | None:
        """The newest frame that is complete; without any, an old one of which something was lost. Older ones are given up."""
        complete = [parts for parts in self._waiting.values() if parts.complete]
        while complete or len(self._waiting) > FRAMES_ON_THE_WAY:
            oldest = self._waiting.pop(next(iter(self._waiting)))
            if oldest.hands is not None and (not complete or oldest is complete[-1]):
                return JoinedFrame(oldest.hands, oldest.meshes, oldest.picture)
        return None

    def _parts(self, stamp: Time) -> _Parts:
        return self._waiting.setdefault(_key(stamp), _Parts())


def _key(stamp: Time) -> tuple[int, int]:
    return stamp.sec, stamp.nanosec
