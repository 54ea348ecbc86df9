"""Measures where the teacher marks joints, from where the template has them, on renders: ``MARK_OFFSETS_MM`` of ``labels/fitter.py``.

python -m handmesh_training.renders.cache --assets ../shared/assets --out runs/mark_renders --count 768 --occluders 0
python -m handmesh_training.renders.mark_offsets runs/mark_renders
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from handmesh_ros.hand import JOINT_COUNT, JOINT_NAMES, MIDDLE_MCP, FloatArray
from handmesh_ros.perception.crop import CropRegion, extract_patch
from handmesh_ros.perception.crop_rules import region_from_keypoints
from handmesh_ros.progress import progress_over
from handmesh_ros.provision import model_path
from handmesh_ros.provision.compose import CROP_BOX, CROP_SCALE
from handmesh_training.labels.landmark_network import PATCH_SIZE, LandmarkNetwork
from handmesh_training.renders.batch import RenderBatch
from handmesh_training.renders.cache import join, read_cache
from handmesh_training.template import HandTemplate

MAX_ERROR, LEAST_PRESENCE = 0.08, 0.5  # of the hand's size, in the mean of its joints: beyond, the teacher has misread the picture
OFFSET_ROUNDS = 20
LEAST_ERROR_M = 5e-4


def mark_offsets(template: HandTemplate, renders: RenderBatch, marks: FloatArray, seen: np.ndarray) -> tuple[FloatArray, np.ndarray]:
    """The offsets that explain the marks best: least sum of distances, so that a misread finger pulls no harder than any other.

    Args:
        marks: (N, 21, 2) what the teacher marks, fractions of the pictures; seen: (N,) bool, where it sees a right hand.

    Returns:
        (21, 3) metres in the axes of each joint's bone, for a hand of the reference size, and (N,) bool, the hands that they are from.
    """
    shift, error = _projection_of_offsets(template, renders), marks - renders.keypoints
    size = np.ptp(renders.keypoints, axis=1).max(1)
    metres = np.linalg.norm(shift, axis=(2, 3)).mean(1) / np.sqrt(2)  # fractions of the picture to a metre in the hand
    offsets = np.zeros((JOINT_COUNT, 3))
    used = np.asarray(seen, bool)
    for _ in range(OFFSET_ROUNDS):
        residual = np.linalg.norm(error - (shift @ offsets[..., None])[..., 0], axis=2)
        used = seen & (residual.mean(1) < MAX_ERROR * size)
        weights = used[:, None] / np.maximum(residual, LEAST_ERROR_M * metres[:, None]) / metres[:, None]
        normal = np.einsum("nj,njka,njkb->jab", weights, shift, shift)
        target = np.einsum("nj,njka,njk->ja", weights, shift, error)
        offsets = np.linalg.solve(normal, target[..., None])[..., 0]
    return offsets, used


def look(network: LandmarkNetwork, renders: RenderBatch) -> tuple[FloatArray, np.ndarray]:
    """(N, 21, 2) the teacher's marks, mean of the picture and its mirror image, fractions of the pictures, and (N,) bool, whether it sees
    the right hand that is there both times."""
    side = renders.images.shape[2]
    marks, seen = np.empty((len(renders.images), JOINT_COUNT, 2)), np.empty(len(renders.images), bool)
    for row, picture in enumerate(progress_over(renders.images, "teacher on renders", "pictures")):
        region = region_from_keypoints(renders.keypoints[row] * side - 0.5, CROP_SCALE, box=CROP_BOX)
        looks = [region, CropRegion(region.center, region.size, region.angle, mirror=True)]
        found = network.observe(np.concatenate([extract_patch(picture, one, PATCH_SIZE) for one in looks]))
        places = [one.to_image(points[:, :2]) for one, points in zip(looks, found.landmarks, strict=True)]
        marks[row] = (np.mean(places, axis=0) + 0.5) / side
        seen[row] = found.presence.min() > LEAST_PRESENCE and found.right[0] > 0.5 > found.right[1]
    return marks, seen


def _projection_of_offsets(template: HandTemplate, renders: RenderBatch) -> FloatArray:
    """(N, 21, 2, 3) what an offset of one metre along each axis of a joint's bone does in the picture, fractions of it."""
    rig = template.rig
    bones = rig.bone_transforms(renders.local_rotations, renders.bone_scale)[:, rig.joint_bones, :3, :3]
    turns = renders.rotation[:, None] @ (bones / np.linalg.norm(bones, axis=-2, keepdims=True))
    corner = np.concatenate([renders.keypoints[:, 0], np.ones((len(renders.keypoints), 1))], 1)
    ray = np.linalg.solve(renders.camera, corner[..., None])[..., 0]
    wrist = renders.wrist_distance[:, None] * ray / np.linalg.norm(ray, axis=1, keepdims=True)
    depth = ((renders.joints + wrist[:, None]) @ renders.camera[:, 2, :, None])[..., 0]
    camera = renders.camera[:, None]
    shift = (camera[:, :, :2] - renders.keypoints[..., None] * camera[:, :, 2:]) / depth[..., None, None]
    size = np.linalg.norm(renders.joints[:, MIDDLE_MCP], axis=1) / template.reference_size_m
    return np.asarray(shift @ turns * size[:, None, None, None])


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of this module."""
    parser = argparse.ArgumentParser(description="Measure where the teacher marks the joints of renders.")
    parser.add_argument("renders", type=Path, help="folder of renders, without occluders")
    parser.add_argument("--landmark-model", type=Path, default=None)
    chosen = parser.parse_args(arguments)
    renders = join(list(read_cache(chosen.renders)))
    marks, seen = look(LandmarkNetwork(chosen.landmark_model or model_path("hand_landmark")), renders)
    offsets, used = mark_offsets(HandTemplate.load(), renders, marks, seen)
    print(f"{used.sum()} of {len(used)} hands; millimetres in the axes of each joint's bone:")
    for name, (x, y, z) in zip(JOINT_NAMES, 1000 * offsets, strict=True):
        print(f"    ({x:.1f}, {y:.1f}, {z:.1f}),  # {name}")


if __name__ == "__main__":
    main()
