"""The labelled pictures of a training, in memory: renders with exact meshes, real crops with a teacher's opinion. All show right hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from handmesh_ros.hand import FloatArray
from handmesh_ros.training.lifted.renders import to_reference_size, true_hands
from handmesh_ros.training.template import HandTemplate

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class PictureSet:
    """N pictures of right hands (left ones are mirrored).

    Attributes:
        images: N RGB pictures, uint8 (H, W, 3).
        keypoints: (N, 21, 2) pixels, OpenCV's (centre of the first pixel is (0, 0)).
        keypoint_weights: (N,) trust in the keypoints, 1 for exact ones.
        vertices: (N, 778, 3) float16, axes of the picture (x right, y down, z away), relative to the wrist, metres at the template's
            reference size; nan where ``mesh_weights`` is 0.
        mesh_weights: (N,) trust in the mesh, 0 without one.
        content: (N, 4) x0, y0, x1, y1: the part that is real picture.
        sources: (N,) names of where pictures come from.
    """

    images: tuple[Picture, ...]
    keypoints: FloatArray
    keypoint_weights: FloatArray
    vertices: NDArray[np.float16]
    mesh_weights: FloatArray
    content: FloatArray
    sources: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: NDArray[np.intp]) -> PictureSet:
        """Some of the pictures."""
        arrays = {name: getattr(self, name)[rows] for name in _arrays()}
        return PictureSet(images=tuple(self.images[row] for row in rows), **arrays)

    @classmethod
    def join(cls, parts: Sequence[PictureSet]) -> PictureSet:
        """All pictures of several sets."""
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _arrays()}
        return cls(images=tuple(image for part in parts for image in part.images), **arrays)


def _arrays() -> list[str]:
    return [entry.name for entry in fields(PictureSet) if entry.name != "images"]


def read_renders(folder: Path, template: HandTemplate) -> PictureSet:
    """All pictures of a render cache.

    Raises:
        CacheError: the folder is missing or a shard is broken (it is named).
    """
    from handmesh_ros.training.render.cache import read_cache

    parts = []
    for batch in tqdm(read_cache(folder), desc=f"read {folder.name}", unit="shard"):
        vertices, joints = true_hands(template, batch.local_rotations, batch.bone_scale, batch.rotation)
        count, size = len(vertices), batch.images.shape[2]
        parts.append(
            PictureSet(
                images=tuple(batch.images),
                keypoints=(batch.keypoints * size - 0.5).astype(np.float32),
                keypoint_weights=np.ones(count, np.float32),
                vertices=to_reference_size(vertices, joints, template.reference_size_m).astype(np.float16),
                mesh_weights=np.ones(count, np.float32),
                content=np.tile(np.array([0, 0, size, size], np.float32), (count, 1)),
                sources=np.full(count, "renders"),
            )
        )
    return PictureSet.join(parts)


def mirrored(image: Picture, keypoints: FloatArray, content: FloatArray) -> tuple[Picture, FloatArray, FloatArray]:
    """A picture and its labels left to right."""
    width = image.shape[1]
    turned = keypoints.copy()
    turned[:, 0] = width - 1 - turned[:, 0]
    return np.ascontiguousarray(image[:, ::-1]), turned, np.array([width - content[2], content[1], width - content[0], content[3]])
