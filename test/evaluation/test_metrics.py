"""Every measure against a case computed by hand."""

import numpy as np
import pytest
from transforms3d.axangles import axangle2mat

from handmesh_ros.evaluation import metrics

RNG = np.random.default_rng(3)
POINTS = RNG.normal(size=(4, 21, 3))


def test_alignment_undoes_a_similarity() -> None:
    moved = 1.7 * POINTS @ axangle2mat([1, 2, 3], 0.8).T + np.array([3.0, -2.0, 1.0])
    np.testing.assert_allclose(metrics.similarity_align(POINTS, moved), moved, atol=1e-12)
    assert metrics.pa_mpjpe(POINTS, moved) < 1e-12


def test_alignment_without_rotation_counts_tilt() -> None:
    shifted = 2 * POINTS + 5
    np.testing.assert_allclose(metrics.similarity_align(POINTS, shifted, rotation=False), shifted, atol=1e-12)
    tilted = POINTS @ axangle2mat([1, 0, 0], 0.5).T
    left = metrics.point_errors(metrics.similarity_align(POINTS, tilted, rotation=False), tilted).mean()
    assert left > 0.1


def test_alignment_never_mirrors() -> None:
    mirrored = POINTS * np.array([-1, 1, 1])
    assert metrics.pa_mpjpe(POINTS, mirrored) > 0.1


def test_mpjpe_is_relative_to_the_root() -> None:
    target = np.zeros((1, 2, 3))
    joints = np.array([[[1.0, 0, 0], [1, 3, 4]]])
    assert metrics.mpjpe(joints, target) == pytest.approx((0 + 5) / 2)


def test_f_score() -> None:
    target = np.array([[0.0, 0, 0], [1, 0, 0]])
    vertices = np.array([[0.0, 0, 0.001], [0, 0, 0.002], [5, 0, 0], [6, 0, 0]])
    # precision 2/4, recall 1/2
    assert metrics.f_score(vertices, target, 0.005) == pytest.approx(0.5)
    assert metrics.f_score(vertices[2:], target, 0.005) == 0.0


def test_pck_and_area() -> None:
    thresholds = np.array([0.0, 1.0, 2.0])
    curve = metrics.pck_curve(np.array([0.5, 1.5, 3.0, 0.0]), thresholds)
    np.testing.assert_allclose(curve, [0.25, 0.5, 0.75])
    assert metrics.area_under_curve(curve, thresholds) == pytest.approx(0.5)


def test_relative_keypoint_error() -> None:
    target = np.array([[0.0, 0], [10, 4]])
    np.testing.assert_allclose(metrics.relative_keypoint_errors(target + [3, 4], target), [0.5, 0.5])


def test_robust_sigma_is_the_spread_of_each_axis_and_blind_to_outliers() -> None:
    errors = np.random.default_rng(0).normal(size=(20000, 21, 2)) * (3.0, 4.0)
    assert metrics.robust_sigma(errors) == pytest.approx(np.sqrt((9 + 16) / 2), rel=0.01)
    errors[:200] = 1e6
    assert metrics.robust_sigma(errors) == pytest.approx(np.sqrt((9 + 16) / 2), rel=0.03)
