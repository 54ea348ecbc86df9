"""Reads the one kind of glTF file that the rigged hand comes as: a single skinned mesh, its buffer embedded as base64."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handmesh_ros.errors import HandmeshError, reading
from handmesh_ros.hand import FloatArray

COMPONENT_TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
COMPONENT_COUNTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class GltfError(HandmeshError, ValueError):
    """The file is missing or is not a single skinned mesh with embedded buffers."""


@dataclass(frozen=True, eq=False)
class SkinnedMesh:
    """What a file says, unchanged. Metres; bones come parents first, ``parents`` is -1 at the root, rotations are 3x3."""

    vertices: FloatArray
    normals: FloatArray
    uv: FloatArray
    faces: np.ndarray
    bone_indices: np.ndarray
    bone_weights: FloatArray
    bone_names: tuple[str, ...]
    parents: tuple[int, ...]
    rest_rotations: FloatArray
    rest_translations: FloatArray
    inverse_bind: FloatArray


def quaternion_to_matrix(xyzw: FloatArray) -> FloatArray:
    """(..., 4) quaternions, xyzw as in glTF, to (..., 3, 3) rotation matrices; length does not matter."""
    q = np.asarray(xyzw, float)
    x, y, z, w = np.moveaxis(q / np.linalg.norm(q, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def read_skinned_mesh(path: str | Path) -> SkinnedMesh:
    """Read a glTF 2.0 file.

    Raises:
        GltfError: the file is missing, is no glTF, or holds no skin.
    """
    path = Path(path)
    if not path.is_file():
        raise GltfError(f"{path}: there is no such glTF file; the rigged hand belongs into the folder 'hand' of the assets")
    with reading(path, "a glTF file with one skinned mesh and embedded buffers", GltfError):
        document = json.loads(path.read_text())
        buffers = [base64.b64decode(buffer["uri"].split(",", 1)[1]) for buffer in document["buffers"]]
        primitive = document["meshes"][0]["primitives"][0]
        skin = document["skins"][0]

    def accessor(index: int) -> np.ndarray:
        description = document["accessors"][index]
        view = document["bufferViews"][description["bufferView"]]
        columns = COMPONENT_COUNTS[description["type"]]
        offset = view.get("byteOffset", 0) + description.get("byteOffset", 0)
        values = np.frombuffer(
            buffers[view["buffer"]], COMPONENT_TYPES[description["componentType"]], description["count"] * columns, offset
        )
        return values.reshape(-1, columns) if columns > 1 else values

    nodes = document["nodes"]
    order = {node: bone for bone, node in enumerate(skin["joints"])}
    parents = [-1] * len(order)
    for node, bone in order.items():
        for child in nodes[node].get("children", []):
            parents[order[child]] = bone
    if any(parent >= bone for bone, parent in enumerate(parents)):
        raise GltfError(f"{path}: the skin's joints are not sorted parents first")
    bones = [nodes[node] for node in skin["joints"]]
    attributes = {name: accessor(index) for name, index in primitive["attributes"].items()}
    return SkinnedMesh(
        vertices=attributes["POSITION"].astype(float),
        normals=attributes["NORMAL"].astype(float),
        uv=attributes["TEXCOORD_0"].astype(float),
        faces=accessor(primitive["indices"]).reshape(-1, 3).astype(np.int64),
        bone_indices=attributes["JOINTS_0"].astype(np.int64),
        bone_weights=attributes["WEIGHTS_0"].astype(float),
        bone_names=tuple(bone["name"] for bone in bones),
        parents=tuple(parents),
        rest_rotations=quaternion_to_matrix(np.array([bone.get("rotation", [0, 0, 0, 1]) for bone in bones])),
        rest_translations=np.array([bone.get("translation", [0, 0, 0]) for bone in bones], float),
        # glTF stores matrices column by column.
        inverse_bind=accessor(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1).astype(float),
    )
