"""The 778-vertex right hand that networks are trained to give: rig, levels of detail, spirals, joint regressor, poses.

Built once from the CC0 rigged hand (:mod:`build`) and committed as ``models/hand_template.npz``, so that training needs no other file.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from handmesh_ros.errors import HandmeshError, reading
from handmesh_ros.files import package_file
from handmesh_ros.hand import JOINT_PARENTS, MIDDLE_MCP, WRIST, FloatArray
from handmesh_training.template.rig import Rig, skin
from handmesh_training.template.shapes import mean_shape

FILE = "models/hand_template.npz"  # of the package
LEVELS = (778, 389, 195, 98, 49)
SPIRAL_LENGTH = 9


class TemplateError(HandmeshError, ValueError):
    """The template's file is missing or is not one."""


@dataclass(frozen=True, eq=False)
class HandTemplate:
    """A right hand; frame and unit are the rig's (:class:`Rig`).

    Attributes:
        rig: the mesh of 778 vertices with its skeleton (``uv`` is all zero: it has no texture).
        poses: the named poses, (27, 3, 3) local rotations.
        regressor: (21, 778), joints = regressor @ vertices; no entry is negative, rows sum to 1.
        faces: of each level, finest first, (F, 3).
        upsampling_indices, upsampling_weights: for each of the four steps the (fine, 3) coarse vertices and weights that give a
            fine vertex; weights sum to 1.
        spirals: of each level but the coarsest, (V, 9).
    """

    rig: Rig
    poses: dict[str, FloatArray]
    regressor: FloatArray
    faces: tuple[np.ndarray, ...]
    upsampling_indices: tuple[np.ndarray, ...]
    upsampling_weights: tuple[FloatArray, ...]
    spirals: tuple[np.ndarray, ...]

    @property
    def mean_vertices(self) -> FloatArray:
        """(778, 3) the mean hand in the rest pose."""
        return self.pose(self.rig.rest_rotations, mean_shape(self.rig))[0]

    @property
    def reference_size_m(self) -> float:
        """Wrist to middle mcp of the mean hand, metres."""
        joints = self.pose(self.rig.rest_rotations, mean_shape(self.rig))[1]
        return float(np.linalg.norm(joints[MIDDLE_MCP] - joints[WRIST]))

    @property
    def bone_sum_m(self) -> float:
        """Length of all twenty bones of the mean hand together, metres: what hands of unknown size are compared by."""
        joints = self.pose(self.rig.rest_rotations, mean_shape(self.rig))[1]
        return float(bone_sum(joints))

    def pose(self, local_rotations: FloatArray, bone_scale: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Vertices (..., 778, 3) and joints (..., 21, 3) for (..., 27, 3, 3) local rotations and (..., 27, 3) scales."""
        transforms = self.rig.bone_transforms(local_rotations, bone_scale)
        return skin(self.rig, transforms), self.rig.joint_positions(transforms)

    def save(self, path: str | Path) -> None:
        """Write everything as one compressed npz file, float32 and the smallest integers."""
        arrays: dict[str, np.ndarray] = {"regressor": self.regressor}
        arrays |= {f"rig_{f.name}": np.asarray(getattr(self.rig, f.name)) for f in fields(Rig)}
        arrays |= {"pose_names": np.array(list(self.poses)), "pose_rotations": np.stack(list(self.poses.values()))}
        for name in ("faces", "upsampling_indices", "upsampling_weights", "spirals"):
            arrays |= {f"{name}_{k}": array for k, array in enumerate(getattr(self, name))}
        np.savez_compressed(path, **{name: _small(array) for name, array in arrays.items()})  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path | None = None) -> HandTemplate:
        """Read a file that :meth:`save` wrote; default: the one that comes with the package.

        Raises:
            TemplateError: the file is missing or holds something else.
        """
        path = Path(path or package_file(FILE) or FILE)
        if not path.is_file():
            raise TemplateError(f"{path}: the hand template of the package is missing; install again, or restore it with git")
        with reading(path, "a hand template", TemplateError):
            with np.load(path) as archive:
                arrays = {name: _wide(archive[name]) for name in archive.files}
            rig = {f.name: arrays[f"rig_{f.name}"] for f in fields(Rig)}
            lists = {name: tuple(rig.pop(name).tolist()) for name in ("bone_names", "parents")}
            names = arrays["pose_names"].tolist()
            levels = {
                name: tuple(arrays[f"{name}_{k}"] for k in range(count))
                for name, count in (("faces", 5), ("upsampling_indices", 4), ("upsampling_weights", 4), ("spirals", 4))
            }
            poses = dict(zip(names, arrays["pose_rotations"], strict=True))
            return cls(rig=Rig(**rig, **lists), poses=poses, regressor=arrays["regressor"], **levels)  # type: ignore[arg-type]


def bone_sum(joints: FloatArray) -> FloatArray:
    """(...,) sum of the lengths of the 20 bones of (..., 21, 3) joints."""
    bones = joints[..., 1:, :] - joints[..., list(JOINT_PARENTS[1:]), :]
    return np.asarray(np.linalg.norm(bones, axis=-1).sum(axis=-1))


def _small(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    if array.dtype.kind in "iu":
        return array.astype(np.int16)
    return array


def _wide(array: np.ndarray) -> np.ndarray:
    """Calculations run in double precision; names stay what they are."""
    return array.astype({"f": np.float64, "i": np.int64}[array.dtype.kind]) if array.dtype.kind in "fi" else array
