"""Hands of the package's own skeleton, and what a network would see of them: truth for tests of the articulated estimate."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import Hand, Side, TrackState
from handmesh_ros.hand_proportions import PHALANX_LENGTHS, ROOT_PLACES
from handmesh_ros.perception.articulated.kinematics import Bones, Pose, posed
from handmesh_ros.perception.articulated.skeleton import HABITS, radians
from handmesh_ros.perception.evidence import HandEvidence
from handmesh_ros.perception.frames import joint_rotations
from handmesh_ros.perception.rotations import rotation_matrix

SIZE_M = 0.085
PALM_TO_CAMERA = rotation_matrix(np.array([0.2, 2.6, 0.5]))
HOME = np.array([0.03, 0.05, 0.6])


def bones(size_m: float = SIZE_M, stretch: float = 0.0) -> Bones:
    """Of the mean hand, finger bones longer by a share."""
    return Bones(size_m * ROOT_PLACES, size_m * PHALANX_LENGTHS * (1.0 + stretch))


def pose(wrist: np.ndarray = HOME, turn: np.ndarray | None = None, bend: float = 0.0) -> Pose:
    """Fingers by habit, all joints but the thumb's bent by some more radians."""
    angles = radians(HABITS)
    angles[1:, [0, 3, 4]] += bend
    rotation = PALM_TO_CAMERA if turn is None else rotation_matrix(turn) @ PALM_TO_CAMERA
    return Pose(np.asarray(wrist, float), rotation, angles)


def joints_of(one: Pose, lengths: Bones) -> np.ndarray:
    """(21, 3) camera frame."""
    return np.vstack([one.wrist, posed(one, lengths).points.reshape(-1, 3) + one.wrist])


def seen(
    joints: np.ndarray, rng: np.random.Generator | None = None, ray_sigma: float = 0.003, joint_sigma_m: float = 0.006
) -> HandEvidence:
    """Of joints in the camera frame; without a generator, without noise."""
    ray_sigma, joint_sigma_m = 0.003, 0.006
    rays, relative = joints[:, :2] / joints[:, 2:], joints - joints[0]
    if rng is not None:
        rays = rays + rng.normal(0, ray_sigma, rays.shape)
        relative = relative + rng.normal(0, joint_sigma_m, relative.shape) * (np.arange(21) > 0)[:, None]
    return HandEvidence(rays, ray_sigma, relative, joint_sigma_m)


def raw_hand(
    stamp_s: float, evidence: HandEvidence, wrist: np.ndarray, side: Side = Side.RIGHT, state: TrackState = TrackState.TRACKING
) -> Hand:
    """As the pipeline measures it, with a mesh of a few points around the joints."""
    around = np.random.default_rng(7).normal(0.0, 0.004, (63, 3))
    joints = evidence.joints + wrist
    return Hand(
        side, 0.9, 0.9, 1, state, stamp_s, (joints[np.arange(63) % 21] + around).astype(np.float32), joints,
        joint_rotations(evidence.joints, side), evidence.rays * 600.0, np.eye(3) * 1e-5, SIZE_M, True,
    )  # fmt: skip
