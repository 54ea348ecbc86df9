"""Fingertips that touch the thumb: named poses hold things and leave a gap, and blends of them seldom touch."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import THUMB_TIP, FloatArray
from handmesh_training.template.poses import CAPSULE_RADII, PALM_LENGTH_M, self_collides
from handmesh_training.template.rig import Rig
from handmesh_training.template.rotation_batches import from_rotation_vectors
from handmesh_training.template.shapes import FINGER_BONES, PHALANGES

THUMB_BONES = ("Thumb_Metacarpal_R", "Thumb_Proximal_R", "Thumb_Distal_R")
FINGER_TIPS = (8, 12, 16, 20)
# How far joints may leave the pose they come from, degrees (abduction x, twist y, flexion z of the local frame; lower, upper).
THUMB_LIMITS = (
    ((-22, 22), (-18, 18), (-20, 32)),
    ((-12, 12), (0, 0), (-12, 34)),
    ((-8, 8), (0, 0), (-20, 45)),
)
FINGER_LIMITS = (
    ((-12, 12), (0, 0), (-35, 50)),
    ((0, 0), (0, 0), (-45, 55)),
    ((0, 0), (0, 0), (-25, 35)),
)
ITERATIONS, DAMPING, STEP = 9, 2e-5, 1e-4
REACHED_M = 0.004


def bring_together(
    rig: Rig, rotations: FloatArray, bone_scale: FloatArray, finger: np.ndarray, gap: FloatArray
) -> tuple[FloatArray, np.ndarray]:
    """Bends thumb and one finger of each hand until their tips are ``gap`` apart, each joint within its limits.

    Damped least squares: the joints turn as little as they can.

    Args:
        rotations: (N, 27, 3, 3) local rotations; bone_scale: (N, 27, 3).
        finger: (N,) int, 0 index to 3 little; gap: (N,) metres between the two tip joints.

    Returns:
        rotations (N, 27, 3, 3), and (N,) bool, where the tips met and no finger pierces another. The other hands are left as they were.
    """
    count = len(rotations)
    hand = np.arange(count)
    thumb = np.tile([rig.bone(name) for name in THUMB_BONES], (count, 1))
    chains = np.array([[rig.bone(f"{name}_{part}_R") for part in PHALANGES] for name in FINGER_BONES])
    bones = np.concatenate([thumb, chains[finger]], 1)  # (N, 6)
    low, high = np.radians(np.array(THUMB_LIMITS + FINGER_LIMITS, float)).reshape(18, 2).T
    free = np.flatnonzero(high > low)
    tips = np.array(FINGER_TIPS)[finger]

    def bent(turns: FloatArray) -> FloatArray:
        """(..., N, 27, 3, 3) for turns (..., N, 18) about the joints' own axes."""
        moved = np.broadcast_to(rotations, (*turns.shape[:-1], *rotations.shape[1:])).copy()
        moved[..., hand[:, None], bones, :, :] @= from_rotation_vectors(turns.reshape(*turns.shape[:-1], 6, 3))
        return moved

    def apart(turns: FloatArray) -> FloatArray:
        scale = np.broadcast_to(bone_scale, (*turns.shape[:-1], *bone_scale.shape[1:]))
        joints = rig.joint_positions(rig.bone_transforms(bent(turns), scale))
        return joints[..., THUMB_TIP, :] - joints[..., hand, tips, :]

    turns = np.zeros((count, 18))
    # The hands as they are, then each with one joint turned a little: one pass of the skeleton for all of them.
    nudges = np.concatenate([np.zeros((1, 18)), STEP * np.eye(18)[free]])[:, None]
    for _ in range(ITERATIONS):
        between, *nudged = apart(turns + nudges)
        distance = np.maximum(np.linalg.norm(between, axis=1), 1e-6)
        wanted = -between * (1 - gap / distance)[:, None]
        jacobian = np.stack([(each - between) / STEP for each in nudged], 2)
        normal = jacobian @ jacobian.transpose(0, 2, 1) + DAMPING * np.eye(3)
        step = (jacobian.transpose(0, 2, 1) @ np.linalg.solve(normal, wanted[..., None]))[..., 0]
        turns[:, free] = np.clip(turns[:, free] + step, low[free], high[free])
    moved = bent(turns)
    joints = rig.joint_positions(rig.bone_transforms(moved, bone_scale))
    met = np.abs(np.linalg.norm(joints[:, THUMB_TIP] - joints[hand, tips], axis=1) - gap) < REACHED_M
    met &= ~self_collides(joints)
    return np.where(met[:, None, None, None], moved, rotations), met


def sample_contacts(
    rig: Rig, rotations: FloatArray, bone_scale: FloatArray, rng: np.random.Generator, share: float
) -> tuple[FloatArray, np.ndarray]:
    """Lets the thumb of about ``share`` of the hands touch one finger's tip, each finger alike.

    Hands that cannot reach within their joints' limits stay as they are, and others are tried in their place.

    Returns:
        rotations (N, 27, 3, 3), and (N,) int, the finger touched, 0 index to 3 little, or -1.
    """
    wanted = int(rng.binomial(len(rotations), share))
    touched = np.full(len(rotations), -1)
    if not wanted:
        return rotations, touched
    tried = rng.permutation(len(rotations))[: 3 * wanted]
    finger = rng.integers(4, size=len(tried))
    # Pads meet at the sum of the tips' half thicknesses, pressed a little.
    size = np.linalg.norm(np.ptp(_palm(rig, rotations[tried], bone_scale[tried]), axis=1), axis=1) / PALM_LENGTH_M
    pads = CAPSULE_RADII[3] + CAPSULE_RADII[np.array([7, 11, 15, 19])[finger]]
    moved, met = bring_together(rig, rotations[tried], bone_scale[tried], finger, pads * size * rng.uniform(0.7, 1.0, len(tried)))
    kept = np.flatnonzero(met)[:wanted]
    rotations = rotations.copy()
    rotations[tried[kept]] = moved[kept]
    touched[tried[kept]] = finger[kept]
    return rotations, touched


def _palm(rig: Rig, rotations: FloatArray, bone_scale: FloatArray) -> FloatArray:
    """(N, 2, 3) wrist and middle knuckle."""
    return rig.joint_positions(rig.bone_transforms(rotations, bone_scale))[:, [0, 9]]
