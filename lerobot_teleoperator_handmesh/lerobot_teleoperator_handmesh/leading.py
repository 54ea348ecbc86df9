"""From the hands of a picture to a tool's motion, without LeRobot: one hand leads, the other one's pinch is the clutch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handmesh_ros.hand import MIDDLE_MCP, WRIST, FloatArray, Hand, Side, TrackState
from handmesh_ros.node.clutch import PinchSwitch
from handmesh_ros.perception.grasp import aperture
from handmesh_ros.teleop.follower import Follower, FollowerSettings, SeenHand
from handmesh_ros.teleop.limited_motion import Limits, Workspace
from handmesh_ros.teleop.mapping import PoseInSpace, axis_map

CLOSE, STAY, OPEN = 0, 1, 2  # lerobot.teleoperators.gamepad.teleop_gamepad.GripperAction


class LeadingHand:
    """The tool's way since the last question.

    Raises:
        TeleopError: settings that cannot be.
    """

    def __init__(self, side: Side, axes: str, scale: float, reach_m: float, limits: Limits) -> None:
        self._side = side
        box = Workspace(np.full(3, -reach_m), np.full(3, reach_m))
        to_robot, here = axis_map(axes), PoseInSpace(np.zeros(3), np.eye(3))
        self._follower = Follower(FollowerSettings(box, scale=scale, turn_scale=0.0, move=limits), lambda: (here, to_robot))
        self._pinch = PinchSwitch()
        self._track_id: int | None = None
        self._engagements = 0
        self._moved_s: float | None = None
        self._gripper_closed: bool | None = None

    @property
    def state(self) -> str:
        """In words, for whoever wonders why the robot rests."""
        return f"{self._follower.phase.value} {self._follower.reason}".strip()

    def see(self, hands: Sequence[Hand]) -> None:
        """The hands of the next picture."""
        by_side = {hand.side: hand for hand in sorted(hands, key=lambda hand: hand.score)}
        leader = by_side.get(self._side)
        pinched = self._pinch.update(by_side.get(self._side.other))
        if not pinched or (self._track_id is not None and (leader is None or leader.track_id != self._track_id)):
            self._follower.clutch(None)
            self._track_id = None if not pinched else -1  # a pinch that is held on after a loss engages no other hand
        elif self._track_id is None and leader is not None and leader.state is TrackState.TRACKING:
            self._engagements += 1
            self._track_id = leader.track_id
            self._follower.clutch(self._engagements)
        if leader is not None and leader.track_id == self._track_id:
            palm = PoseInSpace((leader.joints[WRIST] + leader.joints[MIDDLE_MCP]) / 2, leader.rotations[WRIST])
            self._follower.see(SeenHand(leader.stamp_s, palm, leader.state is TrackState.TRACKING, aperture(leader.joints)))

    def move(self, now_s: float) -> tuple[FloatArray, int]:
        """The tool's way (3,) since the last call, metres along the robot's axes, and what the gripper does."""
        command, before_s = self._follower.step(now_s), self._moved_s
        self._moved_s = now_s
        if command is None or before_s is None:
            return np.zeros(3), STAY
        closed, changed = command.gripper_closed, command.gripper_closed is not self._gripper_closed
        self._gripper_closed = closed
        way: FloatArray = command.velocity * (now_s - before_s)
        return way, STAY if closed is None or not changed else CLOSE if closed else OPEN
