"""From a hand's motion since engagement to a tool's goal."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.rotations import rotation_matrix, rotation_vector
from handmesh_ros.teleop.errors import TeleopError
from handmesh_ros.teleop.limited_motion import length_of

AXES = ("x", "y", "z")
UPRIGHT = np.eye(3)
RIGID = 1e-3  # float32 quaternions give 1e-7; a broken message gives anything


@dataclass(frozen=True, eq=False)
class PoseInSpace:
    """A place (3,) in metres and axes (3, 3), as columns, in the same frame."""

    position: FloatArray
    rotation: FloatArray

    @property
    def is_rigid(self) -> bool:
        """Whether it is a pose at all: finite, and its axes are a rotation's."""
        R = self.rotation
        # Written so that NaN is no pose; numpy's own isfinite and allclose take five times as long.
        return all(map(math.isfinite, self.position.tolist())) and bool(np.abs(R.T @ R - UPRIGHT).max() < RIGID)


def axis_map(text: str) -> FloatArray:
    """The rotation (3, 3) from the hand's frame to the target frame that a text such as "z -x -y" says.

    Its three words are what the target's x, y and z axes are called in the hand's frame. A camera's optical frame is x right, y down, z
    forward, so "z -x -y" fits a camera that looks where the robot looks, and "-z x -y" one that looks back at the robot.

    Raises:
        TeleopError: not three different axes, or a mirror image, in which every turn would go the other way round.
    """
    words = text.split()
    if sorted(word.lstrip("-") for word in words) != list(AXES) or any(word.count("-") > 1 for word in words):
        raise TeleopError(f"axis map {text!r}: expected x, y and z once each in any order, each with or without a minus, such as 'z -x -y'")
    rows = np.zeros((3, 3))
    for row, word in enumerate(words):
        rows[row, AXES.index(word[-1])] = -1.0 if word[0] == "-" else 1.0
    if np.linalg.det(rows) < 0:
        raise TeleopError(f"axis map {text!r} is a mirror image, which no robot can follow: change the sign of one axis")
    return rows


@dataclass(frozen=True, eq=False)
class Reference:
    """Hand and tool at engagement: what the hand did since then, the tool is to do.

    Attributes:
        hand: in the hand's frame.
        tool: in the target frame.
        to_target: (3, 3) rotation from the hand's frame to the target frame.
    """

    hand: PoseInSpace
    tool: PoseInSpace
    to_target: FloatArray

    def goal(self, hand: PoseInSpace, scale: float, turn_scale: float) -> PoseInSpace:
        """Where the tool is to be, in the target frame.

        Args:
            scale: metres of the tool for a metre of the hand.
            turn_scale: radians of the tool for a radian of the hand.
        """
        moved = self.to_target @ (hand.position - self.hand.position)
        turned = self.to_target @ rotation_vector(hand.rotation @ self.hand.rotation.T)
        return PoseInSpace(self.tool.position + scale * moved, rotation_matrix(turn_scale * turned) @ self.tool.rotation)


def outside_dead_zone(before: PoseInSpace, goal: PoseInSpace, radius_m: float, angle_rad: float) -> PoseInSpace:
    """The goal that counts: the former one, pulled along only as far as the new one is outside a dead zone about it."""
    move = goal.position - before.position
    turn = rotation_vector(goal.rotation @ before.rotation.T)
    distance, angle = length_of(move), length_of(turn)
    return PoseInSpace(
        before.position + move * (1 - radius_m / distance) if distance > radius_m else before.position,
        rotation_matrix(turn * (1 - angle_rad / angle)) @ before.rotation if angle > angle_rad else before.rotation,
    )
