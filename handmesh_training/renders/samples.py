"""Renders of a cache as samples of an evaluation, with the template's mesh as truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from handmesh_ros.evaluation.datasets import Sample
from handmesh_ros.hand import Side
from handmesh_training.renders.cache import read_cache
from handmesh_training.renders.truth import true_hands
from handmesh_training.template import HandTemplate

# Labels are in the axes of each picture's own crop; a camera with a long lens (its focal length in sides of the picture) sees all
# of the picture without turning.
FAR_FOCAL = 50.0


def read_render_samples(folder: Path) -> Iterator[Sample]:
    """Every picture of a render cache.

    Raises:
        CacheError: the folder is missing or a shard is broken.
    """
    template = HandTemplate.load()
    for number, batch in enumerate(read_cache(folder)):
        vertices, joints = true_hands(template, batch.local_rotations, batch.bone_scale, batch.rotation)
        size = batch.images.shape[2]
        K = np.array([[FAR_FOCAL * size, 0, size / 2], [0, FAR_FOCAL * size, size / 2], [0, 0, 1]])
        far = np.array([0, 0, FAR_FOCAL])  # only shapes and relative positions are judged
        for row, image in enumerate(batch.images):
            keypoints = batch.keypoints[row] * size - 0.5
            yield Sample(folder / f"{number:05d}_{row:03d}", K, keypoints, joints[row] + far, vertices[row] + far, Side.RIGHT, image)
