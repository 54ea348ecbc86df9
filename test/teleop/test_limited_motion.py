"""Motion within limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handmesh_ros.teleop.errors import TeleopError
from handmesh_ros.teleop.limited_motion import Limits, Workspace, braked, kept_inside, length_of, next_velocity

LIMITS = Limits(0.25, 2.0)
BOX = Workspace(np.array([-0.3, -0.3, 0.0]), np.array([0.3, 0.3, 0.4]))


def test_a_resting_goal_is_reached_without_overshoot_in_little_more_than_the_least_time() -> None:
    goal, place, velocity, dt, elapsed = np.array([0.2, -0.1, 0.3]), np.zeros(3), np.zeros(3), 0.01, 0.0
    distance = length_of(goal)
    while length_of(goal - place) > 1e-3:
        velocity = next_velocity(goal - place, velocity, dt, LIMITS)
        place = place + velocity * dt
        assert length_of(place) <= distance + 1e-12
        elapsed += dt
    least = distance / LIMITS.speed + LIMITS.speed / LIMITS.acceleration  # full speed, and half the time of speeding up and braking twice
    assert least - 0.05 < elapsed < least + 0.1


def test_a_goal_that_moves_steadily_is_followed_behind_by_the_braking_distance() -> None:
    speed, dt, place, velocity = 0.2, 0.01, np.zeros(3), np.zeros(3)
    for step in range(1, 200):
        goal = np.array([speed * dt * step, 0.0, 0.0])
        velocity = next_velocity(goal - place, velocity, dt, LIMITS)
        place = place + velocity * dt
    assert velocity[0] == pytest.approx(speed, rel=1e-3)
    assert (goal - place)[0] == pytest.approx(speed**2 / (2 * LIMITS.acceleration), rel=0.05)


places = st.tuples(*[st.floats(-1.0, 1.0)] * 3).map(np.array)


@settings(max_examples=200, deadline=None)
@given(goals=st.lists(st.tuples(places, st.floats(1e-4, 0.3)), min_size=1, max_size=40))
def test_whatever_the_goals_and_steps_the_limits_and_the_box_hold(goals: list[tuple[np.ndarray, float]]) -> None:
    place, velocity = np.array([0.0, 0.0, 0.2]), np.zeros(3)
    for goal, dt in goals:
        before = velocity
        wanted = next_velocity(BOX.nearest(goal) - place, velocity, dt, LIMITS)
        velocity = kept_inside(place, velocity, wanted, dt, LIMITS, BOX)
        place = place + velocity * dt
        assert length_of(velocity) <= LIMITS.speed * (1 + 1e-9)
        assert length_of(velocity - before) <= LIMITS.acceleration * dt * (1 + 1e-9)
        assert BOX.contains(place)
    resting = place
    while velocity.any():
        velocity = braked(velocity, 0.01, LIMITS)
        resting = resting + velocity * 0.01
        assert BOX.contains(resting), "it can still be stopped inside"


def test_the_wall_is_reached() -> None:
    """Being able to stop inside must not keep the tool away from the wall."""
    place, velocity, goal = np.array([0.0, 0.0, 0.2]), np.zeros(3), BOX.nearest(np.array([5.0, 1.0, 0.2]))
    for _ in range(400):
        velocity = kept_inside(place, velocity, next_velocity(goal - place, velocity, 0.01, LIMITS), 0.01, LIMITS, BOX)
        place = place + velocity * 0.01
    np.testing.assert_allclose(place, [0.3, 0.3, 0.2], atol=1e-4)


@pytest.mark.parametrize("values", [(0.0, 1.0), (1.0, -1.0), (float("nan"), 1.0), (float("inf"), 1.0)])
def test_limits_that_limit_nothing_are_refused(values: tuple[float, float]) -> None:
    with pytest.raises(TeleopError, match="positive numbers"):
        Limits(*values)


@pytest.mark.parametrize("high", [(0.0, 1.0, 1.0), (1.0, 1.0), (float("nan"), 1.0, 1.0)])
def test_a_box_without_an_inside_is_refused(high: tuple[float, ...]) -> None:
    with pytest.raises(TeleopError, match="lowest and of its highest corner"):
        Workspace(np.zeros(3), np.array(high))
