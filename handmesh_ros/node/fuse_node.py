"""The fuse node: hands of several calibrated cameras on one TF tree become one hand.

``ros2 run handmesh_ros fuse_node --ros-args -p hands_topics:='front/hands aside/hands' -p common_frame:=world``

Wiring only: ``handmesh_ros.fusion`` says which hands are one and where it is. Every ``hands`` topic is that of a hand node; its header
names the camera's optical frame, and TF says where that is in ``common_frame``.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from tf2_msgs.msg import TFMessage

from handmesh_ros.errors import HandmeshError, InputError
from handmesh_ros.fusion.fuser import FusedFrame, HandFuser
from handmesh_ros.messages.hand_array import HandArrayTemplate
from handmesh_ros.messages.owners import Owners
from handmesh_ros.messages.stamps import Beginning
from handmesh_ros.messages.template import kept
from handmesh_ros.messages.transforms import TransformTemplate
from handmesh_ros.msg import HandArray
from handmesh_ros.node.camera_places import CameraPlaces
from handmesh_ros.node.diagnostics import diagnostic_array
from handmesh_ros.node.parameter_table import ParameterTable, parameter
from handmesh_ros.node.process import freeze_objects, spin
from handmesh_ros.node.qos import overridable
from handmesh_ros.node.received import hand_of_message

BEHIND_S = 0.2  # a camera whose stamps are further behind has no say


@dataclass(frozen=True)
class FuseParameters(ParameterTable):
    """The fuse node's."""

    hands_topics: str = parameter(
        "left_camera/hands right_camera/hands",
        "the cameras' `hands` topics, relative or absolute, with blanks between",
        pattern=r"\s*\S+(\s+\S+)+\s*",
        expected="two topics or more, with blanks between",
        read_only=True,
    )
    common_frame: str = parameter("world", "frame of the fused hands; TF tells where each camera is in it", required=True, read_only=True)
    extrinsics_sigma_m: float = parameter(0.003, "how exactly the cameras' places are known, one sigma", low=0.0, high=0.5, read_only=True)
    publish_tf: str = parameter("all", "frames of every joint, of the wrist, or none", choices=("all", "wrist", "none"), read_only=True)
    frame_prefix: str = parameter("fused_", "of the TF frames' names, which the cameras' own must not have", read_only=True)


class FuseNode(Node):
    """Everything runs in the callbacks of ``hands``: a round of cameras is published when its last one is heard.

    Raises:
        HandmeshError: a parameter is not usable, or tf2_ros is not installed.
    """

    def __init__(self) -> None:
        super().__init__("fuse_node")
        self._began = Beginning(self.get_clock().now().nanoseconds)
        given = FuseParameters.declared_on(self)
        self._given = given
        self._fuser = HandFuser(given.extrinsics_sigma_m)
        self._places = CameraPlaces(self, given.common_frame)
        self._owners = Owners()
        self._born_s: dict[int, float] = {}
        self._arrays, self._trees = kept(HandArrayTemplate), kept(TransformTemplate)
        self._heard: Counter[str] = Counter()  # of this second
        self._troubles: dict[str, str] = {}  # of this second: camera, or cameras, to what is wrong
        self._last: FusedFrame | None = None
        self._topics = list(dict.fromkeys(given.hands_topics.split()))
        if len(self._topics) < 2:
            raise InputError(f"parameter 'hands_topics': one topic alone cannot be fused ({given.hands_topics!r})")
        for topic in self._topics:
            self.create_subscription(HandArray, topic, partial(self._on_hands, topic), 5, qos_overriding_options=overridable())
        self._hands = self.create_publisher(HandArray, "hands", 5, qos_overriding_options=overridable())
        self._tf = self.create_publisher(TFMessage, "/tf", 100, qos_overriding_options=overridable())
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 5)
        self.create_timer(1.0, self._publish_diagnostics)
        freeze_objects()
        self.get_logger().info(f"ready: hands of {', '.join(self._topics)} become hands in {given.common_frame}")

    def _on_hands(self, camera: str, message: HandArray) -> None:
        self._heard[camera] += 1
        stamp_s = self._began.seconds_until(message.header.stamp)
        try:
            place = self._places.of(message.header.frame_id)
            hands = [hand_of_message(hand, stamp_s) for hand in message.hands]
            frame = self._fuser.take(camera, place, stamp_s, hands)
        except HandmeshError as error:
            self._troubles[camera] = str(error)
            return
        if frame is not None:
            self._publish(frame)

    def _publish(self, frame: FusedFrame) -> None:
        for conflict in frame.conflicts:
            self._troubles[" and ".join(conflict.cameras)] = str(conflict)
        self._last = frame
        hands = [one.hand for one in frame.hands]
        self._born_s = {hand.track_id: self._born_s.get(hand.track_id, frame.stamp_s) for hand in hands}
        stamp, given = self._began.stamp_after(frame.stamp_s), self._given
        owners = self._owners.choose(hands)
        if owners and given.publish_tf != "none":
            tree = self._trees(given.common_frame, tuple(owners), given.frame_prefix, given.publish_tf == "wrist")
            self._tf.publish(tree.fill(stamp, list(owners.values())))
        latency_s = max(self._began.seconds_until(self.get_clock().now().to_msg()) - frame.stamp_s, 0.0)
        ages_s = {track: frame.stamp_s - since_s for track, since_s in self._born_s.items()}
        self._hands.publish(self._arrays(given.common_frame, len(hands)).fill(stamp, hands, latency_s, ages_s))

    def _publish_diagnostics(self) -> None:
        behind_s = self._fuser.behind_s
        for topic in self._topics:
            if not self._heard[topic]:
                self._troubles.setdefault(topic, f"no hands arrive on {topic}")
            elif behind_s.get(topic, 0.0) > BEHIND_S:
                self._troubles.setdefault(
                    topic, f"the stamps of {topic} are {behind_s[topic]:.2f} s behind: synchronise the machines' clocks (chrony, ptp)"
                )
        level, text = DiagnosticStatus.OK, "running"
        if self._troubles:
            level, text = DiagnosticStatus.WARN, next(iter(self._troubles.values()))
        seen = () if self._last is None else self._last.hands
        shown = (f"{one.hand.side.value} {one.hand.track_id} by {len(one.cameras)}, {one.disagreement:.1f} sigma apart" for one in seen)
        values = {"hands": ", ".join(shown) or "none"}
        for topic in self._topics:
            values[f"{topic}: messages a second"] = str(self._heard[topic])
            values[f"{topic}: stamps behind [ms]"] = f"{1e3 * behind_s[topic]:.1f}" if topic in behind_s else "not heard"
        values |= {f"trouble of {whose}": what for whose, what in self._troubles.items()}
        if level == DiagnosticStatus.WARN:
            self.get_logger().warning(text, throttle_duration_sec=10.0)
        name = f"{self.get_fully_qualified_name()}: fusion"
        stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(diagnostic_array(stamp, name, self._given.common_frame, level, text, values))
        self._heard.clear()
        self._troubles.clear()


def main(argv: Sequence[str] | None = None) -> int:
    return spin(FuseNode, argv)


if __name__ == "__main__":
    sys.exit(main())
