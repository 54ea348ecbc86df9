"""Motion after a goal within limits of speed and acceleration, that can always be stopped inside a box.

Time goes in steps of any length: in one of ``dt`` seconds the velocity changes first, then the place by ``dt`` times the new velocity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_ros.teleop.errors import TeleopError

ROUNDING_M = 1e-9  # so that a tool at a wall of the workspace is inside


@dataclass(frozen=True)
class Limits:
    """Of a motion: metres or radians per second, and per second squared.

    Raises:
        TeleopError: a limit is not a positive number.
    """

    speed: float
    acceleration: float

    def __post_init__(self) -> None:
        if not (0 < self.speed < math.inf and 0 < self.acceleration < math.inf):
            raise TeleopError(f"limits of speed and acceleration must be positive numbers, not {self.speed} and {self.acceleration}")


@dataclass(frozen=True, eq=False)
class Workspace:
    """A box that the tool stays in: two corners (3,), metres, axes of the target frame.

    Raises:
        TeleopError: the box has no inside.
    """

    low: FloatArray
    high: FloatArray

    def __post_init__(self) -> None:
        low, high = np.asarray(self.low, float), np.asarray(self.high, float)
        if low.shape != (3,) or high.shape != (3,) or not (low < high).all():
            raise TeleopError(f"a workspace needs x, y, z of its lowest and of its highest corner, not {self.low} and {self.high}")
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    def contains(self, point: FloatArray) -> bool:
        return bool((point >= self.low - ROUNDING_M).all() and (point <= self.high + ROUNDING_M).all())

    def nearest(self, point: FloatArray) -> FloatArray:
        """The place of the box that is nearest to a point (3,)."""
        return np.minimum(np.maximum(point, self.low), self.high)


def next_velocity(to_goal: FloatArray, velocity: FloatArray, dt: float, limits: Limits) -> FloatArray:
    """The velocity (3,) of the next step.

    Towards the goal as fast as the limits let it arrive there at rest: after a step of ``s dt`` the rest of the way must be enough to
    brake, ``d - s dt >= s^2 / (2 a)``, and the largest such ``s`` falls by at most ``a dt`` from step to step.

    Args:
        to_goal: (3,) from here to the goal, metres or (a rotation vector) radians.
        velocity: (3,) of the last step, within the limits.
        dt: seconds, positive.
    """
    distance = length_of(to_goal)
    wanted: FloatArray = np.zeros(3)
    if distance > 0:
        rate = limits.acceleration
        speed = min(rate * (math.sqrt(dt * dt + 2 * distance / rate) - dt), limits.speed)
        wanted = to_goal * (speed / distance)
    change = wanted - velocity
    amount = length_of(change)
    if amount > limits.acceleration * dt:
        change *= limits.acceleration * dt / amount
    return shortened(velocity + change, limits.speed)


def braked(velocity: FloatArray, dt: float, limits: Limits) -> FloatArray:
    """The velocity (3,) of the next step on the straight way to rest."""
    speed = length_of(velocity)
    return velocity * max(1 - limits.acceleration * dt / speed, 0.0) if speed > 0 else velocity


def kept_inside(place: FloatArray, velocity: FloatArray, wanted: FloatArray, dt: float, limits: Limits, box: Workspace) -> FloatArray:
    """``wanted`` where the motion can still be stopped inside the box after a step with it, else braking.

    Braking goes straight on for at most ``v^2 / (2 a)`` in steps of any length, and the box is convex: a motion that could be stopped
    inside before a step can be stopped inside after it, whichever of the two it is.
    """
    after = place + wanted * dt
    stop = after + wanted * (length_of(wanted) / (2 * limits.acceleration))
    return wanted if box.contains(after) and box.contains(stop) else braked(velocity, dt, limits)


def length_of(vector: FloatArray) -> float:
    return math.hypot(*vector.tolist())


def shortened(vector: FloatArray, longest: float) -> FloatArray:
    """The vector (3,), no longer than that."""
    size = length_of(vector)
    return vector * (longest / size) if size > longest else vector
