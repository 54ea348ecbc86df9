"""One crop to one metric hand: patch, network, placement, joint frames. No memory: the same crop gives the same answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import InputError
from handmesh_ros.hand import FloatArray, Hand, Side, TrackState
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.crop import CropRegion, check_picture, extract_patch
from handmesh_ros.perception.evidence import HandEvidence
from handmesh_ros.perception.frames import joint_rotations
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.perception.place import PlacementError, place
from handmesh_ros.perception.size.hand_size import HandSize
from handmesh_ros.perception.stopwatch import Stopwatch
from handmesh_ros.perception.tracking.records import Measurement, probability_of

NEAREST_PLACED_M = 0.01  # a joint that was placed behind the camera has no ray; chosen by hand


@dataclass(frozen=True, eq=False)
class Glance:
    """One frame of one camera.

    Attributes:
        frame_rgb: (H, W, 3) uint8 RGB.
        camera: of this frame's size.
        stamp_s: when it was taken.

    Raises:
        CropError: the frame is no picture.
        InputError: it is not of the camera's size.
    """

    frame_rgb: NDArray[np.uint8]
    camera: Camera
    stamp_s: float

    def __post_init__(self) -> None:
        check_picture(self.frame_rgb)
        height, width = self.frame_rgb.shape[:2]
        if (height, width) != (self.camera.height, self.camera.width):
            raise InputError(f"the frame is {width}x{height}, the camera is calibrated for {self.camera.width}x{self.camera.height}")


class HandMeter:
    """Measures hands in crops with one mesh network."""

    def __init__(self, network: MeshNetwork, stopwatch: Stopwatch) -> None:
        self.network = network
        self._stopwatch = stopwatch
        self._patch = np.empty((1, 3, network.patch_size, network.patch_size), np.float32)

    def measure(self, glance: Glance, region: CropRegion, size: HandSize) -> Measurement | None:
        """The hand in a region, taken for a left one where the region is mirrored.

        Returns:
            None where the network's answer makes no hand: it is nowhere before the camera.

        Raises:
            ModelContractError: the network's answer is not finite, or no probability where it should be one.
        """
        camera = glance.camera
        with self._stopwatch.stage("crop"):
            patch = extract_patch(glance.frame_rgb, region, self.network.patch_size, out=self._patch)
        with self._stopwatch.stage("network"):
            estimate = self.network.predict(patch)
        side = Side.LEFT if region.mirror else Side.RIGHT
        with self._stopwatch.stage("place"):
            keypoints = region.to_image(estimate.keypoints)
            # The centre's ray with the keypoints': to undistort 22 points costs what one costs.
            pixels = np.empty((len(keypoints) + 1, 2))
            pixels[:-1], pixels[-1] = keypoints, region.center
            rays = camera.normalize(pixels)
            # From the crop's axes to the camera's: mirror, roll, and the turn of the viewing ray; from the network's hand to this one.
            scale = size.size_m / self.network.reference_size_m
            axes = region.axes_in_camera(camera, rays[-1]) * scale
            joints = estimate.joints.astype(np.float64).dot(axes.T)
            try:
                keypoint_sigma_px = self.network.keypoint_sigma_px(estimate, region)
                joint_sigma_m = scale * self.network.joint_sigma_m
                placement = place(joints, rays[:-1], camera.focal_px, keypoint_sigma_px, joint_sigma_m, size.relative_sigma)
            except PlacementError:
                return None
        with self._stopwatch.stage("frames"):
            rotations = joint_rotations(joints, side)
        vertices = estimate.vertices @ axes.T.astype(np.float32) + placement.translation.astype(np.float32)
        right_probability = estimate.right_probability
        if right_probability is not None and region.mirror:
            right_probability = 1.0 - right_probability  # the network saw the mirrored hand
        hand = Hand(
            side=side,
            side_score=probability_of(side, right_probability),
            score=estimate.score,
            track_id=0,
            state=TrackState.TRACKING,
            stamp_s=glance.stamp_s,
            vertices=vertices,
            joints=joints + placement.translation,
            rotations=rotations,
            keypoints=keypoints,
            position_covariance=placement.covariance,
            size_m=size.size_m,
            metric=camera.calibrated,
        )
        evidence = HandEvidence(_seen_or_placed(rays[:-1], hand.joints), keypoint_sigma_px / camera.focal_px, joints, joint_sigma_m)
        return Measurement(hand, region, right_probability, placement.residual_px, evidence)


def _seen_or_placed(rays: FloatArray, joints: FloatArray) -> FloatArray:
    """(21, 2) rays of keypoints; those that the lens has no ray for, some way beyond the picture's edge, are where their joints (21, 3)
    were placed by the others, so that they say nothing new."""
    seen = np.asarray(np.isfinite(rays).all(axis=1, keepdims=True))
    if seen.all():
        return rays
    return np.where(seen, rays, joints[:, :2] / np.maximum(joints[:, 2:], NEAREST_PLACED_M))
