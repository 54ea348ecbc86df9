"""Movements of whole hands with known truth: people of several shapes reach, grasp, pinch, turn and make fists, with rests between.

Everything moves with least jerk from one key to the next, as arms do. The truth is the rig's, so it is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from handmesh_ros.hand import MIDDLE_MCP, WRIST, FloatArray
from handmesh_training.renders.views import hand_rotation
from handmesh_training.template.minimum_jerk import minimum_jerk
from handmesh_training.template.rig import Rig
from handmesh_training.template.rotation_batches import slerp

MOTION_RATE_HZ = 30
SECONDS = 6.0
OPEN, FISTS = ("Sign 5", "Straight", "Default pose"), ("Grip 1", "Thumb", "Grip", "Metal")
GRASPS, PINCHES = ("Grip 2", "Grip 4", "Cup", "Grip Shaft", "Hold"), ("OK", "Pinch Tight", "Pinch Large", "Pinch Middle")
# How long a movement and a rest take, seconds: reaches of 0.25 m in 0.6 to 0.9 s have their peak at 0.5 to 0.8 m/s, fingers that close by
# 1.5 rad in 0.4 s turn at up to 7 rad/s.
MOVING_S, RESTING_S = (0.4, 0.9), (0.3, 1.0)
REACH_M, SWAY_M = 0.12, 0.015
KINDS = ("reach", "grasp", "pinch", "turn", "fist", "all")


@dataclass(frozen=True, eq=False)
class HandMotion:
    """One right hand in F frames.

    Attributes:
        name: what it does.
        stamps: (F,) seconds.
        local_rotations: (F, 27, 3, 3) of the rig's bones; bone_scale: (27, 3), the person.
        rotation: (F, 3, 3) mesh frame to camera; wrist: (F, 3) camera frame, metres.
        joints: (F, 21, 3) camera frame, metres.
    """

    name: str
    stamps: FloatArray
    local_rotations: FloatArray
    bone_scale: FloatArray
    rotation: FloatArray
    wrist: FloatArray
    joints: FloatArray

    @property
    def size_m(self) -> float:
        """Wrist to middle mcp."""
        return float(np.median(np.linalg.norm(self.joints[:, MIDDLE_MCP] - self.joints[:, WRIST], axis=1)))


def hand_motion(kind: str, rig: Rig, poses: Mapping[str, FloatArray], bone_scale: FloatArray, seed: int) -> HandMotion:
    """A person's hand doing one of ``KINDS``. Equal seeds give equal motions."""
    rng = np.random.default_rng(seed)
    stamps = np.arange(round(SECONDS * MOTION_RATE_HZ)) / MOTION_RATE_HZ
    times, names, views, places = _keys(kind, rng, stamps[-1])
    segment = np.clip(np.searchsorted(times, stamps, side="right") - 1, 0, len(times) - 2)
    part = minimum_jerk((stamps - times[segment]) / (times[segment + 1] - times[segment]))

    def between(values: FloatArray) -> FloatArray:
        return values[segment] + part[:, None] * (values[segment + 1] - values[segment])

    named = np.stack([poses[name] for name in names])
    local = slerp(named[segment], named[segment + 1], np.repeat(part[:, None], rig.bone_count, 1))
    rotation, wrist = hand_rotation(*np.radians(between(views)).T), between(places)
    own = rig.joint_positions(rig.bone_transforms(local, np.broadcast_to(bone_scale, (len(local), *bone_scale.shape))))
    joints = (own - own[:, :1]) @ rotation.transpose(0, 2, 1) + wrist[:, None]
    return HandMotion(kind, stamps, local, bone_scale, rotation, wrist, joints)


def _keys(kind: str, rng: np.random.Generator, end_s: float) -> tuple[FloatArray, list[str], FloatArray, FloatArray]:
    """Times, pose names, views (azimuth, elevation, roll in degrees) and places, twice each where the hand rests."""
    home = np.array([rng.uniform(-0.1, 0.1), rng.uniform(0.0, 0.1), rng.uniform(0.45, 0.8)])
    view = np.array([rng.choice([0.0, 180.0]) + rng.normal(0, 25), rng.normal(5, 15), rng.normal(0, 25)])
    pose, place = str(rng.choice(OPEN if kind != "reach" else GRASPS)), home
    times, names, views, places, now = [], [], [], [], 0.0
    while True:
        for rest in (0.0, rng.uniform(*RESTING_S)):
            now += rest
            times.append(now)
            names.append(pose)
            views.append(view)
            places.append(place)
        if now > end_s:
            return np.array(times), names, np.array(views), np.array(places)
        now += rng.uniform(*MOVING_S)
        act = str(rng.choice(KINDS[:-1])) if kind == "all" else kind
        if act == "reach":
            place = home + REACH_M * rng.uniform(-1, 1, 3) * np.array([1.0, 0.7, 1.0])
        else:
            place = place + SWAY_M * rng.normal(0, 1, 3)
        if act == "turn":
            view = view + np.array([rng.choice([-1, 1]) * rng.uniform(30, 80), rng.normal(0, 12), rng.normal(0, 20)])
            view[1] = np.clip(view[1], -30, 45)
        closed = {"grasp": GRASPS, "pinch": PINCHES, "fist": FISTS}.get(act)
        if closed is not None:
            pose = str(rng.choice(OPEN if pose in closed else closed))
