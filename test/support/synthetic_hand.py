"""A hand whose pose is known: chains of bones that bend about y, so joints and orientations are exact by construction."""

import numpy as np

from handmesh_ros.hand import Side

# (5, 3) roots of the fingers in the frame of a right wrist (x to the middle mcp, y to the thumb, z out of the back), metres.
ROOTS = np.array([[0.03, 0.025, 0.0], [0.089, 0.024, 0.0], [0.094, 0.0, 0.0], [0.088, -0.02, 0.0], [0.078, -0.037, 0.0]])
LENGTHS = np.array([[0.045, 0.033, 0.027], [0.044, 0.027, 0.023], [0.048, 0.03, 0.024], [0.044, 0.028, 0.024], [0.035, 0.021, 0.021]])
THUMB_SPREAD = 0.7
SIZE_M = 0.094
MIRROR_X = np.diag([-1.0, 1.0, 1.0])


def rotation(axis: int, angle: float) -> np.ndarray:
    """Rotation about x, y or z (0, 1, 2)."""
    c, s = np.cos(angle), np.sin(angle)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)


def hand(
    side: Side, flexion: np.ndarray, abduction: np.ndarray | None = None, wrist: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Joints (21, 3) relative to the wrist and their true orientations (21, 3, 3).

    Args:
        flexion: (5, 3) radians, thumb to little, root to tip.
        abduction: (5,) radians about z at the fingers' roots, before the flexion.
        wrist: (3, 3) orientation of the wrist.
    """
    sign = 1.0 if side is Side.RIGHT else -1.0
    wrist = np.eye(3) if wrist is None else wrist
    joints, rotations = np.zeros((21, 3)), np.empty((21, 3, 3))
    rotations[0] = wrist
    for finger in range(5):
        frame = wrist
        if finger == 0:  # the thumb stands off, and is turned a quarter: its back looks to the side
            frame = wrist @ rotation(2, sign * THUMB_SPREAD) @ rotation(0, -sign * np.pi / 2)
        if abduction is not None:
            frame = frame @ rotation(2, abduction[finger])
        joint = 1 + 4 * finger
        joints[joint] = wrist @ (ROOTS[finger] * (1, sign, 1))
        for level in range(3):
            frame = frame @ rotation(1, flexion[finger, level])
            rotations[joint + level] = frame
            joints[joint + level + 1] = joints[joint + level] + LENGTHS[finger, level] * frame[:, 0]
        rotations[joint + 3] = frame
    return joints, rotations


def random_hand(rng: np.random.Generator, side: Side = Side.RIGHT) -> tuple[np.ndarray, np.ndarray]:
    """A hand anywhere between open and fist, turned at random."""
    flexion = rng.uniform(0, 1, (5, 1)) * rng.uniform((0.0, 0.3, 0.2), (1.2, 1.6, 1.0), (5, 3))
    flexion[0] *= 0.5
    return hand(side, flexion, wrist=random_rotation(rng))
