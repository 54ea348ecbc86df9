"""A hand's motion played to the simulated arm without ROS, by a clock of its own: the teleop node's part, faster than real time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_ros.robot.simulated_arm import SimulatedArm
from handmesh_ros.teleop.follower import Follower, FollowerSettings, SeenHand, ToolCommand
from handmesh_ros.teleop.limited_motion import Limits, Workspace, length_of
from handmesh_ros.teleop.mapping import axis_map

STEP_S = 0.01
# The camera of the clip looks back at the robot.
AXIS_MAP = "-z x -y"
LOW, HIGH = np.array([0.28, -0.20, 0.025]), np.array([0.50, 0.20, 0.30])  # which the arm reaches with its tool pointing down
# The clip's hand sinks by 8 cm, the tool by 12. To lift a cube the hand's turns are not needed.
DEMO_SETTINGS = FollowerSettings(workspace=Workspace(LOW, HIGH), scale=1.5, turn_scale=0.0, move=Limits(0.4, 3.0))

LIFTED_M = 0.06  # the cube's middle above the table: it lies at 0.02
LYING_M = 0.03
CARRIED_M = 0.08
STILL_M = 0.001


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """What happened: commands, and (N, 3) places of tool and cube at the same steps."""

    commands: tuple[ToolCommand, ...]
    tool: FloatArray
    cube: FloatArray


def was_set_down_elsewhere(cube: FloatArray) -> bool:
    """Whether a cube was lifted, carried elsewhere and lies there still; (N, 3) its places, a hundred a second."""
    way, drift = length_of(cube[-1, :2] - cube[0, :2]), length_of(cube[-1] - cube[-20])
    return bool(cube[:, 2].max() > LIFTED_M and cube[-1, 2] < LYING_M and way > CARRIED_M and drift < STILL_M)


def rehearse(
    hands: Iterable[tuple[float, SeenHand | None]],
    engage_at_s: float,
    release_at_s: float = math.inf,
    settings: FollowerSettings = DEMO_SETTINGS,
) -> Rehearsal:
    """Play hands to a new arm.

    Args:
        hands: time, seconds, and what is seen then; in the order of time.
        engage_at_s, release_at_s: when the clutch is engaged and released.
    """
    arm = SimulatedArm()
    follower = Follower(settings, lambda: (arm.tool, axis_map(AXIS_MAP)))
    commands, tools, cubes = [], [], []
    now_s: float | None = None
    for time_s, hand in hands:
        while now_s is None or now_s < time_s:
            now_s = time_s - STEP_S if now_s is None else now_s
            now_s += STEP_S
            command = follower.step(now_s)
            if command is not None:
                arm.follow(command)
                commands.append(command)
            arm.advance(STEP_S)
            tools.append(arm.tool.position)
            cubes.append(arm.cube)
        follower.clutch(1 if engage_at_s <= now_s < release_at_s else None)
        if hand is not None:
            follower.see(hand)
    return Rehearsal(tuple(commands), np.array(tools), np.array(cubes))
