"""The teleop node: a tool follows the hand that a clutch is engaged on.

``ros2 run handmesh_ros teleop --ros-args -p target_frame:=base_link -p tool_frame:=tool0``

Wiring only: ``handmesh_ros.teleop.follower`` decides what moves and when. ``target_pose`` says where the hand is, ``grasp`` whether it is
measured and how open, ``clutch`` whether it leads; all three come from the hand node.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from std_msgs.msg import Bool, Header

from handmesh_ros.hand import FloatArray
from handmesh_ros.messages.stamps import Beginning
from handmesh_ros.msg import Grasp
from handmesh_ros.msg import Hand as HandMessage
from handmesh_ros.node.diagnostics import diagnostic_array
from handmesh_ros.node.joint_output import JointOutput
from handmesh_ros.node.process import freeze_objects, spin
from handmesh_ros.node.received import rotation_matrices
from handmesh_ros.node.teleop_parameters import TeleopParameters
from handmesh_ros.node.tool_commands import ForwardGripper, ParallelGripper, PoseOutput, TwistOutput
from handmesh_ros.node.tool_place import ToolPlace
from handmesh_ros.teleop.follower import Follower, Phase, SeenHand
from handmesh_ros.teleop.mapping import PoseInSpace


class TeleopNode(Node):
    """One hand, one tool.

    Raises:
        HandmeshError: a parameter is not usable, or a package that it asks for is missing.
    """

    def __init__(self) -> None:
        super().__init__("teleop")
        self._began = Beginning(self.get_clock().now().nanoseconds)
        given = TeleopParameters.declared_on(self)
        self._given, self._axes = given, given.axes()
        self._follower = Follower(given.for_follower(), self._read_tool)
        self._tool_place = ToolPlace(self, given.target_frame, given.tool_frame)
        self._output = self._chosen_output(given)
        self._gripper = self._chosen_gripper(given)
        self._gripper_closed: bool | None = None
        self._grasp: Grasp | None = None
        self._hand_frame = ""
        self._engagements = 0
        self._engaged = False
        self._told = (self._follower.phase, self._follower.reason)
        # Volatile: an engagement from before this node was there is none. The operator engages a robot that he knows to listen.
        self.create_subscription(Bool, f"{given.side}/clutch", self._on_clutch, 10)
        self.create_subscription(Grasp, f"{given.side}/grasp", self._on_grasp, 1)
        self.create_subscription(PoseStamped, f"{given.side}/target_pose", self._on_hand, 1)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 5)
        self.create_timer(1 / given.rate_hz, self._step)
        self.create_timer(1.0, self._publish_diagnostics)
        freeze_objects()
        self.get_logger().info(
            f"ready: {given.tool_frame} follows the {given.side} hand in {given.target_frame} once the clutch is engaged"
        )

    def _chosen_output(self, given: TeleopParameters) -> PoseOutput | TwistOutput | JointOutput:
        if given.output in ("joints", "trajectory"):
            return JointOutput(self, given)
        return (PoseOutput if given.output == "pose" else TwistOutput)(self)

    def _chosen_gripper(self, given: TeleopParameters) -> ForwardGripper | ParallelGripper | None:
        if given.gripper == "parallel":
            return ParallelGripper(self, given.gripper_joint)
        return ForwardGripper(self) if given.gripper == "forward" else None

    def _on_clutch(self, message: Bool) -> None:
        if message.data and not self._engaged:
            self._engagements += 1
        self._engaged = message.data
        self._follower.clutch(self._engagements if message.data else None)
        self._step()

    def _on_grasp(self, message: Grasp) -> None:
        self._grasp = message

    def _on_hand(self, message: PoseStamped) -> None:
        if message.header.frame_id != self._hand_frame:
            self._follower.clutch(None)  # another camera: what was the reference is none in its frame
            self._hand_frame = message.header.frame_id
            self._follower.clutch(self._engagements if self._engaged else None)
        stamp_s, grasp = self._began.seconds_until(message.header.stamp), self._grasp
        # The pose is predicted beyond the image that both are of; an older grasp is not of this hand.
        fresh = grasp is not None and abs(stamp_s - self._began.seconds_until(grasp.header.stamp)) < self._given.lost_after_s
        measured = fresh and grasp is not None and grasp.state == HandMessage.STATE_TRACKING
        aperture = grasp.aperture if grasp is not None and fresh else math.nan
        self._follower.see(SeenHand(stamp_s, pose_of(message), measured, aperture))
        self._step()

    def _step(self) -> None:
        command = self._follower.step(self._now_s())
        if command is not None:
            self._output.send(Header(stamp=self._began.stamp_after(command.time_s), frame_id=self._given.target_frame), command)
            closed = command.gripper_closed
            if self._gripper is not None and closed is not None and closed is not self._gripper_closed:
                self._gripper.move_to(self._given.gripper_closed if closed else self._given.gripper_open)
                self._gripper_closed = closed
        self._tell()

    def _tell(self) -> None:
        """A line for everything that an operator must know: it began, it stopped and why, it did not begin and why."""
        state = (self._follower.phase, self._follower.reason)
        if state != self._told and self._follower.phase in (Phase.FOLLOWING, Phase.STOPPED):
            if state[0] is Phase.FOLLOWING and self._told[0] is Phase.STOPPED:
                self.get_logger().info(f"{self._given.tool_frame} follows the {self._given.side} hand")
            elif state[0] is Phase.STOPPED:
                self.get_logger().warning(f"{self._given.tool_frame} rests: {state[1]}")
            self._told = state

    def _read_tool(self) -> tuple[PoseInSpace, FloatArray]:
        # A new engagement moves the gripper whatever it was told in a former one.
        self._gripper_closed = None
        self._output.begin()
        axes = self._tool_place.axes_of(self._hand_frame) if self._axes is None else self._axes
        return self._tool_place.tool(), axes

    def _now_s(self) -> float:
        return self._began.seconds_until(self.get_clock().now().to_msg())

    def _publish_diagnostics(self) -> None:
        phase, reason = self._follower.phase, self._follower.reason
        text = f"{phase.value}: {reason}" if reason else phase.value
        values = {"clutch": "engaged" if self._engaged else "released", "phase": phase.value, "reason": reason}
        name = f"{self.get_fully_qualified_name()}: {self._given.side} hand"
        stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(diagnostic_array(stamp, name, self._given.tool_frame, DiagnosticStatus.OK, text, values))


def pose_of(message: PoseStamped) -> PoseInSpace:
    """The pose of a message; NaN where its quaternion is none."""
    place, turn = message.pose.position, message.pose.orientation
    quaternion = np.array([[turn.x, turn.y, turn.z, turn.w]])
    length = math.hypot(turn.x, turn.y, turn.z, turn.w)
    unit = quaternion / length if 0.9 < length < 1.1 else np.full((1, 4), math.nan)
    return PoseInSpace(np.array([place.x, place.y, place.z]), rotation_matrices(unit)[0])


def main(argv: Sequence[str] | None = None) -> int:
    return spin(TeleopNode, argv)


if __name__ == "__main__":
    sys.exit(main())
