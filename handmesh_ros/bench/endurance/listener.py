"""Hears every output of the hand node for hours and keeps a short line of each ``hands`` message, and one of whatever is wrong.

Lines: ``hands STAMP_NS ARRIVED_NS TRACKING PREDICTED``; ``wrong TOPIC WHAT``; ``stamp TOPIC STAMP_NS`` for a message whose stamp no
``hands`` had; and at the end ``count TOPIC MESSAGES``.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from std_msgs.msg import Bool

from handmesh_ros.bench.fuzz.wild import fields_of
from handmesh_ros.hand import Side
from handmesh_ros.messages.frame_messages import MARKERS, MESH_FACES, MESSAGE_TYPES
from handmesh_ros.messages.stamps import nanoseconds_of
from handmesh_ros.msg import Hand as HandMessage
from handmesh_ros.msg import HandArray
from handmesh_ros.node.outputs import QOS
from handmesh_ros.node.parameter_table import ParameterTable, parameter
from handmesh_ros.node.process import freeze_objects, spin
from handmesh_ros.node.teleop import CLUTCH_QOS

# Only counted: as Python objects their thousands of points and pixels would cost more than the node does.
COUNTED_ONLY = (MARKERS, "overlay", "overlay/compressed", "points")
WITHOUT_STAMPS_OF_IMAGES = {f"{side.value}/{name}" for side in Side for name in ("target_pose", "clutch")} | {"/diagnostics", MESH_FACES}
TYPES: dict[str, type] = {
    **MESSAGE_TYPES,
    **{f"{side.value}/target_pose": PoseStamped for side in Side},
    **{f"{side.value}/clutch": Bool for side in Side},
    "/diagnostics": DiagnosticArray,
}
UNMEASURED_OPENXR = 4  # joints whose three numbers are NaN (docs/ros-api.md)
PATIENCE_NS = 3 * 10**9  # TF comes before the hands of its image, and busy machines keep messages waiting


@dataclass(frozen=True)
class HearingParameters(ParameterTable):
    """This listener's."""

    out: str = parameter("heard.txt", "file of the lines", required=True, read_only=True)


class EnduranceListener(Node):
    """Writes until Ctrl-C."""

    def __init__(self) -> None:
        super().__init__("endurance_listener")
        given = HearingParameters.declared_on(self)
        self._lines = open(given.out, "w", encoding="utf-8", buffering=1)  # noqa: SIM115, PTH123 - closed in destroy_node
        self._counts: Counter[str] = Counter()
        self._stamps: dict[int, None] = {}  # of hands, the latest last
        self._waiting: deque[tuple[int, str, int]] = deque()  # arrival, topic, stamp
        for topic, kind in TYPES.items():
            qos = CLUTCH_QOS if topic.endswith("/clutch") else QOS.get(topic, 10)
            take: Callable[[Any], None] = partial(self._count, topic) if topic in COUNTED_ONLY else partial(self._take, topic)
            self.create_subscription(kind, topic, take, qos, raw=topic in COUNTED_ONLY)
        self.create_timer(1.0, self._settle)
        freeze_objects()
        self.get_logger().info("ready")

    def destroy_node(self) -> None:
        self._settle(0)
        for topic, count in self._counts.items():
            print("count", topic, count, file=self._lines)
        self._lines.close()
        super().destroy_node()

    def _count(self, topic: str, _: bytes) -> None:
        self._counts[topic] += 1

    def _take(self, topic: str, message: Any) -> None:
        arrived_ns = time.time_ns()
        self._counts[topic] += 1
        if topic == "hands":
            states = Counter(hand.state for hand in message.hands)
            stamp_ns = nanoseconds_of(message.header.stamp)
            self._stamps[stamp_ns] = None
            print("hands", stamp_ns, arrived_ns, states[HandMessage.STATE_TRACKING], states[HandMessage.STATE_PREDICTED], file=self._lines)
        elif topic not in WITHOUT_STAMPS_OF_IMAGES:
            for stamp_ns in stamps_of(message):
                self._waiting.append((arrived_ns, topic, stamp_ns))
        if what := fault_in(topic, message):
            print("wrong", topic, what, file=self._lines)

    def _settle(self, patience_ns: int = PATIENCE_NS) -> None:
        """Write down what has waited for its image's hands in vain."""
        now_ns = time.time_ns()
        while self._waiting and now_ns - self._waiting[0][0] >= patience_ns:
            _, topic, stamp_ns = self._waiting.popleft()
            if stamp_ns not in self._stamps:
                print("stamp", topic, stamp_ns, file=self._lines)
        while len(self._stamps) > 2000:
            self._stamps.pop(next(iter(self._stamps)))


def stamps_of(message: Any) -> Iterator[int]:
    """The stamps of a message's header, or of its parts' ones."""
    if hasattr(message, "header"):
        yield nanoseconds_of(message.header.stamp)
    else:
        yield from dict.fromkeys(nanoseconds_of(part.header.stamp) for part in message.transforms)


def fault_in(topic: str, message: Any) -> str:
    """What no message of this topic may hold: numbers that are none, rotations that are none; empty where there is nothing of the kind."""
    numbers = [getattr(owner, name) for owner, name, kind in fields_of(message) if "double" in kind or "float" in kind]
    unknown = sum(int(np.count_nonzero(~np.isfinite(np.asarray(number, float)))) for number in numbers)
    if unknown != (3 * UNMEASURED_OPENXR if topic.endswith("/openxr") else 0):
        return f"{unknown} numbers that are not finite"
    if isinstance(message, HandArray):
        for hand in message.hands:
            turns = np.array([(pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w) for pose in hand.joints])
            if not np.allclose((turns**2).sum(axis=1), 1.0, atol=1e-3):
                return "a quaternion that is no rotation"
    return ""


def main(argv: Sequence[str] | None = None) -> int:
    return spin(EnduranceListener, argv)


if __name__ == "__main__":
    sys.exit(main())
