"""Commands for manipulation nodes: where the palm is now, behind a clutch for each side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from geometry_msgs.msg import PoseStamped
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Bool, Header
from std_srvs.srv import SetBool

from handmesh_ros.hand import Hand, Side
from handmesh_ros.messages.build import palm_pose
from handmesh_ros.messages.stamps import time_of
from handmesh_ros.node.answering import answering
from handmesh_ros.node.clutch import Clutch, ClutchError, PinchSwitch
from handmesh_ros.node.qos import overridable

# Latched, and deep enough that a listener misses no release that is followed by an engagement at once.
CLUTCH_QOS = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
# Tracks end when images are further apart (TrackingParameters.max_gap_s); without images nothing else would release the clutch.
LONGEST_SILENCE_S = 1.0


def target_pose(frame_id: str, predicted: Hand) -> PoseStamped:
    """The palm of a predicted hand, stamped with the time that it is predicted for.

    Motion controllers refuse targets whose stamp is old (MoveIt Servo: 0.1 s), and a camera's picture is old when it is understood.
    """
    header = Header(stamp=time_of(predicted.stamp_s), frame_id=frame_id)
    return PoseStamped(header=header, pose=palm_pose(header, predicted).pose.pose)


class Teleop:
    """The topics of one node: ``left|right/target_pose`` while that side's clutch is engaged.

    A clutch starts released, so that a robot never moves only because somebody walked into the picture. The services
    ``~/left|right/clutch`` engage and release it; the latched topics ``left|right/clutch`` tell whether it is engaged.
    ``events`` is the callback group of the publishers' events.
    """

    def __init__(self, node: Node, events: CallbackGroup | None = None) -> None:
        self._logger = node.get_logger()
        options: dict[str, Any] = {"callback_group": events, "qos_overriding_options": overridable()}
        self._targets = {side: node.create_publisher(PoseStamped, f"{side.value}/target_pose", 1, **options) for side in Side}
        self._states = {side: node.create_publisher(Bool, f"{side.value}/clutch", CLUTCH_QOS, **options) for side in Side}
        self.clutches = {side: Clutch(side) for side in Side}
        self._pinches = {side: PinchSwitch() for side in Side}
        self._pinched: dict[Side, bool] = dict.fromkeys(Side, False)
        self._by_pinch: dict[Side, bool] = dict.fromkeys(Side, False)
        self._hands: Mapping[Side, Hand] = {}
        self._came_s = time.monotonic()
        for side in Side:
            self._states[side].publish(Bool(data=False))
            node.create_service(SetBool, f"~/{side.value}/clutch", answering(node, partial(self._set_clutch, side)))

    def publish(self, header: Header, hands: Mapping[Side, Hand], predict: Callable[[Hand], Hand], clutch_by_pinch: bool = False) -> None:
        """Publish for the hands of one image; nothing for a hand that is not there.

        Args:
            hands: the owner of each side.
            predict: carries a hand on to the present, within its limits.
            clutch_by_pinch: whether a held pinch of the other hand engages, until it opens.
        """
        self._hands, self._came_s = hands, time.monotonic()
        for side, clutch in self.clutches.items():
            fault = clutch.fault(hands.get(side))
            if fault is not None:
                self._release(side, fault)
        for side in Side:
            self._heed_pinch(side, clutch_by_pinch)
        for side, hand in hands.items():
            if self.clutches[side].engaged:
                self._targets[side].publish(target_pose(header.frame_id, predict(hand)))

    def release(self, reason: str) -> None:
        """Both clutches, and forget whom they could be engaged on."""
        self._hands = {}
        for side in Side:
            self._release(side, reason)

    def watch(self) -> None:
        """Call now and then: releases the clutches when no hands are published any more, not even that there are none."""
        if time.monotonic() - self._came_s > LONGEST_SILENCE_S:
            self.release("no images come")

    def values(self) -> dict[str, str]:
        """For the diagnostics."""
        return {f"clutch {side.value}": str(clutch) for side, clutch in self.clutches.items()}

    def _heed_pinch(self, side: Side, wanted: bool) -> None:
        """Only the beginning of a pinch engages, not one that is held on after a loss; and none of a hand that is engaged: it grasps."""
        before = self._pinched[side]
        pinched = self._pinched[side] = wanted and self._pinches[side].update(self._hands.get(side.other))
        if self._by_pinch[side] and not pinched:
            self._release(side, "the other hand opened its pinch")
        elif pinched and not before and not any(clutch.engaged for clutch in self.clutches.values()):
            try:
                self._engage(side)
                self._by_pinch[side] = True
            except ClutchError as error:
                self._logger.warning(f"{side.value} clutch: {error}")

    def _engage(self, side: Side) -> None:
        clutch = self.clutches[side]
        if clutch.engaged:
            return
        clutch.engage(self._hands.get(side))
        self._states[side].publish(Bool(data=True))
        self._logger.info(f"{side.value} clutch {clutch}")

    def _release(self, side: Side, reason: str) -> None:
        clutch = self.clutches[side]
        if clutch.engaged:
            clutch.release(reason)
            self._by_pinch[side] = False
            self._states[side].publish(Bool(data=False))
            self._logger.warning(f"{side.value} clutch {clutch}")

    def _set_clutch(self, side: Side, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        if request.data:
            self.watch()
            self._engage(side)
        else:
            self._release(side, "on request")
        response.success, response.message = True, str(self.clutches[side])
        return response
