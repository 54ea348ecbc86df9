"""Things that a hand really holds: as thick as the room between thumb, fingers and palm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handmesh_ros.hand import BONES, INDEX_MCP, LITTLE_MCP, MIDDLE_MCP, THUMB_TIP, WRIST, FloatArray
from handmesh_training.template.contacts import FINGER_TIPS
from handmesh_training.template.poses import CAPSULE_RADII, PALM_LENGTH_M, segment_distance
from handmesh_training.template.rotation_batches import random_rotations

WRAP_RADIUS_M, PINCH_HALF_GAP_M = (0.007, 0.042), (0.0015, 0.014)
TOUCH_M = 0.005  # a finger this near holds the thing
CLIMB_STEPS_M = (0.010, 0.006, 0.004, 0.003, 0.002, 0.001, 0.0007)
PIERCE_M = 0.004  # how far a pinched thing may reach into other fingers: flesh gives way


@dataclass(frozen=True, eq=False)
class Grasp:
    """Room for a thing in a hand.

    Attributes:
        centre: (3,) metres, the joints' frame; frame: (3, 3), columns are the thing's x, y, z (its long axis).
        half: (3,) half sizes along them.
        flat: pinched by its faces along x, so a card or a pen but not a can.
    """

    centre: FloatArray
    frame: FloatArray
    half: FloatArray
    flat: bool


def find_grasp(rng: np.random.Generator, joints: FloatArray) -> Grasp | None:
    """Room for a thing in a hand (21, 3), metres: closed round by palm, fingers and thumb, or between two tips. None in an open hand."""
    found = _wrapped(rng, joints) if rng.random() < 0.7 else None
    return found or _pinched(rng, joints)


def _flesh(joints: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Starts, ends (20, 3) and half thickness (20,) of the bones."""
    bones = np.array(BONES)
    size = np.linalg.norm(joints[MIDDLE_MCP] - joints[WRIST]) / PALM_LENGTH_M
    return joints[bones[:, 0]], joints[bones[:, 1]], CAPSULE_RADII * size


def _wrapped(rng: np.random.Generator, joints: FloatArray) -> Grasp | None:
    """The thickest rod or ball that fits: its middle climbs to where the nearest flesh is farthest away."""
    starts, ends, radii = _flesh(joints)
    across = joints[INDEX_MCP] - joints[LITTLE_MCP]
    axis = across / np.linalg.norm(across) + 0.22 * rng.standard_normal(3)
    axis /= np.linalg.norm(axis)
    half_length = 0.0 if rng.random() < 0.25 else rng.uniform(0.03, 0.09)

    def clearance(centres: FloatArray) -> FloatArray:
        a, b = (centres + sign * half_length * axis for sign in (-1, 1))
        return segment_distance(a[:, None], b[:, None], starts, ends) - radii

    centre = np.mean([joints[THUMB_TIP], joints[[8, 12, 16]].mean(0), joints[[5, 9, 13]].mean(0)], 0)
    for step in CLIMB_STEPS_M:
        for _ in range(2):
            centres = np.concatenate([centre[None], centre + step * rng.standard_normal((24, 3))])
            centre = centres[clearance(centres).min(1).argmax()]
    gaps = clearance(centre[None])[0]
    radius = float(gaps.min())
    finger_gaps = gaps[4:].reshape(4, 4)[:, 1:].min(1) - radius
    thumb_gap = gaps[1:4].min() - radius
    if not WRAP_RADIUS_M[0] < radius < WRAP_RADIUS_M[1] or thumb_gap > 2 * TOUCH_M or (finger_gaps < TOUCH_M).sum() < 2:
        return None
    # A hand that holds has flesh on opposite sides of the thing.
    touching = np.flatnonzero(gaps - radius < 2 * TOUCH_M)
    outwards = np.stack([_nearest(centre, axis, half_length, starts[k], ends[k]) for k in touching])
    if (outwards @ outwards.T).min() > -0.3:
        return None
    helper = np.cross(axis, rng.standard_normal(3))
    x = helper / np.linalg.norm(helper)
    return Grasp(centre, np.stack([x, np.cross(axis, x), axis], 1), np.array([radius, radius, max(half_length, radius)]), False)


def _nearest(centre: FloatArray, axis: FloatArray, half_length: float, start: FloatArray, end: FloatArray) -> FloatArray:
    """Unit direction (3,) from a rod to the nearest of some points of a bone."""
    points = start + np.linspace(0, 1, 9)[:, None] * (end - start)
    along = np.clip((points - centre) @ axis, -half_length, half_length)
    away = points - centre - along[:, None] * axis
    nearest = away[np.linalg.norm(away, axis=1).argmin()]
    return nearest / max(float(np.linalg.norm(nearest)), 1e-9)


def _pinched(rng: np.random.Generator, joints: FloatArray) -> Grasp | None:
    """A pen, card or bead between the pads of thumb and a finger."""
    starts, ends, radii = _flesh(joints)
    finger = int(rng.integers(4))
    tip = joints[FINGER_TIPS[finger]]
    between = tip - joints[THUMB_TIP]
    distance = float(np.linalg.norm(between))
    last = 4 * finger + 7
    half_gap = (distance - radii[3] - radii[last]) / 2
    if not PINCH_HALF_GAP_M[0] < half_gap < PINCH_HALF_GAP_M[1]:
        return None
    x = between / distance
    middle = joints[THUMB_TIP] + x * (radii[3] + half_gap)
    kind = rng.integers(3)
    if kind == 0:
        half = np.full(3, half_gap)
    elif kind == 1:
        half = np.array([half_gap, half_gap, rng.uniform(0.05, 0.08)])
    else:
        half = np.array([half_gap, rng.uniform(0.012, 0.035), rng.uniform(0.02, 0.05)])
    others = np.setdiff1d(np.arange(20), [3, last])
    best: tuple[float, FloatArray, FloatArray] | None = None
    steps = np.linspace(-1, 1, 7)
    for turn in random_rotations(rng, 12):
        z = np.cross(turn[0], x)
        z /= np.linalg.norm(z)
        frame = np.stack([x, np.cross(z, x), z], 1)
        shift = frame @ (half * [0, rng.uniform(-0.6, 0.6), rng.uniform(-0.75, 0.75)] * (kind > 0))
        points = np.stack(np.meshgrid(0.0, steps, steps), -1).reshape(-1, 3) * half
        points = middle + shift + points @ frame.T
        gaps = segment_distance(points[:, None], points[:, None], starts[others], ends[others]) - radii[others]
        clear = float(gaps.min()) - half_gap
        if best is None or clear > best[0]:
            best = clear, frame, middle + shift
    assert best is not None
    return Grasp(best[2], best[1], half, True) if best[0] > -PIERCE_M else None
