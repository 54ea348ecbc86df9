"""The labelled pictures of a training, in memory: renders with exact meshes, real crops with a teacher's opinion. All show right hands."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import JOINT_COUNT, FloatArray
from handmesh_ros.perception.crop_rules import region_from_keypoints
from handmesh_ros.progress import Progress
from handmesh_training.renders.cache import read_shard, shard_paths
from handmesh_training.renders.truth import to_reference_size, true_hands
from handmesh_training.template import HandTemplate

RgbPicture = NDArray[np.uint8]
CropBox = Literal["hand", "palm"]  # what the network's crop is measured by, as in the mesh network contract

SIDE = 192  # pixels of every picture; the hand takes about half of it, a little less than the network's patch shows


@dataclass(frozen=True, eq=False)
class PictureSet:
    """N pictures of right hands (left ones are mirrored).

    Attributes:
        images: (N, SIDE, SIDE, 3) uint8 RGB.
        keypoints: (N, 21, 2) pixels, OpenCV's (centre of the first pixel is (0, 0)).
        keypoint_weights: (N,) trust in the keypoints, 1 for exact ones.
        vertices: (N, 778, 3) float16, axes of the picture (x right, y down, z away), relative to the wrist, metres at the template's
            reference size; nan where ``mesh_weights`` is 0.
        mesh_weights: (N,) trust in the mesh, 0 without one.
        joints: (N, 21, 3) float32, as the vertices; nan where ``joint_weights`` is 0.
        joint_weights: (N, 21, 2) trust in each joint's place across the line of sight and along it.
        content: (N, 4) x0, y0, x1, y1: the part that is real picture.
        boxes: (N, 4) centre x and y, side, angle (radians) of the tight upright square around the hand's keypoints or the palm's.
        sources: (N,) names of where pictures come from.
    """

    images: RgbPicture
    keypoints: FloatArray
    keypoint_weights: FloatArray
    vertices: NDArray[np.float16]
    mesh_weights: FloatArray
    joints: FloatArray
    joint_weights: FloatArray
    content: FloatArray
    boxes: FloatArray
    sources: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: NDArray[np.intp]) -> PictureSet:
        """Some of the pictures."""
        return PictureSet(**{entry.name: getattr(self, entry.name)[rows] for entry in fields(self)})

    @classmethod
    def join(cls, parts: Sequence[PictureSet]) -> PictureSet:
        """All pictures of several sets."""
        return cls(**{entry.name: np.concatenate([getattr(part, entry.name) for part in parts]) for entry in fields(cls)})


def read_renders(folder: Path, template: HandTemplate, crop_box: CropBox, workers: int = 1) -> PictureSet:
    """All pictures of a render cache, read by several processes.

    Raises:
        CacheError: the folder is missing or a shard is broken (it is named).
    """
    paths, read = shard_paths(folder), partial(_read_shard, template=template, crop_box=crop_box)
    with Progress(f"read {folder.name}", len(paths), "shards") as progress:
        parts = []
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            for part in pool.map(read, paths) if workers > 1 else map(read, paths):
                parts.append(part)
                progress.advance()
    return PictureSet.join(parts)


def _read_shard(path: Path, template: HandTemplate, crop_box: CropBox) -> PictureSet:
    """Renders with the template's mesh as label."""
    batch = read_shard(path)
    vertices, joints = true_hands(template, batch.local_rotations, batch.bone_scale, batch.rotation)
    count, size = len(vertices), batch.images.shape[2]
    keypoints = (batch.keypoints * SIDE - 0.5).astype(np.float32)
    images = batch.images if size == SIDE else np.stack([resized(image) for image in batch.images])
    return PictureSet(
        images=np.ascontiguousarray(images),
        keypoints=keypoints,
        keypoint_weights=np.ones(count, np.float32),
        vertices=to_reference_size(vertices, joints, template.reference_size_m).astype(np.float16),
        mesh_weights=np.ones(count, np.float32),
        joints=to_reference_size(joints, joints, template.reference_size_m).astype(np.float32),
        joint_weights=np.ones((count, JOINT_COUNT, 2), np.float32),
        content=np.tile(np.array([0, 0, SIDE, SIDE], np.float32), (count, 1)),
        boxes=boxes_of(keypoints, crop_box),
        sources=np.full(count, "renders"),
    )


def boxes_of(keypoints: FloatArray, crop_box: CropBox) -> FloatArray:
    """(N, 4) as :class:`PictureSet` has them, of keypoints (N, 21, 2)."""
    regions = (region_from_keypoints(points, 1.0, box=crop_box) for points in keypoints)
    return np.array([(*region.center, region.size, region.angle) for region in regions], np.float32).reshape(-1, 4)


def resized(image: RgbPicture) -> RgbPicture:
    """A square picture with sides of SIDE pixels."""
    way = cv2.INTER_AREA if len(image) > SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=way), np.uint8)


def mirrored(image: RgbPicture, keypoints: FloatArray, content: FloatArray) -> tuple[RgbPicture, FloatArray, FloatArray]:
    """A picture and its labels left to right."""
    width = image.shape[1]
    turned = keypoints.copy()
    turned[:, 0] = width - 1 - turned[:, 0]
    return np.ascontiguousarray(image[:, ::-1]), turned, np.array([width - content[2], content[1], width - content[0], content[3]])
