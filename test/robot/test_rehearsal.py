"""A hand leads the simulated arm, and what happens when it is lost, another one comes, or it comes back elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs MuJoCo: pip install mujoco mink")
pytest.importorskip("mink", reason="needs mink: pip install mujoco mink")

from handmesh_ros.files import clip_file
from handmesh_ros.hand import MIDDLE_MCP, WRIST, Side
from handmesh_ros.perception.frames import joint_rotations
from handmesh_ros.perception.grasp import aperture
from handmesh_ros.robot.rehearsal import DEMO_SETTINGS, Rehearsal, rehearse, was_set_down_elsewhere
from handmesh_ros.robot.simulated_arm import HOME_AXES, SimulatedArm
from handmesh_ros.teleop.follower import SeenHand
from handmesh_ros.teleop.limited_motion import length_of
from handmesh_ros.teleop.mapping import PoseInSpace

SIGMA_M = np.array([0.002, 0.002, 0.008])  # of a palm's place: along the ray several times what it is across
FAULT_S = 4.3  # in the air, on the way
Fault = Callable[[float, SeenHand], SeenHand | None]


@cache
def true_hands() -> tuple[tuple[float, PoseInSpace, float], ...]:
    """Stamp, palm and aperture of every frame of the clip."""
    with np.load(clip_file("grasp_truth.npz")) as truth:
        stamps, joints = truth["stamp_s"].tolist(), truth["joints"].astype(float)
    palms = [PoseInSpace((j[WRIST] + j[MIDDLE_MCP]) / 2, joint_rotations(j, Side.RIGHT)[WRIST]) for j in joints]
    return tuple(zip(stamps, palms, map(aperture, joints), strict=True))


def seen(seed: int, fault: Fault | None = None) -> Iterator[tuple[float, SeenHand | None]]:
    """As a network sees them: with errors that last for ten frames."""
    random = np.random.default_rng(seed)
    error = random.normal(0, SIGMA_M)
    for stamp_s, palm, opened in true_hands():
        error = 0.9 * error + math.sqrt(1 - 0.81) * random.normal(0, SIGMA_M)
        hand: SeenHand | None = SeenHand(stamp_s, PoseInSpace(palm.position + error, palm.rotation), True, opened + random.normal(0, 0.03))
        if fault is not None and hand is not None and stamp_s >= FAULT_S:
            hand = fault(stamp_s, hand)
        yield stamp_s + 0.02, hand


def keeps_the_limits(run: Rehearsal) -> bool:
    for before, now in pairwise(run.commands):
        dt = now.time_s - before.time_s
        speed = length_of(now.pose.position - before.pose.position) / dt
        rise = length_of(now.velocity - before.velocity) / dt
        inside = DEMO_SETTINGS.workspace.contains(now.pose.position)
        if not (inside and speed <= DEMO_SETTINGS.move.speed * 1.001 and rise <= DEMO_SETTINGS.move.acceleration * 1.001):
            return False
    return len(run.commands) > 0


def test_the_arm_reaches_the_corners_of_its_workspace() -> None:
    arm, box = SimulatedArm(), DEMO_SETTINGS.workspace
    for corner in np.stack(np.meshgrid(*zip(box.low, box.high, strict=True)), -1).reshape(-1, 3):
        arm.go_to(PoseInSpace(corner, HOME_AXES), steps=50)
        arm.data.qpos[:5] = arm.data.ctrl[:5]
        arm.advance(0.002)
        assert length_of(arm.tool.position - corner) < 0.01, corner


@pytest.mark.parametrize("seed", range(3))
def test_the_cube_is_lifted_and_set_down(seed: int) -> None:
    run = rehearse(seen(seed), 0.5)
    assert was_set_down_elsewhere(run.cube)
    assert keeps_the_limits(run)


def test_nothing_moves_without_the_clutch() -> None:
    run = rehearse(seen(0), math.inf)
    assert not run.commands and not was_set_down_elsewhere(run.cube)
    assert length_of(run.tool[-1] - run.tool[0]) < 1e-3


FAULTS: dict[str, Fault] = {
    "the camera is pulled": lambda stamp_s, hand: None,
    "the hand is only predicted from now on": lambda stamp_s, hand: SeenHand(stamp_s, hand.pose, False, hand.aperture),
    "another hand takes its place": lambda stamp_s, hand: SeenHand(stamp_s, moved(hand, 0.3), True, 1.0),
    "it comes back elsewhere after a second": lambda stamp_s, hand: (
        None if stamp_s < FAULT_S + 1 else SeenHand(stamp_s, moved(hand, 0.2), True, 1.0)
    ),
    "its numbers are none": lambda stamp_s, hand: SeenHand(stamp_s, moved(hand, math.nan), True, math.nan),
    "its stamps stand still": lambda stamp_s, hand: SeenHand(FAULT_S, hand.pose, True, hand.aperture),
}


def moved(hand: SeenHand, metres: float) -> PoseInSpace:
    return PoseInSpace(hand.pose.position + metres, hand.pose.rotation)


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_the_tool_rests_and_holds_what_it_has(fault: str) -> None:
    run = rehearse(seen(1, FAULTS[fault]), 0.5)
    assert keeps_the_limits(run)
    assert run.commands[-1].time_s < FAULT_S + 1.0 and not run.commands[-1].velocity.any(), "braked, then silent"
    assert run.cube[-1, 2] > 0.06, "the cube is still in the gripper"
    assert length_of(run.tool[-1] - run.tool[-150]) < 1e-3


def test_a_released_clutch_stops_the_tool_in_the_air() -> None:
    run = rehearse(seen(1), 0.5, release_at_s=FAULT_S)
    assert keeps_the_limits(run)
    assert run.commands[-1].time_s < FAULT_S + 0.3 and run.cube[-1, 2] > 0.06
