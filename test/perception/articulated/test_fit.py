"""One frame's fit: exact without noise, better than its evidence with it, and honest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from support.skeleton_hands import HOME, bones, joints_of, pose, seen

from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.articulated.fit import PoseFit, fitted, joint_covariances
from handmesh_ros.perception.articulated.kinematics import Pose, pose_near
from handmesh_ros.perception.evidence import HandEvidence
from handmesh_ros.perception.place import place
from handmesh_ros.perception.rotations import rotation_matrix, rotation_vector


def fit_of(evidence: HandEvidence, near: Pose) -> PoseFit:
    start = place(evidence.joints, evidence.rays, 600.0, 600.0 * evidence.ray_sigma, evidence.joint_sigma_m).translation
    return fitted(evidence, pose_near(evidence.joints + start, near.rotation), bones())


def joints_of_fit(fit: PoseFit) -> FloatArray:
    return np.vstack([fit.pose.wrist, fit.chains.points.reshape(-1, 3) + fit.pose.wrist])


def test_perfect_evidence_gives_the_hand_back() -> None:
    truth = pose(bend=0.2)
    fit = fit_of(seen(joints_of(truth, bones())), truth)
    np.testing.assert_allclose(joints_of_fit(fit), joints_of(truth, bones()), atol=0.003)  # habits pull a little


def test_a_networks_hand_that_is_turned_and_flattened_as_a_whole_is_set_right_by_the_picture() -> None:
    truth = pose(bend=0.1)
    joints = joints_of(truth, bones())
    exact = seen(joints)
    tilted = replace(exact, joints=exact.joints @ rotation_matrix(np.array([0.2, -0.15, 0.0])).T * np.array([1.0, 1.0, 0.85]))
    placed = place(tilted.joints, tilted.rays, 600.0, 600.0 * tilted.ray_sigma, tilted.joint_sigma_m).translation
    fit = fit_of(tilted, replace(truth, rotation=rotation_matrix(np.array([0.2, -0.15, 0.0])) @ truth.rotation))
    turn = rotation_vector(fit.pose.rotation @ truth.rotation.T)
    assert np.linalg.norm(turn) < 0.5 * 0.25
    assert abs(fit.pose.wrist[2] - HOME[2]) < 0.7 * abs(placed[2] - HOME[2])


def test_ellipsoids_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    truth = pose()
    joints = joints_of(truth, bones())
    held = []
    for _ in range(60):
        fit = fit_of(seen(joints, rng), truth)
        error = joints_of_fit(fit) - joints
        held.append((error * np.linalg.solve(joint_covariances(fit), error[..., None])[..., 0]).sum(1) < 7.81)
    assert 0.9 < np.mean(held) <= 1.0


def test_one_keypoint_far_off_moves_the_hand_little() -> None:
    truth = pose()
    exact = seen(joints_of(truth, bones()))
    rays = exact.rays.copy()
    rays[8] += 0.08  # a fifth of a hand
    moved = fit_of(replace(exact, rays=rays), truth).pose.wrist - fit_of(exact, truth).pose.wrist
    assert np.linalg.norm(moved) < 0.006
