"""One camera's hand in the common frame, with what is known of each joint's error, and carried on to another time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from handmesh_ros.fusion.extrinsics import CameraPlace
from handmesh_ros.hand import WRIST, FloatArray, Hand

# How far a joint is off along its ray against the wrist, one sigma: a network's own say on depth within the hand. Across the ray a joint is
# as sure as the wrist. Measured on rendered motions of six people (``python -m benchmarks fusion`` prints it).
RELATIVE_DEPTH_SIGMA_M = 0.019
ACCELERATION_MPS2 = 20.0  # of a hand that is carried on to another time, as in ``TrackingParameters``
UNKNOWN_SPEED_MPS = 0.5  # of a hand seen once: nine of ten move more slowly (docs/tracking.md)


@dataclass(frozen=True, eq=False)
class PlacedHand:
    """A hand that one camera sees.

    Attributes:
        camera: its name.
        hand: joints, rotations and position covariance in the common frame; keypoints stay those of the camera's picture.
        covariances: (21, 3, 3) of the joints, common frame, square metres.
    """

    camera: str
    hand: Hand
    covariances: FloatArray

    @property
    def identity(self) -> tuple[str, int]:
        """Camera and track: the same hand as long as it is followed."""
        return self.camera, self.hand.track_id


def placed(camera: str, place: CameraPlace, hand: Hand, extrinsics_sigma_m: float) -> PlacedHand:
    """A hand of a camera's frame in the common one.

    Args:
        extrinsics_sigma_m: how exactly the camera's place is known, one sigma, in every direction.
    """
    covariances = place.rotation @ joint_covariances_of(hand) @ place.rotation.T + extrinsics_sigma_m**2 * np.eye(3)
    moved = replace(
        hand,
        joints=place.points(hand.joints),
        rotations=place.rotation @ hand.rotations,
        vertices=np.zeros((0, 3), np.float32),
        position_covariance=covariances[WRIST],
    )
    return PlacedHand(camera, moved, covariances)


def joint_covariances_of(hand: Hand) -> FloatArray:
    """(21, 3, 3) of a hand's joints in its camera's frame, from the wrist's covariance.

    The wrist's error along its ray is one of scale, so every joint has it along its own ray; across, all joints share the wrist's.
    """
    wrist = hand.joints[WRIST]
    distance = np.linalg.norm(wrist)
    ray = wrist / distance
    beside = np.eye(3) - np.outer(ray, ray)
    relative_variance = (ray @ hand.position_covariance @ ray) / distance**2
    rays = hand.joints / np.linalg.norm(hand.joints, axis=1, keepdims=True)
    depths = np.where(np.arange(len(rays)) == WRIST, 0.0, RELATIVE_DEPTH_SIGMA_M**2)
    variances = relative_variance * (hand.joints**2).sum(1) + depths
    return np.asarray(beside @ hand.position_covariance @ beside + variances[:, None, None] * rays[:, :, None] * rays[:, None, :])


def carried_to(before: PlacedHand | None, last: PlacedHand, stamp_s: float) -> PlacedHand:
    """The last hand at another time, by the velocities of its joints since the one before; without one it stays where it is, less sure."""
    ahead = stamp_s - last.hand.stamp_s
    if ahead == 0.0:
        return last
    joints, unsure_m = last.hand.joints, 0.5 * ACCELERATION_MPS2 * ahead * ahead
    if before is None:
        unsure_m += UNKNOWN_SPEED_MPS * abs(ahead)
    else:
        joints = joints + (ahead / (last.hand.stamp_s - before.hand.stamp_s)) * (joints - before.hand.joints)
    hand = replace(last.hand, stamp_s=stamp_s, joints=joints)
    return replace(last, hand=hand, covariances=last.covariances + unsure_m**2 * np.eye(3))
