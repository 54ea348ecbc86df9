"""What a camera knows of each joint, and a hand at another time."""

from dataclasses import replace

import numpy as np
from support.known_hand import known_hand
from transforms3d.euler import euler2mat

from handmesh_ros.fusion.extrinsics import CameraPlace
from handmesh_ros.fusion.placed import RELATIVE_DEPTH_SIGMA_M, carried_to, joint_covariances_of, placed
from handmesh_ros.hand import Hand

PLACE = CameraPlace(euler2mat(0.3, -0.8, 1.1), np.array([0.2, -0.4, 1.0]))


def unsure_of_its_scale(relative_sigma: float = 0.08, across_m: float = 0.003) -> Hand:
    hand = known_hand(position=(0.1, 0.05, 0.6))
    wrist = hand.joints[0]
    return replace(hand, position_covariance=relative_sigma**2 * np.outer(wrist, wrist) + across_m**2 * np.eye(3))


def test_an_error_of_scale_moves_every_joint_along_its_own_ray() -> None:
    hand = unsure_of_its_scale()
    covariances = joint_covariances_of(hand)
    np.testing.assert_allclose(covariances[0], hand.position_covariance, atol=1e-12)
    for joint, covariance in zip(hand.joints[1:], covariances[1:], strict=True):
        ray = joint / np.linalg.norm(joint)
        expected = (0.08 * np.linalg.norm(joint)) ** 2 + RELATIVE_DEPTH_SIGMA_M**2
        np.testing.assert_allclose(ray @ covariance @ ray, expected, rtol=0.05)
        assert np.linalg.eigvalsh(covariance)[:2].max() < 0.0035**2
        assert np.linalg.eigvalsh(covariance)[0] > 0


def test_a_place_turns_and_moves_all_of_a_hand() -> None:
    hand = unsure_of_its_scale()
    there = placed("a", PLACE, hand, 0.004)
    np.testing.assert_allclose(there.hand.joints, hand.joints @ PLACE.rotation.T + PLACE.position)
    np.testing.assert_allclose(there.hand.rotations[4], PLACE.rotation @ hand.rotations[4])
    back = PLACE.rotation.T @ there.hand.position_covariance @ PLACE.rotation
    np.testing.assert_allclose(back, hand.position_covariance + 0.004**2 * np.eye(3), atol=1e-12)


def test_a_hand_is_carried_forwards_and_backwards_by_its_velocity() -> None:
    hand, velocity = known_hand(stamp_s=2.0), np.array([0.4, -0.1, 0.2])
    before = placed("a", PLACE, hand, 0.0)
    last = placed("a", PLACE, replace(hand, stamp_s=2.05, joints=hand.joints + 0.05 * velocity), 0.0)
    for stamp_s in (2.02, 2.05, 2.08):
        moved = carried_to(before, last, stamp_s)
        expected = PLACE.points(hand.joints + (stamp_s - 2.0) * velocity)
        np.testing.assert_allclose(moved.hand.joints, expected, atol=1e-12)
        assert moved.hand.stamp_s == stamp_s
    more = np.linalg.eigvalsh(carried_to(before, last, 2.10).covariances - last.covariances)
    np.testing.assert_allclose(more, 0.025**2, rtol=1e-6)
    unknown = carried_to(None, last, 2.10)
    np.testing.assert_array_equal(unknown.hand.joints, last.hand.joints)
    assert (np.linalg.eigvalsh(unknown.covariances - last.covariances) > more).all()
