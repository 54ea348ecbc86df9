"""Meshes for real pictures that nobody could fit one to: another network's, whose answers a smaller one learns to give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from handmesh_ros.perception.crop import extract_patch
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.progress import progress_over
from handmesh_training.trainer.pictures import PictureSet

TAUGHT_TRUST = 0.5  # as of a fitted mesh


def with_meshes_of(teacher: Path, pictures: PictureSet, size_m: float) -> PictureSet:
    """The pictures with the meshes of a mesh network where they have none, at the template's reference size ``size_m``.

    Raises:
        FileNotFoundError, ModelContractError: no such model, or one that breaks the contract.
    """
    network = MeshNetwork(teacher)
    vertices, weights = pictures.vertices.copy(), pictures.mesh_weights.copy()
    for row in progress_over(np.flatnonzero(pictures.mesh_weights == 0).tolist(), f"ask {network.name}", "pictures"):
        region = network.region_around(pictures.keypoints[row])
        estimate = network.predict(extract_patch(pictures.images[row], region, network.patch_size))
        turned = estimate.vertices.copy()
        turned[:, :2] = turned[:, :2] @ region.axes.T
        vertices[row] = size_m / network.reference_size_m * turned
        weights[row] = TAUGHT_TRUST
    return replace(pictures, vertices=vertices, mesh_weights=weights)
