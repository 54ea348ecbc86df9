"""The tool follows a hand, and stops, whatever the hand does."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from handmesh_ros.perception.rotations import rotation_matrix, rotation_vector
from handmesh_ros.teleop.errors import TeleopError
from handmesh_ros.teleop.follower import Follower, FollowerSettings, Phase, SeenHand, ToolCommand
from handmesh_ros.teleop.limited_motion import Limits, Workspace, length_of
from handmesh_ros.teleop.mapping import PoseInSpace, axis_map

STEP_S = 0.01
FRAME_STEPS = 3  # a picture every 30 ms
HAND_MPS = 1.0
NEAR_M = 0.0025  # the dead zone and a little
SETTINGS = FollowerSettings(Workspace(np.array([0.2, -0.3, 0.0]), np.array([0.7, 0.3, 0.5])))
HOME = PoseInSpace(np.array([0.4, 0.0, 0.3]), rotation_matrix(np.array([math.pi, 0.0, 0.0])))
TO_TARGET = axis_map("-z x -y")
PALM = PoseInSpace(np.array([0.0, 0.1, 0.6]), np.eye(3))


@dataclass
class Bench:
    """A follower, a clock, and a tool that is where it was last told to be."""

    settings: FollowerSettings = SETTINGS
    now_s: float = 100.0
    tool: PoseInSpace = HOME
    moved: np.ndarray = field(default_factory=lambda: np.zeros(3))  # the hand, since it first came
    commands: list[ToolCommand] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.follower = Follower(self.settings, lambda: (self.tool, TO_TARGET))
        self.follower.step(self.now_s)

    def step(self, dt: float = STEP_S) -> ToolCommand | None:
        self.now_s += dt
        command = self.follower.step(self.now_s)
        if command is not None:
            self.tool = command.pose
            self.commands.append(command)
        return command

    def see(self, moved: tuple[float, float, float] = (0.0, 0.0, 0.0), measured: bool = True, aperture: float = 0.9) -> None:
        pose = PoseInSpace(PALM.position + np.array(moved), PALM.rotation)
        self.follower.see(SeenHand(self.now_s, pose, measured, aperture))

    def show(self, moved: tuple[float, float, float] = (0.0, 0.0, 0.0), for_s: float = 1.0, **seen: object) -> None:
        """A hand goes there and rests."""
        for step in range(round(for_s / STEP_S)):
            way = np.array(moved) - self.moved
            self.moved = self.moved + way * min(1.0, HAND_MPS * STEP_S / max(length_of(way), 1e-9))
            if step % FRAME_STEPS == 0:
                self.see(tuple(self.moved), **seen)  # type: ignore[arg-type]
            self.step()

    def wait(self, for_s: float) -> list[ToolCommand]:
        """Nobody is seen; the commands meanwhile."""
        return [command for _ in range(round(for_s / STEP_S)) if (command := self.step()) is not None]

    @property
    def away(self) -> np.ndarray:
        return np.asarray(self.tool.position - HOME.position)


def engaged(**changes: object) -> Bench:
    bench = Bench(replace(SETTINGS, **changes))  # type: ignore[arg-type]
    bench.follower.clutch(1)
    bench.show(for_s=0.1)
    assert bench.follower.phase is Phase.FOLLOWING
    return bench


def test_nothing_is_commanded_before_the_clutch_is_engaged() -> None:
    bench = Bench()
    bench.show((0.1, 0, 0))
    assert not bench.commands and bench.follower.reason == "not engaged yet"


def test_engagement_does_not_move_the_tool_and_motion_since_then_does() -> None:
    bench = engaged()
    np.testing.assert_allclose(bench.away, 0, atol=1e-12)
    bench.show((0.10, 0.0, -0.05))  # to the picture's right and nearer to the camera
    np.testing.assert_allclose(bench.away, [0.05, 0.10, 0.0], atol=NEAR_M)


def test_scale_and_dead_zone() -> None:
    bench = engaged(scale=0.3)
    bench.show((0.1, 0.0, 0.0))
    assert bench.away[1] == pytest.approx(0.03, abs=NEAR_M)
    still = engaged(dead_zone_m=0.01)
    still.show((0.009, 0.0, 0.0))
    assert not still.away.any()


def test_turns_follow_within_their_limits_and_can_be_switched_off() -> None:
    turned = PoseInSpace(PALM.position, rotation_matrix(np.array([0.0, -0.6, 0.0])))
    for turn_scale in (1.0, 0.0):
        bench = engaged(turn_scale=turn_scale)
        for step in range(150):
            if step % FRAME_STEPS == 0:
                bench.follower.see(SeenHand(bench.now_s, turned, True, 0.9))
            bench.step()
        turn = rotation_vector(bench.tool.rotation @ HOME.rotation.T)
        np.testing.assert_allclose(turn, [0, 0, 0.6 * turn_scale], atol=0.021)
        assert max(length_of(command.turning) for command in bench.commands) <= SETTINGS.turn.speed * (1 + 1e-9)


def test_the_tool_stays_in_its_workspace() -> None:
    bench = engaged()
    bench.show((0.8, 0, 0), for_s=2.0)
    assert bench.tool.position[1] == pytest.approx(SETTINGS.workspace.high[1], abs=1e-3)


def test_an_unmeasured_hand_holds_the_tool_and_a_measured_one_leads_it_on() -> None:
    bench = engaged()
    bench.show((0.1, 0, 0), for_s=0.2)
    moving = bench.away[1]
    bench.show((0.3, 0, 0), for_s=0.2, measured=False)
    assert bench.follower.phase is Phase.HOLDING
    assert (
        bench.away[1] <= moving + SETTINGS.move.speed**2 / 2 / SETTINGS.move.acceleration + 1e-9 and not bench.commands[-1].velocity.any()
    )
    bench.show((0.12, 0, 0))
    assert bench.away[1] == pytest.approx(0.12, abs=NEAR_M)


def is_stopped(bench: Bench) -> bool:
    """Braked, silent, and deaf for hands until engaged anew."""
    bench.wait(0.4)
    braking = bench.commands[-1]
    assert not braking.velocity.any() and not braking.turning.any(), "the last word is that the tool rests"
    place, count = bench.tool.position, len(bench.commands)
    bench.show((0.0, 0.1, 0.05))
    bench.show((0.0, 0.0, 0.0), measured=False)
    return bench.follower.phase is Phase.STOPPED and len(bench.commands) == count and bool((bench.tool.position == place).all())


def test_a_lost_hand_stops_the_tool_until_engaged_anew() -> None:
    bench = engaged()
    bench.show((0.1, 0, 0), for_s=0.2)
    assert is_stopped(bench) and "no hand was measured" in bench.follower.reason
    before = bench.tool.position
    bench.follower.clutch(2)
    bench.moved = np.array([-0.2, 0.1, 0.1])
    bench.show((-0.2, 0.1, 0.1), for_s=0.1)  # elsewhere: the reference is taken there
    np.testing.assert_allclose(bench.tool.position, before, atol=1e-12)
    bench.show((-0.2, 0.1, 0.0))
    np.testing.assert_allclose(bench.tool.position - before, [0.1, 0, 0], atol=NEAR_M)


def test_a_hand_that_stays_unmeasured_stops_the_tool() -> None:
    bench = engaged()
    bench.show((0.1, 0, 0), for_s=0.2)
    bench.show((0.1, 0, 0), for_s=0.5, measured=False)
    assert is_stopped(bench)


def test_the_same_engagement_never_begins_twice_but_a_release_makes_it_new() -> None:
    bench = engaged()
    bench.wait(1.0)
    bench.follower.clutch(1)
    bench.show()
    assert bench.follower.phase is Phase.STOPPED
    bench.follower.clutch(None)
    bench.follower.clutch(1)
    bench.show(for_s=0.1)
    assert bench.follower.phase is Phase.FOLLOWING


def test_release_brakes_within_the_limits() -> None:
    bench = engaged()
    bench.show((0.2, 0, 0), for_s=0.4)
    bench.follower.clutch(None)
    assert bench.follower.phase is Phase.STOPPING and is_stopped(bench) and bench.follower.reason == "released"


def test_a_hand_that_jumps_stops_the_tool() -> None:
    bench = engaged()
    bench.show((0.02, 0, 0), for_s=0.2)
    bench.see((0.35, 0, 0))
    assert bench.follower.phase is Phase.STOPPING and is_stopped(bench) and "jumped" in bench.follower.reason


def test_stamps_and_clocks_that_go_back_stop_the_tool() -> None:
    bench = engaged()
    bench.follower.see(SeenHand(bench.now_s - 5.0, PALM, True, 0.9))
    assert is_stopped(bench) and "stamps went back" in bench.follower.reason
    bench = engaged()
    bench.step(-5.0)
    assert bench.follower.phase is Phase.STOPPED and bench.follower.reason == "the clock went back"


def test_stamps_of_a_clock_that_is_ahead_stop_the_tool() -> None:
    bench = engaged()
    bench.follower.see(SeenHand(bench.now_s + 3600.0, PALM, True, 0.9))
    bench.step()
    assert is_stopped(bench) and "ahead of the clock" in bench.follower.reason


def test_after_a_pause_of_the_process_the_tool_starts_from_rest() -> None:
    bench = engaged()
    bench.show((0.1, 0, 0), for_s=0.2)
    place = bench.tool.position
    paused = bench.step(0.25)
    assert paused is not None and not paused.velocity.any() and (paused.pose.position == place).all()


def test_the_gripper_moves_when_the_hand_changes_not_when_it_is_engaged() -> None:
    bench = engaged()
    assert bench.commands[-1].gripper_closed is None
    bench.show(for_s=0.1, aperture=0.1)
    assert bench.commands[-1].gripper_closed is True
    bench.show(for_s=0.1, aperture=0.5)
    bench.show(for_s=0.1, aperture=0.9, measured=False)
    assert bench.commands[-1].gripper_closed is True
    bench.show(for_s=0.1, aperture=0.9)
    assert bench.commands[-1].gripper_closed is False


def test_a_tool_outside_the_workspace_or_unknown_is_not_moved() -> None:
    bench = Bench(tool=PoseInSpace(np.array([0.4, 0.0, 0.9]), HOME.rotation))
    bench.follower.clutch(1)
    bench.show()
    assert not bench.commands and "outside the workspace" in bench.follower.reason

    def unknown() -> tuple[PoseInSpace, np.ndarray]:
        raise TeleopError("no transform from tool0 to base_link")

    follower = Follower(SETTINGS, unknown)
    follower.step(1.0)
    follower.clutch(1)
    follower.see(SeenHand(1.0, PALM, True, 0.9))
    assert follower.step(1.01) is None and follower.reason == "not engaged: no transform from tool0 to base_link"


@pytest.mark.parametrize("change", [{"scale": -1.0}, {"turn_scale": math.nan}, {"lost_after_s": 0.0}, {"fastest_hand_mps": math.inf}])
def test_settings_that_cannot_be_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(TeleopError, match=next(iter(change))):
        replace(SETTINGS, **change)  # type: ignore[arg-type]


# ---- whatever happens ----

ODD = (math.nan, math.inf, -math.inf, 1e300, 0.0)
# The hand moves the tool from wall to wall.
TIGHT = replace(SETTINGS, scale=4.0, workspace=Workspace(HOME.position - 0.08, HOME.position + 0.08))


class Judge:
    """Tells a follower what happens, and judges its commands by the poses alone, as a robot sees them."""

    def __init__(self) -> None:
        self.bench = Bench(TIGHT)
        self.engagement: int | None = None
        self.unused = False
        self.last: ToolCommand | None = None
        self.moving = 0  # commands

    def clutch(self, engagement: int | None) -> None:
        self.unused = engagement is not None and (self.unused or engagement != self.engagement)
        self.engagement = engagement
        self.bench.follower.clutch(engagement)

    def see(self, moved: tuple, turn: tuple, measured: bool, aperture: float, late_s: float) -> None:
        bench = self.bench
        pose = PoseInSpace(PALM.position + np.array(moved), rotation_matrix(np.array(turn)))
        was_stopped = bench.follower.phase is Phase.STOPPED
        bench.follower.see(SeenHand(bench.now_s + late_s, pose, measured, aperture))
        if was_stopped and bench.follower.phase is not Phase.STOPPED:
            assert self.unused, "begun without an engagement of its own"
            self.unused, self.last = False, ToolCommand(bench.now_s, bench.tool, np.zeros(3), np.zeros(3), None)

    def step(self, dt: float, times: int) -> None:
        bench = self.bench
        for _ in range(times):
            resting = bench.follower.phase is Phase.STOPPED
            command = bench.follower.step(bench.now_s + dt)
            bench.now_s += dt if math.isfinite(dt) and abs(dt) < 1 else 0.0
            if command is not None:
                assert not resting and self.last is not None
                within_limits(self.last, command)
                self.moving += bool(command.velocity.any())
                bench.tool, self.last = command.pose, command

    def lead(self, moved: tuple, turn: tuple, aperture: float, steps: int) -> None:
        self.see(moved, turn, True, aperture, 0.0)
        self.step(STEP_S, steps)


def odd_hand(random: np.random.Generator) -> tuple[tuple, tuple, bool, float, float]:
    """Anywhere, in any state, at any time, with numbers that are none."""
    moved, (aperture, late_s) = random.uniform(-0.4, 0.4, 3), random.uniform(-0.5, 0.5, 2)
    if random.random() < 0.5:
        moved[random.integers(3)] = random.choice(ODD)
    if random.random() < 0.3:
        late_s = random.choice(ODD)
    return tuple(moved), tuple(random.uniform(-4, 4, 3)), bool(random.integers(2)), float(aperture), float(random.choice([0.0, late_s]))


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_no_limit_is_exceeded_and_nothing_moves_without_an_engagement(seed: int) -> None:
    random, judge = np.random.default_rng(seed), Judge()
    for number in range(150):
        dice = random.random()
        if dice < 0.05 or (judge.bench.follower.phase is Phase.STOPPED and dice < 0.4):
            judge.clutch(random.choice([None, number]))
        elif dice < 0.10:
            judge.see(*odd_hand(random))
        elif dice < 0.15:
            judge.step(float(random.choice([random.uniform(-0.5, 0.6), *ODD])), int(random.integers(1, 4)))
        else:
            judge.lead(
                tuple(random.uniform(-0.04, 0.04, 3)), tuple(random.uniform(-0.5, 0.5, 3)), random.random(), int(random.integers(1, 20))
            )
    assert judge.moving > 200, "the story is one of motion"


def within_limits(before: ToolCommand, command: ToolCommand) -> None:
    dt = command.time_s - before.time_s
    assert dt > 0
    more = 1 + 1e-6
    assert TIGHT.workspace.contains(command.pose.position)
    assert command.pose.is_rigid
    np.testing.assert_allclose(command.pose.position - before.pose.position, command.velocity * dt, atol=1e-9)
    np.testing.assert_allclose(command.pose.rotation, rotation_matrix(command.turning * dt) @ before.pose.rotation, atol=1e-9)
    for limits, new, old in (
        (TIGHT.move, command.velocity, before.velocity),
        (TIGHT.turn, command.turning, before.turning),
    ):
        assert length_of(new) <= limits.speed * more
        assert length_of(new - old) <= limits.acceleration * dt * more + 1e-9


def test_the_checks_above_can_fail() -> None:
    rest = ToolCommand(0.0, HOME, np.zeros(3), np.zeros(3), None)
    fast = np.array([0.0, 0.2, 0.0])
    with pytest.raises(AssertionError):
        within_limits(rest, ToolCommand(0.01, PoseInSpace(HOME.position + 0.01 * fast, HOME.rotation), fast, np.zeros(3), None))
    assert Limits(0.25, 2.0) == TIGHT.move
