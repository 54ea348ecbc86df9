"""Markers for RViz. A hand's mesh is 4614 points: far too many to make as messages for every frame, so they are patched into bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import BONES, FloatArray, Hand, Side, faces_of_side
from handmesh_ros.messages.stamps import duration
from handmesh_ros.messages.template import MARK, SerializedTemplate, kept, marked_header
from handmesh_ros.messages.types import ColorRGBA, Header, Marker, MarkerArray, Point, Time

COLOURS = {Side.RIGHT: (0.35, 0.67, 1.0), Side.LEFT: (1.0, 0.67, 0.35)}
MARKER_OPACITY = 0.85
BONE_WIDTH_M = 0.004
BONE_ENDS = np.array(BONES).reshape(-1)

# A marker that is not renewed disappears by itself when the node dies, but not before the next one is due: this, doubled as often as it
# takes to last for two of the pauses between them, 4.8 s at most.
LIFETIME_S, MOST_DOUBLINGS = 0.3, 4


def lifetime(pause_s: float) -> float:
    """Seconds that markers live which are renewed after pauses of this length; one of five numbers, since a template is made for each."""
    doublings = math.ceil(math.log2(max(2 * pause_s / LIFETIME_S, 1)))
    return float(LIFETIME_S * 2 ** min(doublings, MOST_DOUBLINGS))


def delete_markers(header: Header, sides: Sequence[Side]) -> MarkerArray:
    """Takes the hands of these sides out of the viewer."""
    return MarkerArray(
        markers=[
            Marker(header=header, ns=_namespace(side, part), id=0, action=Marker.DELETE) for side in sides for part in ("mesh", "skeleton")
        ]
    )


def hand_markers(header: Header, hands: Sequence[Hand], faces: NDArray[np.integer], lifetime_s: float = LIFETIME_S) -> MarkerArray:
    """The markers of hands of different sides as an ordinary message: mesh and skeleton of each. Slow; see MarkerTemplate."""
    markers = []
    for hand in hands:
        corners = hand.vertices[faces_of_side(faces, hand.side).reshape(-1)]
        markers.append(_marker(header, hand.side, "mesh", corners, lifetime_s))
        markers.append(_marker(header, hand.side, "skeleton", hand.joints[BONE_ENDS], lifetime_s))
    return MarkerArray(markers=markers)


class MarkerTemplate:
    """The serialized markers of hands of given sides in one frame of reference.

    Args:
        frame_id: of the images.
        sides: one for each hand, in the order in which ``fill`` gets them; each at most once.
        faces: (F, 3) vertex numbers of a right hand.
        lifetime_s: after which they disappear.
    """

    def __init__(self, frame_id: str, sides: Sequence[Side], faces: NDArray[np.integer], lifetime_s: float = LIFETIME_S) -> None:
        self.sides = tuple(sides)
        self._corners = [faces_of_side(faces, side).reshape(-1) for side in sides]
        header = marked_header(frame_id)
        marked = [
            _marker(header, side, part, np.full((count, 3), MARK), lifetime_s)
            for side, corners in zip(sides, self._corners, strict=True)
            for part, count in (("mesh", corners.size), ("skeleton", BONE_ENDS.size))
        ]
        self._template = SerializedTemplate(MarkerArray(markers=marked))
        self._points = [self._next_points(len(marker.points)) for marker in marked]

    def _next_points(self, count: int) -> FloatArray:
        self._template.place_stamp()
        return self._template.place(np.float64, 3 * count).reshape(count, 3)

    def fill(self, stamp: Time, hands: Sequence[Hand]) -> bytes:
        """The serialized MarkerArray of these hands, ready for ``Publisher.publish``."""
        for number, (hand, corners) in enumerate(zip(hands, self._corners, strict=True)):
            self._points[2 * number][:] = np.take(hand.vertices, corners, axis=0)
            self._points[2 * number + 1][:] = hand.joints[BONE_ENDS]
        return self._template.message(stamp)


class MarkerWriter:
    """Makes the messages of the markers topic: hands drawn, hands that are gone deleted.

    Args:
        faces: (F, 3) vertex numbers of a right hand.
    """

    def __init__(self, faces: NDArray[np.integer]) -> None:
        self._templates = kept(lambda frame_id, sides, lifetime_s: MarkerTemplate(frame_id, sides, faces, lifetime_s))
        self._shown: frozenset[Side] = frozenset()

    def messages(self, header: Header, hands: Mapping[Side, Hand], pause_s: float = 0.0) -> list[MarkerArray | bytes]:
        """What to publish for a frame with these hands; nothing if there is nothing to draw or to delete.

        Args:
            pause_s: until the next ones are published.
        """
        gone = sorted(self._shown - hands.keys())
        self._shown = frozenset(hands)
        messages: list[MarkerArray | bytes] = [delete_markers(header, gone)] if gone else []
        if hands:
            template = self._templates(header.frame_id, tuple(hands), lifetime(pause_s))
            messages.append(template.fill(header.stamp, list(hands.values())))
        return messages


def _namespace(side: Side, part: str) -> str:
    return f"handmesh/{side.value}/{part}"


def _marker(header: Header, side: Side, part: str, points: FloatArray, lifetime_s: float) -> Marker:
    is_mesh = part == "mesh"
    red, green, blue = COLOURS[side]
    marker = Marker(
        header=header,
        ns=_namespace(side, part),
        id=0,
        type=Marker.TRIANGLE_LIST if is_mesh else Marker.LINE_LIST,
        action=Marker.ADD,
        color=ColorRGBA(r=red, g=green, b=blue, a=MARKER_OPACITY) if is_mesh else ColorRGBA(r=0.1, g=0.1, b=0.1, a=1.0),
        lifetime=duration(lifetime_s),
        points=[Point(x=x, y=y, z=z) for x, y, z in np.asarray(points, float).tolist()],
    )
    marker.pose.orientation.w = 1.0
    marker.scale.x = 1.0 if is_mesh else BONE_WIDTH_M
    marker.scale.y = marker.scale.z = 1.0
    return marker
