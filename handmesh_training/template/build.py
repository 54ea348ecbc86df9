"""Builds the hand template from the CC0 rigged hand. Needs scipy and fast-simplification (extra ``train``); its users do not.

python -m handmesh_training.template.build ../shared/assets
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from handmesh_ros.files import package_root
from handmesh_ros.hand import FloatArray
from handmesh_training.template.gltf import read_skinned_mesh
from handmesh_training.template.hand_template import FILE, LEVELS, SPIRAL_LENGTH, HandTemplate
from handmesh_training.template.poses import sample_poses
from handmesh_training.template.rig import Rig, load_poses, load_rig, skin
from handmesh_training.template.shapes import mean_shape, sample_shapes
from handmesh_training.template.topology import closest_on_mesh, is_clean_disc, spirals
from handmesh_training.template.wrist import drop_lid, vertex_normals, weld

REGRESSOR_HANDS, REGRESSOR_NEIGHBOURS = 300, 48
INFLUENCES = 4


def build_template(assets: str | Path, seed: int = 0) -> HandTemplate:
    """Decimate, link the levels, fit the joint regressor. Deterministic; about half a minute.

    Raises:
        GltfError: an asset is missing or broken.
        RuntimeError: no clean decimation with the wanted number of vertices was found.
    """
    source = read_skinned_mesh(Path(assets) / "hand" / "hand_r.gltf")
    full_rig = load_rig(assets, "hand_r")
    poses = load_poses(assets, full_rig)
    vertices, faces = _compact(source.vertices, drop_lid(source.vertices, source.faces))
    meshes = []
    for count in LEVELS:
        vertices, faces = decimate(vertices, faces, count)
        meshes.append((vertices, faces))
    steps = [closest_on_mesh(fine[0], *coarse) for fine, coarse in pairwise(meshes)]
    rig = _skinned(full_rig, *meshes[0])
    return HandTemplate(
        rig=rig,
        poses=poses,
        regressor=fit_regressor(rig, poses, seed),
        faces=tuple(mesh[1] for mesh in meshes),
        upsampling_indices=tuple(step[0] for step in steps),
        upsampling_weights=tuple(step[1] for step in steps),
        spirals=tuple(spirals(*mesh, SPIRAL_LENGTH) for mesh in meshes[:-1]),
    )


def decimate(vertices: FloatArray, faces: np.ndarray, count: int) -> tuple[FloatArray, np.ndarray]:
    """A coarser mesh with exactly ``count`` vertices, one clean disc, spirals without padding (but for the coarsest level).

    The simplifier takes a number of faces, so numbers and its aggressiveness are searched.
    """
    from fast_simplification import simplify  # a build-time tool only

    for aggressiveness in (3, 5, 7):
        for face_count in range(2 * count, 2 * count - 40, -1):
            points, triangles = simplify(vertices.astype(np.float32), faces.astype(np.int32), target_count=face_count, agg=aggressiveness)
            if len(points) != count or not is_clean_disc(count, triangles):
                continue
            try:
                if count > LEVELS[-1]:
                    spirals(points, triangles, SPIRAL_LENGTH)
            except ValueError:
                continue
            return points.astype(float), triangles.astype(np.int64)
    raise RuntimeError(f"no clean decimation to {count} vertices found")


def fit_regressor(rig: Rig, poses: dict[str, FloatArray], seed: int) -> FloatArray:
    """(21, V) joint regressor by non-negative least squares over random poses and shapes, from the nearest vertices only."""
    from scipy.optimize import nnls

    rng = np.random.default_rng(seed)
    rotations = sample_poses(rig, poses, rng, REGRESSOR_HANDS)
    transforms = rig.bone_transforms(rotations, sample_shapes(rig, rng, REGRESSOR_HANDS))
    vertices, joints = skin(rig, transforms), rig.joint_positions(transforms)
    rest = rig.bone_transforms(rig.rest_rotations, mean_shape(rig))
    rest_vertices, rest_joints = skin(rig, rest), rig.joint_positions(rest)
    regressor = np.zeros((joints.shape[1], len(rest_vertices)))
    for joint in range(len(regressor)):
        near = np.argsort(np.linalg.norm(rest_vertices - rest_joints[joint], axis=1))[:REGRESSOR_NEIGHBOURS]
        matrix = vertices[:, near].transpose(0, 2, 1).reshape(-1, len(near))
        # A heavy row makes the weights sum to 1.
        heavy = np.full((1, len(near)), 100.0)
        weights, _ = nnls(np.concatenate([matrix, heavy]), np.append(joints[:, joint].reshape(-1), 100.0))
        regressor[joint, near] = weights / weights.sum()
    return regressor


def _compact(vertices: FloatArray, faces: np.ndarray) -> tuple[FloatArray, np.ndarray]:
    """Weld and drop unused vertices."""
    first, welded = weld(vertices, faces)
    used, compact = np.unique(welded, return_inverse=True)
    return vertices[first[used]], compact.reshape(faces.shape)


def _skinned(full: Rig, vertices: FloatArray, faces: np.ndarray) -> Rig:
    """The decimated mesh on the full mesh's skeleton; each vertex takes the weights of the full surface where it lies."""
    corners, parts, _ = closest_on_mesh(vertices, full.vertices, full.faces)
    dense = np.zeros((len(full.vertices), full.bone_count))
    np.add.at(dense, (np.arange(len(dense))[:, None], full.bone_indices), full.bone_weights)
    blended = np.einsum("nk,nkb->nb", parts, dense[corners])
    indices = np.argsort(-blended, axis=1, kind="stable")[:, :INFLUENCES]
    weights = np.take_along_axis(blended, indices, 1)
    return replace(
        full, vertices=vertices, faces=faces, normals=vertex_normals(vertices, faces), uv=np.zeros((len(vertices), 2)),
        bone_indices=indices, bone_weights=weights / weights.sum(1, keepdims=True),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assets", type=Path, help="folder that holds hand/")
    parser.add_argument("--out", type=Path, default=package_root() / FILE)
    arguments = parser.parse_args()
    build_template(arguments.assets).save(arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
