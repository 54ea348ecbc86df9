"""What is known of the hands of real crops: keypoints of the 2021 network and the fused teacher's joints in space."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_training.labels.crops import RealCrops
from handmesh_training.labels.fitter import Evidence
from handmesh_training.labels.fused import Fused

# Spread of the keypoints where the two looks agree, parts of the hand's size. From renders; what the looks differ by is added.
AGREED_KEYPOINT_SIGMA = 0.02
GAP_SHARE = 0.5  # of the squared difference


def gather(crops: RealCrops, fused: Fused) -> Evidence:
    """Evidence for fitting; left hands are mirrored, picture axes otherwise."""
    size = crops.hand_size[:, None]
    return Evidence(
        keypoints=as_right_hands(crops, crops.keypoints) / size[..., None],
        keypoint_sigma=np.sqrt(AGREED_KEYPOINT_SIGMA**2 + GAP_SHARE * (crops.keypoint_gap / size) ** 2),
        joints=np.where(crops.is_left[:, None, None], fused.joints * (-1, 1, 1), fused.joints),
        depth_sigma=fused.sigma[..., 2],
    )


def as_right_hands(crops: RealCrops, pixels: FloatArray) -> FloatArray:
    """(N, P, 2) pixels of the pictures, those of left hands after mirroring the picture left to right."""
    mirrored = pixels.copy()
    mirrored[..., 0] = np.where(crops.is_left[:, None], crops.side[:, None] - pixels[..., 0], pixels[..., 0])
    return mirrored
