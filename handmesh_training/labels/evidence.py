"""What is known of the hands of real crops: the teacher's keypoints and, from the same network's looks, a guess of the joints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
from tqdm import tqdm

from handmesh_ros.hand import JOINT_COUNT, FloatArray
from handmesh_ros.perception.crop import CropRegion, extract_patch
from handmesh_ros.perception.crop_rules import region_from_keypoints
from handmesh_ros.perception.onnx_session import create_session
from handmesh_ros.provision.compose import CROP_BOX, CROP_SCALE
from handmesh_training.labels.crops import RealCrops
from handmesh_training.labels.fitter import Evidence
from handmesh_training.labels.landmark_network import PATCH_SIZE, LandmarkNetwork, Observations

# Spread of the evidence where the two opinions agree: parts of the hand's size, and metres across and along the line of sight. From
# renders; what the opinions differ by is added.
KEYPOINT_SIGMA, JOINT_SIGMA_M = 0.02, (0.02, 0.02, 0.03)
GAP_SHARE = 0.5  # of the squared difference


def gather(crops: RealCrops, guesses: FloatArray) -> Evidence:
    """Evidence for fitting; left hands are mirrored, picture axes otherwise.

    Args:
        guesses: (N, 2, 21, 3) of :func:`guess_joints`.
    """
    size = crops.hand_size[:, None]
    gap = guesses[:, 0] - guesses[:, 1]
    return Evidence(
        keypoints=as_right_hands(crops, crops.keypoints) / size[..., None],
        keypoint_sigma=np.sqrt(KEYPOINT_SIGMA**2 + GAP_SHARE * (crops.keypoint_gap / size) ** 2),
        joints=guesses.mean(1),
        joint_sigma=np.sqrt(np.square(JOINT_SIGMA_M) + GAP_SHARE * gap**2),
    )


def as_right_hands(crops: RealCrops, pixels: FloatArray) -> FloatArray:
    """(N, P, 2) pixels of the pictures, those of left hands after mirroring the picture left to right."""
    mirrored = pixels.copy()
    mirrored[..., 0] = np.where(crops.is_left[:, None], crops.side[:, None] - pixels[..., 0], pixels[..., 0])
    return mirrored


def guess_joints(crops: RealCrops, landmark_model: Path, decoder_model: Path) -> FloatArray:
    """(N, 2, 21, 3) metres, wrist-relative: what ``lifted`` says of each crop and, mirrored back, of its mirror image.

    Axes are the picture's; those of left hands are the mirrored picture's.

    Raises:
        DatasetError: a picture cannot be read.
        ModelContractError: a model is missing; names it.
    """
    decoder = create_session(decoder_model, 1)
    network = LandmarkNetwork(landmark_model)
    guesses = np.empty((len(crops), 2, JOINT_COUNT, 3))
    for row in tqdm(range(len(crops)), desc="looking at real crops", unit="picture"):
        region = region_from_keypoints(crops.keypoints[row], CROP_SCALE, mirror=bool(crops.is_left[row]), box=CROP_BOX)
        mirror_image = CropRegion(region.center, region.size, region.angle, not region.mirror)
        picture = crops.read_picture(row)
        seen = network.observe(np.concatenate([extract_patch(picture, one, PATCH_SIZE) for one in (region, mirror_image)]))
        joints = _lift(decoder, _unmirror_second(seen))
        # The picture's mirror image has the axes of the picture with x turned round.
        axes = region.axes if not region.mirror else region.axes * [[-1], [1]]
        joints[..., :2] = joints[..., :2] @ axes.T
        guesses[row] = joints
    return guesses


def _unmirror_second(seen: Observations) -> Observations:
    """Two looks, the second at the mirror image: both as if of the first."""
    landmarks, world = seen.landmarks.copy(), seen.world.copy()
    landmarks[1, :, 0] = 1 - landmarks[1, :, 0]
    world[1, :, 0] *= -1
    return Observations(landmarks, world, seen.presence, seen.right)


def _lift(decoder: ort.InferenceSession, seen: Observations) -> FloatArray:
    results = [
        decoder.run(["joints"], {"landmarks": landmarks[None], "world_landmarks": world[None]})[0][0]
        for landmarks, world in zip(seen.landmarks.astype(np.float32), seen.world.astype(np.float32), strict=True)
    ]
    joints = np.stack(results).astype(np.float64)
    return np.asarray(joints - joints[:, :1])
