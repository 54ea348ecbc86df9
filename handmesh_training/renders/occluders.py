"""What else is in the picture beside the hand: things held, things in front, other hands, arms and heads behind."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from handmesh_ros.hand import FloatArray
from handmesh_training.renders.held_things import Grasp, find_grasp
from handmesh_training.renders.scene import Occluders
from handmesh_training.renders.solids import ball, box, can, capsule
from handmesh_training.template.rotation_batches import random_rotations

# Of the hands with something in or before them.
HELD, SECOND_HAND = 0.33, 0.40
BEHIND_SHARE = 0.12  # of all hands: an arm or a head farther away


@dataclass(eq=False)
class Things:
    """Collects triangles of many pictures."""

    parts: list[tuple[FloatArray, ...]] = field(default_factory=list)

    def add(self, image: int, corners: FloatArray, normals: FloatArray, colour: FloatArray, two_sided: np.ndarray | None = None) -> None:
        """Adds triangles (T, 3, 3) with normals to a picture; colour is linear RGB, (3,) or (T, 3, 3)."""
        count = len(corners)
        loose = np.zeros(count, bool) if two_sided is None else two_sided
        self.parts.append((corners, normals, np.broadcast_to(colour, corners.shape), np.full(count, image), loose))

    def solid(
        self, image: int, shape: tuple[FloatArray, FloatArray], place: FloatArray, frame: FloatArray, scale: FloatArray, colour: FloatArray
    ) -> None:
        """Adds a solid: stretched by ``scale``, its axes turned to the columns of ``frame``, its middle at ``place``."""
        corners, normals = shape
        turned = (normals / scale) @ frame.T
        turned /= np.maximum(np.linalg.norm(turned, axis=2, keepdims=True), 1e-9)
        self.add(image, (corners * scale) @ frame.T + place, turned, colour)

    def tensors(self, device: torch.device | str) -> Occluders | None:
        """All of them as a scene wants them; None if there are none."""
        if not self.parts:
            return None
        corners, normals, colour, image, loose = (np.concatenate(part) for part in zip(*self.parts, strict=True))

        def tensor(values: np.ndarray, kind: type) -> torch.Tensor:
            return torch.from_numpy(values.astype(kind)).to(device)

        return Occluders(
            tensor(corners, np.float32), tensor(normals, np.float32), tensor(image, np.int64), tensor(colour, np.float32),
            tensor(loose, np.bool_),
        )  # fmt: skip


def assign(rng: np.random.Generator, joints: FloatArray, share: float) -> tuple[dict[int, Grasp], np.ndarray, np.ndarray]:
    """Says which hands (N, 21, 3; camera frame) have what; together about ``share`` of them.

    Things to hold go to hands that are closed round something or pinch.

    Returns:
        grasps by hand; hands with a thing in front; hands with another hand beside them: indices.
    """
    count = len(joints)
    order = rng.permutation(count)
    wanted = int(rng.binomial(count, share))
    to_hold = int(rng.binomial(wanted, HELD))
    grasps: dict[int, Grasp] = {}
    for hand in order:
        if len(grasps) == to_hold:
            break
        grasp = find_grasp(rng, joints[hand])
        if grasp is not None:
            grasps[int(hand)] = grasp
    rest = np.array([hand for hand in order if hand not in grasps][: wanted - len(grasps)], int)
    second = rng.random(len(rest)) < SECOND_HAND / (1 - HELD)
    return grasps, rest[~second], rest[second]


def add_held(rng: np.random.Generator, things: Things, image: int, grasp: Grasp) -> None:
    """A can, box, rod or ball that fills a grasp."""
    half, long = grasp.half, grasp.half[2] > 1.5 * grasp.half[0]
    kind = rng.integers(3)
    if grasp.flat and half[1] > 1.5 * half[0]:
        shape, scale = box(), half
    elif not long:
        shape, scale = (ball(), half) if kind else (box(), 0.75 * half)
    elif kind == 0:
        shape, scale = capsule(max(half[2] / half[0] - 1, 0.0)), np.full(3, half[0])
    elif kind == 1:
        shape, scale = can(), half
    else:
        shape, scale = box(), half * [0.8, 0.8, 1.0]
    things.solid(image, shape, grasp.centre, grasp.frame, scale, thing_colour(rng))


def add_in_front(rng: np.random.Generator, things: Things, image: int, joints: FloatArray) -> None:
    """A thing between the camera and some joint, a little aside so that it seldom hides everything."""
    hidden = joints[rng.integers(len(joints))]
    distance = np.linalg.norm(hidden)
    place = hidden * (1 - rng.uniform(0.03, 0.10) / distance) + rng.normal(0, 0.02, 3)
    shape = (ball(), can(), box())[rng.integers(3)]
    things.solid(image, shape, place, random_rotations(rng, 1)[0], rng.uniform(0.008, 0.04, 3), thing_colour(rng))


def add_behind(rng: np.random.Generator, things: Things, image: int, joints: FloatArray, skin: FloatArray) -> None:
    """A bare arm or a head of the colour ``skin`` (3,), farther away than the hand."""
    depth = rng.uniform(0.15, 0.6)
    place = joints.mean(0)
    place = place * (1 + depth / np.linalg.norm(place)) + rng.normal(0, 0.13, 3) * [1, 1, 0]
    colour = skin * rng.uniform(0.7, 1.3) * (1 + rng.normal(0, 0.06, 3))
    if rng.random() < 0.5:
        things.solid(image, ball(), place, random_rotations(rng, 1)[0], np.array([0.075, 0.09, 0.11]), colour)
        return
    radius, half_length = rng.uniform(0.03, 0.05), rng.uniform(0.12, 0.25)
    things.solid(image, capsule(half_length / radius), place, random_rotations(rng, 1)[0], np.full(3, radius), colour)


def thing_colour(rng: np.random.Generator) -> FloatArray:
    """(3,) linear RGB of a thing: dark to bright, dull to coloured."""
    return rng.uniform(0.03, 0.7) * rng.uniform(0.4, 1.0, 3)
