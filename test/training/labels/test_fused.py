"""The fused teacher on opinions that are made up from hands that are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from handmesh_ros.evaluation.metrics import point_errors, similarity_align
from handmesh_training.labels.fused import DEPTH_FACTOR_2020, FLOOR, fuse
from handmesh_training.template import HandTemplate
from handmesh_training.template.hand_template import bone_sum
from handmesh_training.template.poses import sample_poses
from handmesh_training.template.shapes import sample_shapes

COUNT, SIDE = 60, 200
PX_PER_M = 600.0


@pytest.fixture(scope="module")
def joints() -> NDArray[np.float64]:
    """(COUNT, 21, 3) hands in random poses and views, wrist-relative, metres."""
    template, rng = HandTemplate.load(), np.random.default_rng(0)
    _, found = template.pose(sample_poses(template.rig, template.poses, rng, COUNT), sample_shapes(template.rig, rng, COUNT))
    view, _ = np.linalg.qr(rng.normal(size=(COUNT, 3, 3)))
    return np.asarray((found - found[:, :1]) @ view)


def opinions(joints: NDArray[np.float64], noise: float, seed: int = 1) -> tuple[NDArray[np.float64], ...]:
    """What networks would say whose errors are independent; the 2021 network's world has an origin and a size of its own, and the 2020
    network's depths are too small."""
    rng = np.random.default_rng(seed)
    spread = noise * np.array([0.3, 0.3, 1.0])
    first, second = (joints[:, None] + rng.normal(0, spread, (len(joints), 2, 21, 3)) for _ in range(2))
    keypoints = SIDE / 2 + PX_PER_M * first[..., :2]
    return keypoints, 0.8 * first + 0.03, PX_PER_M * second / (1, 1, DEPTH_FACTOR_2020) + [SIDE / 2, SIDE / 2, 7]


def errors(points: NDArray[np.float64], joints: NDArray[np.float64]) -> float:
    return float(1000 * point_errors(similarity_align(points, joints, rotation=False), joints).mean())


def test_opinions_without_error_give_the_hand(joints: NDArray[np.float64]) -> None:
    fused = fuse(*opinions(joints, 0))
    np.testing.assert_allclose(fused.joints, joints / bone_sum(joints)[:, None, None], atol=1e-9)
    np.testing.assert_allclose(bone_sum(fused.joints), 1)
    np.testing.assert_allclose(fused.keypoints, SIDE / 2 + PX_PER_M * joints[..., :2])
    np.testing.assert_allclose(fused.sigma, np.broadcast_to(FLOOR, fused.sigma.shape), atol=1e-9)


def test_the_mean_is_nearer_than_each_opinion(joints: NDArray[np.float64]) -> None:
    keypoints, world, landmarks_2020 = opinions(joints, 0.012)
    fused = errors(fuse(keypoints, world, landmarks_2020).joints, joints)
    for look in range(2):
        assert fused < 0.8 * errors(world[:, look], joints)
        assert fused < 0.8 * errors(landmarks_2020[:, look] * (1, 1, DEPTH_FACTOR_2020), joints)


def test_the_doubt_grows_with_what_the_opinions_differ_by(joints: NDArray[np.float64]) -> None:
    little, much = (fuse(*opinions(joints, noise)).sigma for noise in (0.004, 0.02))
    assert (np.median(much, (0, 1)) > np.median(little, (0, 1))).all()
    keypoints, world, landmarks_2020 = opinions(joints, 0)
    landmarks_2020[:, :, 8, 2] += 30
    sigma = fuse(keypoints, world, landmarks_2020).sigma
    assert (sigma[:, 8, 2] > 1.5 * sigma[:, 7, 2]).all()
    np.testing.assert_allclose(sigma[:, 8, :2], np.broadcast_to(FLOOR[:2], (COUNT, 2)), atol=1e-9)


def test_a_mirrored_picture_has_the_mirrored_hand(joints: NDArray[np.float64]) -> None:
    """The mirrored picture's looks are the mirrored looks, in the other order."""
    keypoints, world, landmarks_2020 = opinions(joints, 0.012)
    fused = fuse(keypoints, world, landmarks_2020)
    flipped = [points[:, ::-1] * ([-1] + [1] * (points.shape[-1] - 1)) for points in (keypoints, world, landmarks_2020)]
    flipped[0][..., 0] += SIDE
    flipped[2][..., 0] += SIDE
    mirrored = fuse(*flipped)
    np.testing.assert_allclose(mirrored.joints, fused.joints * (-1, 1, 1), atol=1e-9)
    np.testing.assert_allclose(mirrored.sigma, fused.sigma, atol=1e-9)
    np.testing.assert_allclose(mirrored.keypoints, [SIDE, 0] + fused.keypoints * (-1, 1), atol=1e-9)
