"""Reads the template files that go with official MobRecon checkpoints: template.ply, transform.pkl, j_reg.npy, right_faces.npy.

They derive from MANO, so they stay with the user. ``transform.pkl`` is a pickle from the internet: it is read by an unpickler that knows
arrays and sparse matrices and refuses everything else.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import HandmeshError
from handmesh_ros.hand import MIDDLE_MCP, WRIST
from handmesh_training.networks.levels import TemplateLevels
from handmesh_training.networks.paper.spiral import MeshTopologyError, paper_spirals
from handmesh_training.template.hand_template import SPIRAL_LENGTH

FILES = ("template.ply", "transform.pkl", "j_reg.npy", "right_faces.npy")
OFFICIAL_LEVELS = (49, 98, 195, 389, 778)
# MANO's order is wrist, index, middle, little, ring, thumb; these are the rows of each finger's three joints in our order of fingers.
WRIST_ROW = 0
FINGER_ROWS = ((13, 14, 15), (1, 2, 3), (4, 5, 6), (10, 11, 12), (7, 8, 9))
TIP_ROWS = range(16, 21)


class OfficialTemplateError(HandmeshError, ValueError):
    """The template folder is not the one of the official code; the message says which file is wrong and what to do."""


def load_official_template(folder: str | Path) -> TemplateLevels:
    """Levels, spirals, faces and joints of the 778-vertex hand.

    Args:
        folder: holds the four FILES of the official repository's ``template`` folder.

    Raises:
        OfficialTemplateError: a file is missing, damaged, or does not fit the others.
    """
    folder = Path(folder)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise OfficialTemplateError(
            f"{folder}: {', '.join(missing)} missing; give the folder 'template' of the official repository, which holds {', '.join(FILES)}"
        )
    vertices, ply_faces = _read_ply(folder / "template.ply")
    faces = _read_array(folder / "right_faces.npy", (1538, 3)).astype(np.int64)
    if vertices.shape != (OFFICIAL_LEVELS[-1], 3) or not np.array_equal(ply_faces, faces):
        raise OfficialTemplateError(
            f"{folder}: template.ply has other faces than right_faces.npy, or not {OFFICIAL_LEVELS[-1]} vertices: these are not the files "
            "of one right hand; take the whole folder from the official repository"
        )
    transform = _read_transform(folder / "transform.pkl")
    regressor = _read_array(folder / "j_reg.npy", (21, OFFICIAL_LEVELS[-1]))
    try:
        level_spirals = [
            paper_spirals(v, f.astype(np.int64), SPIRAL_LENGTH)
            for v, f in zip(transform["vertices"][-2::-1], transform["face"][-2::-1], strict=True)
        ]
    except MeshTopologyError as error:
        raise OfficialTemplateError(f"{folder / 'transform.pkl'}: a level is no proper mesh: {error}") from error
    regressor = _our_joint_order(regressor, vertices, folder / "j_reg.npy")
    joints = regressor @ vertices
    return TemplateLevels(
        upsampling=tuple(m.astype(np.float32) for m in transform["up_transform"][::-1]),
        spirals=tuple(level_spirals),
        faces=faces,
        joint_regressor=regressor.astype(np.float32),
        size_m=float(np.linalg.norm(joints[MIDDLE_MCP] - joints[WRIST])),
    )


def _our_joint_order(regressor: NDArray[np.float64], vertices: NDArray[np.float64], path: Path) -> NDArray[np.float64]:
    """Rows from MANO's order to ours. Copies of j_reg differ in the order of the tips, so each goes to the finger that it ends."""
    if not np.allclose(regressor.sum(axis=1), 1, atol=1e-3):
        raise OfficialTemplateError(f"{path}: its rows do not sum to 1, so it is no joint regressor of this template")
    joints = regressor @ vertices
    tips = np.array(list(TIP_ROWS))
    ends = joints[[rows[-1] for rows in FINGER_ROWS]]
    nearest = np.linalg.norm(ends[:, None] - joints[tips], axis=2).argmin(axis=1)
    if len(set(nearest)) != len(tips):
        raise OfficialTemplateError(f"{path}: its last five rows are not the five finger tips of template.ply")
    order = [WRIST_ROW]
    for rows, tip in zip(FINGER_ROWS, tips[nearest], strict=True):
        order += [*rows, int(tip)]
    return regressor[order]


def _read_array(path: Path, shape: tuple[int, ...]) -> NDArray[Any]:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise OfficialTemplateError(f"{path}: no readable .npy file ({error})") from error
    if not isinstance(array, np.ndarray) or array.shape != shape:
        raise OfficialTemplateError(f"{path}: its shape is {getattr(array, 'shape', None)}, expected {shape}")
    return array


def _read_ply(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices and triangles of an ASCII PLY file with x, y, z first."""
    try:
        header, _, body = path.read_text(encoding="ascii").partition("end_header")
        counts = {w[1]: int(w[2]) for w in (line.split() for line in header.splitlines()) if w[:1] == ["element"]}
        rows = body.split("\n")[1:]
        vertices = np.array([row.split()[:3] for row in rows[: counts["vertex"]]], np.float64)
        faces = np.array([row.split() for row in rows[counts["vertex"] : counts["vertex"] + counts["face"]]], np.int64)
        if not header.startswith("ply") or not (faces[:, 0] == 3).all():
            raise ValueError("no triangle mesh")
    except (ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise OfficialTemplateError(f"{path}: no ASCII PLY triangle mesh ({error})") from error
    return vertices, faces[:, 1:4]


class _SparseColumns:
    """Stands in for scipy's csc_matrix: takes the pickled fields, so that scipy is neither needed nor run."""

    _shape: tuple[int, int]
    data: NDArray[np.float64]
    indices: NDArray[np.int64]
    indptr: NDArray[np.int64]

    def toarray(self) -> NDArray[np.float64]:
        dense = np.zeros(self._shape)
        columns = np.repeat(np.arange(self._shape[1]), np.diff(self.indptr))
        np.add.at(dense, (self.indices, columns), self.data)
        return dense


def _reconstruct_array(kind: type, shape: tuple[int, ...], code: bytes) -> NDArray[Any]:
    """An empty array for the unpickler to fill, as numpy's own function makes it, for plain arrays only."""
    if kind is not np.ndarray:
        raise pickle.UnpicklingError("only plain arrays are read")
    return np.ndarray(shape, code.decode("latin1"))


class _ArrayUnpickler(pickle.Unpickler):
    """Knows numpy arrays and csc matrices; any other name in the file is an error before it could run."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "csc_matrix" and module.startswith("scipy.sparse"):
            return _SparseColumns
        if module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray"):
            known: dict[str, Any] = {"ndarray": np.ndarray, "dtype": np.dtype, "_reconstruct": _reconstruct_array}
            if name in known:
                return known[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}, which a mesh hierarchy does not need: it may run code and was not loaded")


def _read_transform(path: Path) -> dict[str, list[NDArray[Any]]]:
    try:
        with path.open("rb") as file:
            content = _ArrayUnpickler(file, encoding="latin1").load()
        fields: dict[str, list[NDArray[Any]]] = {
            "vertices": [np.asarray(v, np.float64) for v in content["vertices"]],
            "face": [np.asarray(f) for f in content["face"]],
            "up_transform": [m.toarray() for m in content["up_transform"]],
        }
    except Exception as error:  # a damaged pickle raises nearly anything
        raise OfficialTemplateError(f"{path}: not read: {error}; take the file again from the official repository") from error
    sizes = tuple(len(v) for v in fields["vertices"])[::-1]
    steps = tuple(m.shape for m in fields["up_transform"])[::-1]
    if (
        sizes != OFFICIAL_LEVELS
        or steps != tuple(zip(OFFICIAL_LEVELS[1:], OFFICIAL_LEVELS[:-1], strict=True))
        or len(fields["face"]) != len(OFFICIAL_LEVELS)
    ):
        raise OfficialTemplateError(f"{path}: levels of {sizes} vertices with upsamplings {steps}, expected {OFFICIAL_LEVELS}")
    return fields
