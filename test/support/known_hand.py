"""Hands whose joints, axes and covariance are known, for tests of everything that comes after perception."""

from __future__ import annotations

import numpy as np
from transforms3d.euler import euler2mat

from handmesh_ros.hand import Hand, Side, TrackState

VERTEX_COUNT, FACE_COUNT = 778, 1538
FACES = np.random.default_rng(7).integers(0, VERTEX_COUNT, (FACE_COUNT, 3)).astype(np.int32)

# Knuckles of a right hand seen from behind, fingers up: x right, y down, wrist at the origin, metres.
KNUCKLES = np.array([[-0.03, -0.03], [-0.025, -0.09], [0.0, -0.095], [0.02, -0.09], [0.04, -0.08]])
BONE_LENGTHS = (0.04, 0.025, 0.02)


def bent_joints(bend_rad: float) -> np.ndarray:
    """(21, 3) an upright right hand whose every finger joint is bent by this angle; 0 is flat."""
    joints = np.zeros((21, 3))
    for finger, knuckle in enumerate(KNUCKLES):
        position = np.array([*knuckle, 0.0])
        direction = position / np.linalg.norm(position)
        joints[1 + 4 * finger] = position
        for bone, length in enumerate(BONE_LENGTHS):
            angle = bend_rad * (bone + 1)
            # Bending turns the finger from its own direction towards the palm, which looks away from the camera.
            position = position + length * (np.cos(angle) * direction + np.sin(angle) * np.array([0, 0, 1.0]))
            joints[2 + 4 * finger + bone] = position
    return joints


def known_hand(
    side: Side = Side.RIGHT,
    seed: int = 0,
    position: tuple[float, float, float] = (0.05, 0.02, 0.5),
    track_id: int = 3,
    stamp_s: float = 12.25,
    state: TrackState = TrackState.TRACKING,
    joints: np.ndarray | None = None,
) -> Hand:
    """A hand at a place, with arbitrary but proper joint axes."""
    rng = np.random.default_rng(seed)
    shape = bent_joints(0.3) if joints is None else joints
    placed = (shape if side is Side.RIGHT else shape * [-1, 1, 1]) + position
    return Hand(
        side=side,
        side_score=0.9,
        score=0.8,
        track_id=track_id,
        state=state,
        stamp_s=stamp_s,
        vertices=(rng.normal(0, 0.03, (VERTEX_COUNT, 3)) + position).astype(np.float32),
        joints=placed,
        rotations=np.stack([euler2mat(*rng.uniform(-np.pi, np.pi, 3)) for _ in range(21)]),
        keypoints=rng.uniform(0, 480, (21, 2)),
        position_covariance=np.diag([1e-4, 2e-4, 9e-4]) + 1e-5,
        size_m=0.095,
        metric=True,
    )
