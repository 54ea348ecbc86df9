"""Random hands: poses within the limits of real joints. One function serves renders and template, so labels are exact.

The thumb comes only from blends of the 35 named poses: its joints depend on each other, and sampling them one by one makes thumbs
that nobody has. Fingers come from blends as well or, in half of the hands, from curl and spread within the joints' limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from handmesh_ros.hand import BONES, FloatArray
from handmesh_training.template.rig import FOREARM, Rig
from handmesh_training.template.rotation_batches import axis_rotation, from_rotation_vectors, rotation_vectors, slerp
from handmesh_training.template.shapes import FINGER_BONES, PHALANGES

# Degrees, a bone's flexion about its local z counted from a straight finger.
MCP_RANGE, PIP_RANGE, DIP_OF_PIP = (-12.0, 85.0), (2.0, 100.0), (0.35, 0.75)
MCP_LIMITS, PIP_LIMITS, DIP_LIMITS = (-23.0, 92.0), (-4.0, 110.0), (-5.0, 90.0)
ABDUCTION_LIMITS = (-25.0, 25.0)
SPREAD = np.array([1.0, 0.15, -0.55, -1.2])  # abduction of index to little when the hand opens
ARCH = np.array([0.0, 0.0, 6.0, 12.0])  # ring's and little's metacarpals bend with the curl
WRIST_SD, WRIST_LIMIT = np.array([13.0, 28.0, 20.0]), 69.0  # deviation, flexion, twist: about the rest mesh's x, y, z

# Half thickness of the flesh round each bone of the 21 joints, metres; palm bones count as thin as their flesh is on the palm's side.
CAPSULE_RADII = np.array(
    [0.010, 0.011, 0.009, 0.008]  # thumb: wrist to cmc, metacarpal, proximal, distal
    + [0.009, 0.0085, 0.0075, 0.0065] * 3
    + [0.009, 0.0075, 0.0065, 0.006]
)
PALM_LENGTH_M = 0.077  # wrist to middle mcp of the hand that has these radii
PENETRATION_LIMIT = 0.62  # capsules may come this close, as a part of the sum of their radii: flesh gives way


def sample_poses(rig: Rig, poses: Mapping[str, FloatArray], rng: np.random.Generator, count: int) -> FloatArray:
    """(count, 27, 3, 3) local rotations of hands that do not pierce themselves; the root keeps its rest rotation.

    Args:
        poses: the named poses of :func:`handmesh_training.template.rig.load_poses`.
    """
    return sample_free(rig, lambda number: (_propose(rig, poses, rng, number),), count)[0]


def sample_free(rig: Rig, propose: Callable[[int], tuple[FloatArray, ...]], count: int) -> tuple[FloatArray, ...]:
    """The first ``count`` proposals without self-collisions.

    Args:
        propose: gives some number of candidates: local rotations (N, 27, 3, 3), and N rows of whatever belongs to them.
    """
    kept: list[tuple[FloatArray, ...]] = []
    missing = count
    while missing:
        candidates = propose(missing + missing // 2 + 8)
        free = np.flatnonzero(~self_collides(rig.joint_positions(rig.bone_transforms(candidates[0]))))[:missing]
        kept.append(tuple(rows[free] for rows in candidates))
        missing -= len(free)
    return tuple(np.concatenate(rows) for rows in zip(*kept, strict=True))


def self_collides(joints: FloatArray) -> np.ndarray:
    """(N,) whether bones of different fingers, or a finger's last bones and its palm, share space. joints: (N, 21, 3) metres."""
    starts = joints[:, [parent for parent, _ in BONES]]
    ends = joints[:, [child for _, child in BONES]]
    # Bones differ in size between hands: capsules grow with the palm.
    size = np.linalg.norm(joints[:, 9] - joints[:, 0], axis=-1) / PALM_LENGTH_M
    first, second = np.array(_COLLIDING_PAIRS).T
    gap = segment_distance(starts[:, first], ends[:, first], starts[:, second], ends[:, second])
    allowed = PENETRATION_LIMIT * (CAPSULE_RADII[first] + CAPSULE_RADII[second])
    return (gap < allowed * size[:, None]).any(1)


def segment_distance(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> FloatArray:
    """(...) least distance between segments a-b and c-d, (..., 3) each."""
    u, v, w = b - a, d - c, a - c
    uu, uv, vv = (u * u).sum(-1), (u * v).sum(-1), (v * v).sum(-1)
    uw, vw = (u * w).sum(-1), (v * w).sum(-1)
    determinant = np.maximum(uu * vv - uv * uv, 1e-14)
    s = np.clip((uv * vw - vv * uw) / determinant, 0, 1)
    t = np.clip((uv * s + vw) / np.maximum(vv, 1e-14), 0, 1)
    # The clamped t may ask for another s.
    s = np.clip((uv * t - uw) / np.maximum(uu, 1e-14), 0, 1)
    return np.linalg.norm(w + s[..., None] * u - t[..., None] * v, axis=-1)


def _colliding_pairs() -> list[tuple[int, int]]:
    pairs = []
    for i in range(20):
        for j in range(i + 1, 20):
            finger_i, bone_i, finger_j, bone_j = i // 4, i % 4, j // 4, j % 4
            both_in_palm = bone_i == 0 and bone_j == 0
            # Neighbouring knuckles and the thumb's root grow out of one piece of flesh.
            roots = bone_i <= 1 and bone_j <= 1
            between_fingers = finger_i != finger_j and not both_in_palm and not roots
            finger_into_palm = finger_i == finger_j > 0 and bone_i == 0 and bone_j == 3
            if between_fingers or finger_into_palm:
                pairs.append((i, j))
    return pairs


_COLLIDING_PAIRS = _colliding_pairs()


def _propose(rig: Rig, poses: Mapping[str, FloatArray], rng: np.random.Generator, count: int) -> FloatArray:
    """Candidates, self-collisions included."""
    named = np.stack(list(poses.values()))
    pick = rng.integers(len(named), size=(2, count))
    part = rng.beta(0.6, 0.6, (count, 1)) * np.ones((1, rig.bone_count))
    # Fingers need not all move together from one pose to the other; the thumb stays in step with the index finger it meets.
    for name in FINGER_BONES[1:]:
        bones = [bone for bone, other in enumerate(rig.bone_names) if other.startswith(name)]
        part[:, bones] = np.clip(part[:, bones] + 0.2 * rng.standard_normal((count, 1)), 0, 1)
    rotations = slerp(named[pick[0]], named[pick[1]], part)
    free = rng.random(count) < 0.5
    rotations[free] = _curl_fingers(rig, rng, rotations[free])
    return loosen(rig, rng, rotations)


def loosen(rig: Rig, rng: np.random.Generator, rotations: FloatArray) -> FloatArray:
    """Hands (N, 27, 3, 3) with every finger bone turned a little and the wrist bent anyhow."""
    count = len(rotations)
    moving = [bone for bone, name in enumerate(rig.bone_names) if name.split("_")[-2] in (*PHALANGES, "Metacarpal")]
    noise = np.zeros((count, rig.bone_count, 3))
    noise[:, moving] = np.radians([1.5, 1.0, 4.0]) * rng.standard_normal((count, len(moving), 3))
    rotations = rotations @ from_rotation_vectors(noise)
    forearm = np.clip(WRIST_SD * rng.standard_normal((count, 3)), -WRIST_LIMIT, WRIST_LIMIT)
    rotations[:, rig.bone(FOREARM)] = rotations[:, rig.bone(FOREARM)] @ from_rotation_vectors(np.radians(forearm))
    return rotations


def _curl_fingers(rig: Rig, rng: np.random.Generator, rotations: FloatArray) -> FloatArray:
    """Replace the four fingers' bends by ones drawn within the joints' limits; thumb and wrist stay."""
    count = len(rotations)
    kind = rng.choice(4, size=count, p=[0.40, 0.25, 0.25, 0.10])[:, None]
    common = np.clip(rng.random((count, 1)) + 0.1 * rng.standard_normal((count, 4)), 0, 1)
    gesture = np.clip((rng.random((count, 4)) < 0.5) * 0.85 + 0.12 * rng.random((count, 4)), 0, 1)
    curl = np.select([kind == 0, kind == 1, kind == 2], [common, rng.random((count, 4)), gesture], 0.15 * rng.random((count, 4)))
    # A hand bends its knuckles and its middle joints neither alike nor freely.
    mcp_curl = np.clip(curl + 0.18 * rng.standard_normal((count, 4)), 0, 1)
    mcp = np.clip(np.interp(mcp_curl, (0, 1), MCP_RANGE) + 4 * rng.standard_normal((count, 4)), *MCP_LIMITS)
    pip = np.clip(np.interp(curl, (0, 1), PIP_RANGE) + 5 * rng.standard_normal((count, 4)), *PIP_LIMITS)
    dip = np.clip(rng.uniform(*DIP_OF_PIP, (count, 4)) * pip + 4 * rng.standard_normal((count, 4)), *DIP_LIMITS)
    open_hand = 1 - 0.8 * mcp_curl
    spread = (9 * rng.standard_normal((count, 1)) * SPREAD + 3 * rng.standard_normal((count, 4))) * open_hand
    spread = np.clip(spread, *ABDUCTION_LIMITS)
    rotations = rotations.copy()
    for k, finger in enumerate(FINGER_BONES):
        bones = [rig.bone(f"{finger}_{part}_R") for part in PHALANGES]
        for bone, flexion in zip(bones, (mcp, pip, dip), strict=True):
            x, y, _ = rotation_vectors(rig.rest_rotations[bone])
            across = np.radians(spread[:, k]) if bone == bones[0] else np.zeros(count)
            straight = axis_rotation("y", np.full(count, y)) @ axis_rotation("x", x + across)
            rotations[:, bone] = straight @ axis_rotation("z", np.radians(flexion[:, k]))
        metacarpal = rig.bone(f"{finger}_Metacarpal_R")
        arch = np.radians(ARCH[k] * mcp_curl[:, k] * rng.random(count))
        rotations[:, metacarpal] = rig.rest_rotations[metacarpal] @ axis_rotation("z", arch)
    return rotations
