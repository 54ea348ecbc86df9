"""The tool follows a hand: from engagement to stop, whatever the hand does.

Nothing moves before an engagement and nothing after a stop. A stop is final: only another engagement starts anew, from where hand and
tool then are. Every way to it is braked within the limits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.rotations import rotation_matrix, rotation_vector
from handmesh_ros.teleop.errors import TeleopError
from handmesh_ros.teleop.gripping import GripSettings, is_closed
from handmesh_ros.teleop.limited_motion import Limits, Workspace, braked, kept_inside, length_of, next_velocity
from handmesh_ros.teleop.mapping import PoseInSpace, Reference, outside_dead_zone

LONGEST_STEP_S = 0.1  # MoveIt Servo's incoming_command_timeout: it halts the robot when nothing came for so long
JUMP_FREE_M = 0.05  # differences of noise: several times what a measured hand trembles along the ray (docs/tuning.md: 10 mm)


@dataclass(frozen=True, eq=False)
class FollowerSettings:
    """How the tool follows.

    Attributes:
        scale, turn_scale: of the tool's motion to the hand's; 0: that part stays as it is.
        workspace: that the tool stays in.
        move, turn: limits of the tool, m/s and m/s2, rad/s and rad/s2.
        dead_zone_m, dead_zone_rad: a hand's smaller motions (scaled) are not followed.
        lost_after_s: a hand that was not measured for so long is lost.
        fastest_hand_mps: a hand that was faster is another one, or one that came back elsewhere. Nobody guides a robot faster (chosen by
            hand).
        grip: when the hand counts as closed.

    Raises:
        TeleopError: a value that cannot be.
    """

    workspace: Workspace
    scale: float = 1.0
    turn_scale: float = 1.0
    move: Limits = field(default_factory=lambda: Limits(0.25, 2.0))
    turn: Limits = field(default_factory=lambda: Limits(1.0, 8.0))
    dead_zone_m: float = 0.002
    dead_zone_rad: float = 0.02
    lost_after_s: float = 0.3
    fastest_hand_mps: float = 3.0
    grip: GripSettings = field(default_factory=GripSettings)

    def __post_init__(self) -> None:
        for name in ("scale", "turn_scale", "dead_zone_m", "dead_zone_rad"):
            if not 0 <= getattr(self, name) < math.inf:
                raise TeleopError(f"{name} cannot be {getattr(self, name)}: expected a number from 0 up")
        for name in ("lost_after_s", "fastest_hand_mps"):
            if not 0 < getattr(self, name) < math.inf:
                raise TeleopError(f"{name} cannot be {getattr(self, name)}: expected a positive number")


class Phase(str, Enum):
    """STOPPED: nothing is commanded. FOLLOWING. HOLDING: braked while the hand is not measured. STOPPING: braked for good."""

    STOPPED = "stopped"
    FOLLOWING = "following"
    HOLDING = "holding"
    STOPPING = "stopping"


@dataclass(frozen=True, eq=False)
class SeenHand:
    """A hand as the camera's side of the robot tells of it.

    Attributes:
        stamp_s: seconds, by the clock that ``Follower.step`` is given.
        pose: of the palm, in the hand's frame.
        measured: False while it is only predicted.
        aperture: 0: fist, 1: flat hand.
    """

    stamp_s: float
    pose: PoseInSpace
    measured: bool
    aperture: float


@dataclass(frozen=True, eq=False)
class ToolCommand:
    """Where the tool is to be now, in the target frame.

    Attributes:
        time_s: of the step.
        pose: of the tool.
        velocity, turning: (3,) m/s, and rad/s about the target frame's axes.
        gripper_closed: None: as it is.
    """

    time_s: float
    pose: PoseInSpace
    velocity: FloatArray
    turning: FloatArray
    gripper_closed: bool | None


class Follower:
    """One hand and one tool.

    Attributes:
        phase: what it does.
        reason: why it stopped, or why it does not start; empty while it follows.

    Args:
        read_tool: where the tool is now, in the target frame, and the rotation (3, 3) from the hand's frame to that frame. Asked once at
            each engagement; may raise a TeleopError, then nothing begins.
    """

    def __init__(self, settings: FollowerSettings, read_tool: Callable[[], tuple[PoseInSpace, FloatArray]]) -> None:
        self.phase = Phase.STOPPED
        self.reason = "not engaged yet"
        self._settings = settings
        self._read_tool = read_tool
        self._engagement: Hashable | None = None
        self._spent: Hashable | None = None
        self._time_s = -math.inf
        self._velocity: FloatArray = np.zeros(3)
        self._turning: FloatArray = np.zeros(3)
        self._hand_closed: bool | None = None
        self._gripper: bool | None = None

    def clutch(self, engagement: Hashable | None) -> None:
        """The clutch's state.

        Args:
            engagement: which engagement is in force, each one different from the last; None: released. The reference is taken with the next
                measured hand, after the motion of a former engagement has come to rest.
        """
        if engagement == self._engagement:
            return
        self._stop("released" if engagement is None else "engaged anew")
        self._engagement = engagement
        if engagement is None:
            self._spent = None

    def see(self, hand: SeenHand) -> None:
        """A hand that the clutch is bound to. One that is no rigid pose is none."""
        if not (math.isfinite(hand.stamp_s) and hand.pose.is_rigid):
            return
        if self.phase is Phase.STOPPED:
            engaged = self._engagement is not None and self._engagement != self._spent
            if engaged and hand.measured and math.isfinite(self._time_s):
                self._begin(hand)
        elif self.phase is not Phase.STOPPING:
            self._follow(hand)

    def step(self, time_s: float) -> ToolCommand | None:
        """The command for now; None while nothing is to move. To be called all the time, at least ten times a second.

        Args:
            time_s: seconds, by a clock that goes on; where it went back, the motion ends at once.
        """
        dt = time_s - self._time_s
        if self.phase is Phase.STOPPED:
            self._time_s = time_s
            return None
        if not -LONGEST_STEP_S < dt < math.inf:
            self._time_s = time_s
            self.phase, self.reason = Phase.STOPPED, "the clock went back"
            return None
        if dt <= 0:
            return None
        self._time_s = time_s
        age_s = time_s - self._measured.stamp_s
        if not abs(age_s) <= self._settings.lost_after_s:
            self._stop("no hand was measured lately" if age_s > 0 else "the hand's stamps are ahead of the clock")
        self._advance(dt)
        command = ToolCommand(time_s, self._place, self._velocity, self._turning, self._gripper)
        if self.phase is Phase.STOPPING and not (self._velocity.any() or self._turning.any()):
            self.phase = Phase.STOPPED
        return command

    def _begin(self, hand: SeenHand) -> None:
        self._spent = self._engagement
        try:
            tool, to_target = self._read_tool()
            box = self._settings.workspace
            if not (tool.is_rigid and box.contains(tool.position)):
                place = tool.position.round(3)
                raise TeleopError(f"the tool is at {place}, outside the workspace {box.low} to {box.high}: move it there or enlarge it")
        except TeleopError as error:
            self.reason = f"not engaged: {error}"
            return
        self._reference = Reference(hand.pose, tool, to_target)
        self._seen_s, self._measured = hand.stamp_s, hand
        self._goal = self._place = tool
        self._velocity = self._turning = np.zeros(3)
        # What the gripper holds when the motion begins is nothing that this hand has closed on: it moves when the hand changes.
        self._hand_closed, self._gripper = is_closed(hand.aperture, None, self._settings.grip), None
        self.phase, self.reason = Phase.FOLLOWING, ""

    def _follow(self, hand: SeenHand) -> None:
        settings = self._settings
        if hand.stamp_s <= self._seen_s:
            if hand.stamp_s < self._seen_s - settings.lost_after_s:
                self._stop("the hand's stamps went back")
            return
        self._seen_s = hand.stamp_s
        if not hand.measured:
            self.phase = Phase.HOLDING
            return
        moved = length_of(hand.pose.position - self._measured.pose.position)
        if moved > JUMP_FREE_M + settings.fastest_hand_mps * (hand.stamp_s - self._measured.stamp_s):
            self._stop(f"the hand jumped by {moved:.2f} m: another one, or the same one elsewhere")
            return
        self.phase, self._measured = Phase.FOLLOWING, hand
        goal = self._reference.goal(hand.pose, settings.scale, settings.turn_scale)
        goal = outside_dead_zone(self._goal, goal, settings.dead_zone_m, settings.dead_zone_rad)
        self._goal = PoseInSpace(settings.workspace.nearest(goal.position), goal.rotation)
        closed = is_closed(hand.aperture, self._hand_closed, settings.grip)
        if self._hand_closed is not None and closed is not self._hand_closed:
            self._gripper = closed
        self._hand_closed = closed

    def _advance(self, dt: float) -> None:
        """One step: after the goal while a hand leads, braking otherwise and after a pause, in which the robot has stopped by itself."""
        move, turn, place = self._settings.move, self._settings.turn, self._place
        if self.phase is Phase.FOLLOWING and dt <= LONGEST_STEP_S:
            wanted = next_velocity(self._goal.position - place.position, self._velocity, dt, move)
            self._velocity = kept_inside(place.position, self._velocity, wanted, dt, move, self._settings.workspace)
            left = rotation_vector(self._goal.rotation @ place.rotation.T)
            self._turning = next_velocity(left, self._turning, dt, turn)
        else:
            self._velocity, self._turning = braked(self._velocity, dt, move), braked(self._turning, dt, turn)
        self._place = PoseInSpace(place.position + self._velocity * dt, rotation_matrix(self._turning * dt) @ place.rotation)

    def _stop(self, reason: str) -> None:
        if self.phase in (Phase.FOLLOWING, Phase.HOLDING):
            self.phase, self.reason = Phase.STOPPING, reason
