"""Where the camera is: how a hand is turned, how far away it is, and the crop that the runtime would cut around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.crop import CropRegion
from handmesh_ros.perception.crop_rules import region_from_keypoints
from handmesh_ros.perception.frames import viewing_ray_rotation

# Kinds of views: share, azimuth round the hand's long axis (0 the back, 180 the palm) and elevation (0: square to the fingers,
# 90: fingertips towards the camera, -90: from the elbow), each with its standard deviation, degrees. A camera on a robot, a desk or a
# screen sees palms and backs; one on a head or behind the arm (the third kind) sees the backs of its owner's hands. The rest is seen
# from any azimuth.
VIEW_KINDS = ((0.40, 180.0, 35.0, 0.0, 25.0), (0.27, 0.0, 35.0, 0.0, 25.0), (0.10, 0.0, 40.0, -40.0, 12.0))
ELEVATION_SD, ELEVATION_LIMITS = 25.0, (-60.0, 60.0)
ARM_CLEARANCE_M = 0.42  # from the elbow's side: nearer, the camera would be in the arm
ROLL_SD, ANY_ROLL_SHARE = 45.0, 0.15
DISTANCE_M = (0.25, 1.2)
OFF_AXIS = (0.5, 0.35)  # largest |x/z|, |y/z| of the hand
# What tracking and detection do to a crop: its angle (degrees), centre and log size (shares of the size), standard deviations.
CROP_JITTER = (7.0, 0.03, 0.07)


@dataclass(frozen=True, eq=False)
class Views:
    """N views.

    Attributes:
        rotation: (N, 3, 3), hand (rest mesh frame) to camera; distance: (N,) metres to the hand's centre.
        ray: (N, 2) x/z, y/z of the hand's centre.
    """

    rotation: FloatArray
    ray: FloatArray
    distance: FloatArray

    def place(self, points: FloatArray, centre: FloatArray) -> FloatArray:
        """(N, P, 3) points of the mesh frame in camera axes; ``centre`` (N, 3), in the mesh frame, comes to lie on the ray."""
        direction = np.concatenate([self.ray, np.ones((len(self.ray), 1))], 1)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        turned = (points - centre[:, None]) @ self.rotation.transpose(0, 2, 1)
        return turned + (direction * self.distance[:, None])[:, None]


def sample_views(rng: np.random.Generator, count: int, near: float = DISTANCE_M[0], far: float = DISTANCE_M[1]) -> Views:
    """Draws views; distances (metres) are even on a logarithmic scale."""
    azimuth, elevation = rng.uniform(0, 360, count), rng.normal(0, ELEVATION_SD, count)
    kind = rng.random(count)
    lower = 0.0
    for share, azimuth_mean, azimuth_sd, elevation_mean, elevation_sd in VIEW_KINDS:
        chosen = (kind >= lower) & (kind < lower + share)
        azimuth[chosen] = rng.normal(azimuth_mean, azimuth_sd, chosen.sum())
        elevation[chosen] = rng.normal(elevation_mean, elevation_sd, chosen.sum())
        lower += share
    elevation = np.clip(elevation, *ELEVATION_LIMITS)
    roll = np.where(rng.random(count) < ANY_ROLL_SHARE, rng.uniform(-180, 180, count), rng.normal(0, ROLL_SD, count))
    ray = rng.uniform(-1, 1, (count, 2)) * OFF_AXIS
    seen = hand_rotation(np.radians(azimuth), np.radians(elevation), np.radians(roll))
    distance = np.exp(rng.uniform(np.log(near), np.log(far), count))
    return Views(seen_along_rays(seen, ray), ray, np.where(elevation < -30, np.maximum(distance, ARM_CLEARANCE_M), distance))


def seen_along_rays(rotation: FloatArray, ray: FloatArray) -> FloatArray:
    """(N, 3, 3) rotations to camera axes of hands that look as ``rotation`` says in a crop around their ``ray`` (N, 2): off the
    optical axis the viewing ray turns them."""
    return np.stack([viewing_ray_rotation(one) for one in ray]) @ rotation


def hand_rotation(azimuth: FloatArray, elevation: FloatArray, roll: FloatArray) -> FloatArray:
    """(N, 3, 3) rotations of the rest mesh (fingers -Z, back +X, thumb +Y) to the axes of a camera that looks at it.

    Azimuth 0 looks at the back, pi at the palm; elevation is the camera's height towards the fingertips; with roll 0 the fingers
    point up in the picture, a positive roll turns them clockwise. Radians, (N,).
    """
    ca, sa, ce, se = np.cos(azimuth), np.sin(azimuth), np.cos(elevation), np.sin(elevation)
    to_camera = np.stack([ca * ce, sa * ce, -se], -1)
    fingers = np.array([0.0, 0.0, -1.0])
    up = fingers - (to_camera @ fingers)[:, None] * to_camera
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    right = np.cross(-up, -to_camera)
    level = np.stack([right, -up, -to_camera], 1)
    c, s, zero, one = np.cos(roll), np.sin(roll), np.zeros_like(roll), np.ones_like(roll)
    turn = np.stack([c, -s, zero, s, c, zero, zero, zero, one], -1).reshape(-1, 3, 3)
    return turn @ level


def jittered_crop(rng: np.random.Generator, keypoints: FloatArray, crop_scale: float) -> CropRegion:
    """The runtime's crop around (21, 2) pixels, moved a little as tracking does."""
    exact = region_from_keypoints(keypoints, crop_scale)
    angle, shift, zoom = CROP_JITTER
    return CropRegion(
        center=exact.center + rng.normal(0, shift, 2) * exact.size,
        size=exact.size * float(np.exp(rng.normal(0, zoom))),
        angle=exact.angle + np.radians(rng.normal(0, angle)),
    )


def crop_projection(camera: Camera, region: CropRegion, size: int) -> FloatArray:
    """(3, 3): camera frame to pixels of the patch (pixel i from i to i + 1), homogeneous, without distortion."""
    origin, right, down = region.to_patch(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    affine = np.eye(3)
    affine[:2] = size * np.stack([right - origin, down - origin, origin], 1)
    return affine @ camera.K
