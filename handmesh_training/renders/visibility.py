"""Which joints a camera sees."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import BONES, JOINT_COUNT, MIDDLE_MCP, WRIST, FloatArray
from handmesh_training.template.poses import CAPSULE_RADII, PALM_LENGTH_M, segment_distance

# Flesh round the joint itself does not hide it: how much of the way before it is not looked at, in half thicknesses of its bone.
OWN_FLESH = 2.0
FILLED = 0.9  # of a capsule's radius: its rim hides little


def visible_joints(joints: FloatArray, keypoints: FloatArray, hand: FloatArray) -> np.ndarray:
    """(N, 21) bool: joints inside the picture, not behind another part of the hand and not behind anything else.

    The hand's own flesh is a capsule round each bone; other things are seen in ``hand``, for they leave no hand where they hide it.

    Args:
        joints: (N, 21, 3) metres, camera frame; keypoints: (N, 21, 2) fractions of the picture.
        hand: (N, S, S), share of each pixel that shows the hand.
    """
    inside = ((keypoints >= 0) & (keypoints < 1)).all(2)
    size = hand.shape[1]
    column, row = (np.clip(keypoints * size, 0, size - 1)).astype(int).transpose(2, 0, 1)
    shown = hand[np.arange(len(hand))[:, None], row, column] > 0.5
    scale = np.linalg.norm(joints[:, MIDDLE_MCP] - joints[:, WRIST], axis=1)[:, None] / PALM_LENGTH_M
    parents, children = np.array(BONES).T
    flesh = np.empty(JOINT_COUNT)
    flesh[children] = CAPSULE_RADII
    flesh[WRIST] = CAPSULE_RADII.max()
    distance = np.linalg.norm(joints, axis=2)
    nearest = joints * (1 - OWN_FLESH * flesh * scale / distance)[..., None]
    gap = segment_distance(np.zeros((1, 1, 1, 3)), nearest[:, :, None], joints[:, None, parents], joints[:, None, children])  # (N, 21, 20)
    own = (np.arange(JOINT_COUNT)[:, None] == parents) | (np.arange(JOINT_COUNT)[:, None] == children)
    hidden = (gap < FILLED * CAPSULE_RADII * scale[..., None]) & ~own
    return inside & shown & ~hidden.any(2)
