"""One frame's hand: the skeleton's pose that explains what a network saw, by Gauss-Newton.

Keypoints are precise across their rays; joints in space tell how the hand is bent, but the whole of them may be turned, stretched along the
ray and scaled, for their errors are one. These common errors are unknowns of the fit. Every finger's angles touch its own joints
only, so the normal equations are an arrow: five small blocks, and one for what all fingers share.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from handmesh_ros.hand import JOINT_COUNT, FloatArray
from handmesh_ros.perception.articulated.kinematics import Bones, Chains, Pose, posed
from handmesh_ros.perception.articulated.skeleton import (
    CHAIN,
    CHAIN_COUNT,
    DOFS,
    HABIT_SIGMAS,
    HABITS,
    LEAST,
    MIDDLE,
    MOST,
    PERSON,
    radians,
)
from handmesh_ros.perception.evidence import HandEvidence
from handmesh_ros.perception.rotations import rotation_matrix

MOST_ROUNDS = 3  # a fourth moves the wrist by less than 0.1 mm
SMALL_STEP_RAD = 0.15  # no further round after turns and bends below it: on recorded motions 1.2 rounds a frame, joints as with three
# Common errors of a network's joints, one sigma: turn about x, y and z of the camera (radians), stretch along z, scale.
COMMON_SIGMAS = np.array([0.25, 0.25, 0.05, 0.15, 0.10])
COMMON = len(COMMON_SIGMAS)
NO_COMMON = np.zeros(COMMON)
SHARED = 6 + COMMON  # position, turn, common errors
COMMON_DIAGONAL = np.arange(6, SHARED) * (SHARED + 1)
CAUCHY = 9.0  # squared sigmas at which a joint's say is halved
LIMIT_SIGMA = np.radians(5.0)  # how hard a joint's limit is
COUPLING, COUPLING_SIGMA = 0.55, np.radians(20.0)  # the last joint of a finger bends with the one before it
LEAST_DEPTH_M = 0.02
HABIT, HABIT_PRECISION = radians(HABITS), radians(HABIT_SIGMAS) ** -2
LEAST_RAD, MOST_RAD = radians(LEAST), radians(MOST)
# Second derivatives of habits, and of the last joint's coupling to the one before it (the thumb's has none).
HABIT_CURVATURE = np.zeros((CHAIN_COUNT, DOFS, DOFS))
HABIT_CURVATURE.reshape(CHAIN_COUNT, -1)[:, :: DOFS + 1] = HABIT_PRECISION
HABIT_CURVATURE[1:, MIDDLE:, MIDDLE:] += COUPLING_SIGMA**-2 * np.outer([-COUPLING, 1.0], [-COUPLING, 1.0])
CROSS = np.zeros((3, 3, 3))  # CROSS[k] @ p = e_k x p
for _k in range(3):
    _i, _j = (_k + 1) % 3, (_k + 2) % 3
    CROSS[_k, _j, _i], CROSS[_k, _i, _j] = 1.0, -1.0
# What (3,) of a point makes (3 + 5, 3): its moves with turns about x, y, z; stretch along z; scale.
OF_POINT = np.concatenate([CROSS, np.diag([0.0, 0.0, 1.0])[None], np.eye(3)[None]]).transpose(2, 0, 1).reshape(3, -1)


@dataclass(frozen=True, eq=False)
class PoseFit:
    """A pose and how sure it is.

    Attributes:
        shared: (11, 11) covariance of position, turn (about the camera's axes) and common errors; angles: (5, 5, 5) of a finger's angles
            if those were known; lever: (5, 5, 11), how much the angles then depend on them.
        common: (5,) the common errors found.
        chi2: (21,) squared sigmas by which keypoints are off.
    """

    pose: Pose
    bones: Bones
    shared: FloatArray
    angles: FloatArray
    lever: FloatArray
    common: FloatArray
    chi2: FloatArray

    @cached_property
    def chains(self) -> Chains:
        """The skeleton in this pose; made when it is asked for."""
        return posed(self.pose, self.bones)


def fitted(evidence: HandEvidence, start: Pose, bones: Bones, common: FloatArray = NO_COMMON) -> PoseFit:
    """The pose that explains a right hand's evidence best.

    Args:
        start, common: where to begin; the common errors (5,) are those of the frame before, because they last.
    """
    pose = start
    for _ in range(MOST_ROUNDS):
        chains = posed(pose, bones)
        rows = _rows(evidence, pose, chains, chains.by_angles(), common)
        blocks = rows.squares
        angles = np.linalg.inv(blocks[:, :DOFS, :DOFS] + _angle_curvature(pose.angles))
        blocks[:, :DOFS, -1] += _angle_pull(pose.angles)
        solved = angles @ blocks[:, :DOFS, DOFS:]
        lever, own = solved[..., :-1], solved[..., -1]
        mixed = blocks[:, :DOFS, DOFS:-1].reshape(-1, SHARED).T
        information = rows.shared - mixed @ lever.reshape(-1, SHARED)
        information.ravel()[COMMON_DIAGONAL] += COMMON_SIGMAS**-2
        pull = rows.pull - mixed @ own.ravel()
        pull[6:] -= common * COMMON_SIGMAS**-2
        shared = np.linalg.inv(information)
        step = shared @ pull
        common = common + step[6:]
        wrist = pose.wrist + step[:3]
        wrist[2] = max(wrist[2], LEAST_DEPTH_M)
        bend = own - lever @ step
        pose = Pose(wrist, rotation_matrix(step[3:6]) @ pose.rotation, np.clip(pose.angles + bend, LEAST_RAD - 0.5, MOST_RAD + 0.5))
        if max(np.abs(bend).max(), np.abs(step[3:6]).max()) < SMALL_STEP_RAD:
            break
    return PoseFit(pose, bones, shared, angles, lever, common, rows.chi2)


@dataclass(frozen=True, eq=False)
class _Rows:
    """The linearised measurements: squares (F, L + 11 + 1, ...) of each finger's; shared (11, 11) and pull (11,), those of the shared
    unknowns with the wrist's own keypoint; chi2 (21,) of keypoints."""

    squares: FloatArray
    shared: FloatArray
    pull: FloatArray
    chi2: FloatArray


def _rows(evidence: HandEvidence, pose: Pose, chains: Chains, local: FloatArray, common: FloatArray) -> _Rows:
    """local: (F, C, L, 3) derivatives of the joints by each finger's own unknowns."""
    count = local.shape[2]
    relative = np.zeros((JOINT_COUNT, 3))
    relative[1:] = chains.points.reshape(-1, 3)
    points = relative + pose.wrist
    inverse = 1.0 / np.maximum(points[:, 2], LEAST_DEPTH_M)
    projected = points[:, :2] * inverse[:, None]
    scale = inverse * (1.0 / evidence.ray_sigma)
    misses = (evidence.rays - projected) * (1.0 / evidence.ray_sigma)
    chi2 = (misses * misses).sum(1)
    trust = 1.0 / np.sqrt(1.0 + chi2 / CAUCHY)
    moves = (evidence.joints @ OF_POINT).reshape(JOINT_COUNT, COMMON, 3)[1:]
    apart = (evidence.joints - relative)[1:] - common @ moves
    apart *= 1.0 / evidence.joint_sigma_m
    weight = 1.0 / np.sqrt(1.0 + (apart * apart).sum(1) / CAUCHY) / evidence.joint_sigma_m
    # Derivatives of all five rows of a joint by its place.
    by_place = np.zeros((JOINT_COUNT, 5, 3))
    by_place[:, 0, 0] = by_place[:, 1, 1] = scale * trust
    by_place[:, :2, 2] = -projected * (scale * trust)[:, None]
    by_place[1:, 2, 0] = by_place[1:, 3, 1] = by_place[1:, 4, 2] = weight
    by_place[0, 2:] = 0.0
    turns = (relative[1:] @ OF_POINT[:, :9]).reshape(-1, 3, 3)
    unknowns = np.zeros((JOINT_COUNT - 1, count + SHARED + 1, 5))
    unknowns[:, :count] = local.reshape(-1, count, 3) @ by_place[1:].transpose(0, 2, 1)
    unknowns[:, count : count + 3, :2] = by_place[1:, :2].transpose(0, 2, 1)
    unknowns[:, count + 3 : count + 6] = turns @ by_place[1:].transpose(0, 2, 1)
    unknowns[:, count + 6 : -1, 2:] = moves * weight[:, None, None]
    unknowns[:, -1, :2] = misses[1:] * trust[1:, None]
    unknowns[:, -1, 2:] = apart * (weight * evidence.joint_sigma_m)[:, None]
    stacked = unknowns.reshape(CHAIN_COUNT, CHAIN, -1, 5).transpose(0, 2, 1, 3).reshape(CHAIN_COUNT, -1, 5 * CHAIN)
    squares = stacked @ stacked.transpose(0, 2, 1)
    total = squares.sum(0)
    shared, pull = total[count:-1, count:-1].copy(), total[count:-1, -1].copy()
    own = by_place[0, :2]
    shared[:3, :3] += own.T @ own
    pull[:3] += own.T @ (misses[0] * trust[0])
    return _Rows(squares, shared, pull, chi2)


def _angle_curvature(angles: FloatArray) -> FloatArray:
    """(F, 5, 5) second derivatives of what is known of angles beforehand."""
    curvature = HABIT_CURVATURE.copy()
    curvature.reshape(CHAIN_COUNT, -1)[:, :: DOFS + 1] += ((angles < LEAST_RAD) | (angles > MOST_RAD)) * LIMIT_SIGMA**-2
    return curvature


def _angle_pull(angles: FloatArray) -> FloatArray:
    """(F, 5) the same's first derivatives, negated."""
    inside = np.minimum(np.maximum(angles, LEAST_RAD), MOST_RAD)
    pull = (HABIT - angles) * HABIT_PRECISION + (inside - angles) * LIMIT_SIGMA**-2
    off = (angles[1:, 4] - COUPLING * angles[1:, 3]) * COUPLING_SIGMA**-2
    pull[1:, 4] -= off
    pull[1:, 3] += COUPLING * off
    return np.asarray(pull)


def joint_covariances(fit: PoseFit) -> FloatArray:
    """(21, 3, 3) of the joints in the camera frame, square metres, as far as the frame's own noise makes them unsure."""
    by_angles = fit.chains.by_angles().transpose(0, 1, 3, 2)  # (F, C, 3, 5)
    shared = np.zeros((CHAIN_COUNT, CHAIN, 3, SHARED))
    shared[..., range(3), range(3)] = 1.0
    shared[..., 3:6] = (fit.chains.points @ OF_POINT[:, :9]).reshape(CHAIN_COUNT, CHAIN, 3, 3).swapaxes(-1, -2)
    shared -= by_angles @ fit.lever[:, None]
    fingers = shared @ fit.shared @ shared.swapaxes(-1, -2) + by_angles @ fit.angles[:, None] @ by_angles.swapaxes(-1, -2)
    return np.concatenate([fit.shared[None, :3, :3], fingers.reshape(-1, 3, 3)])


def person_evidence(evidence: HandEvidence, fit: PoseFit, bones: Bones, size_m: float) -> tuple[FloatArray, FloatArray]:
    """What a frame says of the person once its pose is taken out: information (F, 6, 6) and pull (F, 6), finger by finger."""
    by_angles, by_person = fit.chains.by_angles(), fit.chains.by_person(fit.pose, bones, size_m)
    rows = _rows(evidence, fit.pose, fit.chains, np.concatenate([by_angles, by_person], 2), fit.common)
    squares, person, shared = rows.squares, slice(DOFS, DOFS + PERSON), slice(DOFS + PERSON, -1)
    # All at the final pose, which is not quite at its best: what it would still move by is no evidence of the person.
    angles = np.linalg.inv(squares[:, :DOFS, :DOFS] + _angle_curvature(fit.pose.angles))
    own = np.einsum("fij,fj->fi", angles, squares[:, :DOFS, -1] + _angle_pull(fit.pose.angles))
    lever = angles @ squares[:, :DOFS, shared]
    total = rows.shared - np.einsum("fig,fih->gh", squares[:, :DOFS, shared], lever)
    total.ravel()[COMMON_DIAGONAL] += COMMON_SIGMAS**-2
    shared_pull = rows.pull - np.einsum("fig,fi->g", squares[:, :DOFS, shared], own)
    shared_pull[6:] -= fit.common * COMMON_SIGMAS**-2
    with_angles = squares[:, person, :DOFS]
    with_shared = squares[:, person, shared] - with_angles @ lever
    solved = np.linalg.solve(total, np.concatenate([with_shared.transpose(2, 0, 1).reshape(SHARED, -1), shared_pull[:, None]], 1))
    information = squares[:, person, person] - with_angles @ angles @ with_angles.transpose(0, 2, 1)
    information = information - with_shared @ solved[:, :-1].reshape(SHARED, CHAIN_COUNT, PERSON).transpose(1, 0, 2)
    pull = squares[:, person, -1] - np.einsum("fpi,fi->fp", with_angles, own) - with_shared @ solved[:, -1]
    return information, pull
