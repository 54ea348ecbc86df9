"""Commands for manipulation nodes: where the palm is now, and how closed the hand is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from geometry_msgs.msg import PoseStamped
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from std_msgs.msg import Header
from std_srvs.srv import SetBool

from handmesh_ros.hand import Hand, Side
from handmesh_ros.msg import Grasp
from handmesh_ros.node.messages import STATES, palm_pose, time_of
from handmesh_ros.perception.grasp import aperture, pinch_distance


def target_pose(frame_id: str, predicted: Hand) -> PoseStamped:
    """The palm of a predicted hand, stamped with the time that it is predicted for.

    Motion controllers refuse targets whose stamp is old (MoveIt Servo: 0.1 s), and a camera's picture is old when it is understood.
    """
    header = Header(stamp=time_of(predicted.stamp_s), frame_id=frame_id)
    return PoseStamped(header=header, pose=palm_pose(header, predicted).pose.pose)


def grasp_message(header: Header, hand: Hand) -> Grasp:
    return Grasp(
        header=header,
        track_id=hand.track_id,
        state=STATES[hand.state],
        aperture=aperture(hand.joints),
        pinch_distance=pinch_distance(hand.joints),
    )


class Teleop:
    """The topics of one node: ``left|right/grasp`` always, ``left|right/target_pose`` while ``~/clutch`` is engaged.

    The clutch starts open, so that a robot never moves only because somebody walked into the picture.
    ``events`` is the callback group of the publishers' events.
    """

    def __init__(self, node: Node, events: CallbackGroup | None = None) -> None:
        self.engaged = False
        options: dict[str, Any] = {"callback_group": events, "qos_overriding_options": QoSOverridingOptions.with_default_policies()}
        self._targets = {side: node.create_publisher(PoseStamped, f"{side.value}/target_pose", 1, **options) for side in Side}
        self._grasps = {side: node.create_publisher(Grasp, f"{side.value}/grasp", 1, **options) for side in Side}
        node.create_service(SetBool, "~/clutch", self._set_clutch)

    def publish(self, header: Header, hands: Mapping[Side, Hand], predict: Callable[[Hand], Hand]) -> None:
        """Publish for the hands of one image; nothing for a hand that is not there.

        Args:
            predict: carries a hand on to the present, within its limits.
        """
        for side, hand in hands.items():
            if self._grasps[side].get_subscription_count():
                self._grasps[side].publish(grasp_message(header, hand))
            # Without a calibration the distance is a guess: nothing that a robot should follow.
            if self.engaged and hand.metric:
                self._targets[side].publish(target_pose(header.frame_id, predict(hand)))

    def _set_clutch(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self.engaged = request.data
        response.success = True
        response.message = "engaged: target poses are published" if self.engaged else "released: no target poses"
        return response
