"""Crops of real hands with teacher networks' labels: the folders ``real_hands``, ``real_hands_more``, ``real_hands_wide``, a user's own.

A folder holds ``labels.npz`` and the pictures that its ``names`` list (docs/pseudo-labels.md says which fields there are). Pictures are
read when they are asked for, so a whole set of labels fits into little memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import reading
from handmesh_ros.evaluation.datasets import DatasetError, Sample
from handmesh_ros.hand import JOINT_COUNT, FloatArray, Side

FOLDERS = ("real_hands", "real_hands_more", "real_hands_wide")
# People, rooms and cameras that training never sees, whatever the labels' own split says.
VALIDATION_SOURCES = ("subhi", "intel_asl", "shikha", "golf")
# What a labels.npz must hold: the shape of one row.
ROW_SHAPES: dict[str, tuple[int, ...]] = {
    "names": (), "source": (), "group": (), "split": (), "right": (), "side": (), "stability": (), "mirror_gap": (), "content": (4,),
    "uv": (JOINT_COUNT, 2), "uv_mirror": (JOINT_COUNT, 2), "world": (JOINT_COUNT, 3), "world_mirror": (JOINT_COUNT, 3),
}  # fmt: skip
# The 2020 network's opinion, which labels of the old format lack.
ROW_SHAPES_2020: dict[str, tuple[int, ...]] = {"landmarks_2020": (JOINT_COUNT, 3), "landmarks_2020_mirror": (JOINT_COUNT, 3)}


@dataclass(frozen=True, eq=False)
class RealCrops:
    """N square pictures of one hand each. There is no truth for them: labels are what the teachers say of the picture and, mapped back, of
    its mirror image, in this order where an axis has two looks.

    Axes are those of the stored picture: x right, y down, z away from the camera; its upper left corner is (0, 0), so that
    fractions of the picture are ``keypoints / side``.

    Attributes:
        names: (N,) str, ``folder/source/picture.jpg``: unique, and the key of everything that is derived from a crop.
        paths: of the pictures.
        source: (N,) str, whole sources can be left out; group: (N,) str, pictures of a group resemble each other.
        validation: (N,) bool, the split inside the sources, and whole VALIDATION_SOURCES.
        is_left: (N,) bool, the picture as stored shows a left hand.
        keypoint_looks: (N, 2, 21, 2) pixels, and world_looks: (N, 2, 21, 3) metres, of MediaPipe's 2021 network.
        looks_2020: (N, 2, 21, 3) pixels in all three axes, of its 2020 network; nan where the labels are of the old format.
        mirror_gap: (N,) largest keypoint gap; stability: (N,) largest shift of a keypoint under another crop; both as fractions of
            the hand's size (longer side of the keypoints' box).
        content: (N, 4) x0, y0, x1, y1 pixels, the part that is real picture; side: (N,) pixels.
        skipped: what could not be used, a line each with file and reason.
    """

    names: NDArray[np.str_]
    paths: tuple[Path, ...]
    source: NDArray[np.str_]
    group: NDArray[np.str_]
    validation: NDArray[np.bool_]
    is_left: NDArray[np.bool_]
    keypoint_looks: FloatArray
    world_looks: FloatArray
    looks_2020: FloatArray
    mirror_gap: FloatArray
    stability: FloatArray
    content: FloatArray
    side: NDArray[np.int64]
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def keypoints(self) -> FloatArray:
        """(N, 21, 2) pixels, mean of both looks."""
        return np.asarray(self.keypoint_looks.mean(1))

    @property
    def keypoint_gap(self) -> FloatArray:
        """(N, 21) pixels, how far the two looks are apart."""
        return np.asarray(np.linalg.norm(self.keypoint_looks[:, 0] - self.keypoint_looks[:, 1], axis=-1))

    @property
    def lacks_2020(self) -> NDArray[np.bool_]:
        """(N,) whether the 2020 network's opinion is missing."""
        return np.asarray(~np.isfinite(self.looks_2020).all((1, 2, 3)), bool)

    @property
    def hand_size(self) -> FloatArray:
        """(N,) longer side of the keypoints' box, pixels."""
        return np.ptp(self.keypoints, axis=1).max(axis=1)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> RealCrops:
        """Some of the crops, by index or by mask."""
        index = np.arange(len(self))[rows]
        arrays = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name not in ("paths", "skipped")}
        return RealCrops(**arrays, paths=tuple(self.paths[row] for row in index), skipped=self.skipped)

    def read_picture(self, row: int) -> NDArray[np.uint8]:
        """(side, side, 3) RGB.

        Raises:
            DatasetError: the file is missing, no picture, or of another size than its labels say; names it.
        """
        side = Side.LEFT if self.is_left[row] else Side.RIGHT
        picture = Sample(self.paths[row], None, self.keypoints[row], None, None, side).read_picture()
        if picture.shape[:2] != (self.side[row], self.side[row]):
            raise DatasetError(
                f"{self.paths[row]}: {picture.shape[1]}x{picture.shape[0]} pixels, its labels say {self.side[row]}x{self.side[row]}"
            )
        return picture


def load_real_crops(
    shared: str | Path, sources: Sequence[str] | None = None, leave_out: Sequence[str] = (), folders: Sequence[str | Path] = FOLDERS
) -> RealCrops:
    """Labels of all crops; warns of rows that it has to skip and lists them in ``skipped``.

    Args:
        shared: folder that holds ``folders`` (those may be absolute paths as well, for a user's own).
        sources: only these; None for all. leave_out: not these, for a test on people and rooms that training never saw.

    Raises:
        DatasetError: a folder or its labels are missing or broken, a source is unknown, or nothing is left; names the file.
    """
    names = [Path(folder).name for folder in folders]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DatasetError(f"there are several folders of crops called {', '.join(twice)}; their names must differ")
    whole = _join([_read_folder(Path(shared) / folder) for folder in folders])
    known = sorted(set(whole.source.tolist()))
    unknown = sorted({*(sources or ()), *leave_out} - set(known))
    if unknown:
        raise DatasetError(f"{shared}: there is no source {', '.join(unknown)}; there are {', '.join(known)}")
    kept = ~np.isin(whole.source, list(leave_out))
    if sources is not None:
        kept &= np.isin(whole.source, list(sources))
    if not kept.any():
        raise DatasetError(f"{shared}: no crop is left of the sources {', '.join(known)}")
    if whole.skipped:
        warnings.warn(f"{len(whole.skipped)} real crops are skipped, the first is {whole.skipped[0]}", stacklevel=2)
    return whole.take(kept)


def _read_folder(folder: Path) -> RealCrops:
    path = folder / "labels.npz"
    labels = _read_labels(path)
    uv, world, looks_2020 = (_looks(labels, name) for name in ("uv", "world", "landmarks_2020"))
    names = [f"{folder.name}/{name}" for name in labels["names"]]
    paths = tuple(folder / str(name) for name in labels["names"])
    finite = np.isfinite(uv).all((1, 2, 3)) & np.isfinite(world).all((1, 2, 3)) & np.isfinite(labels["content"]).all(1)
    for name in ("right", "mirror_gap", "stability"):
        finite &= np.isfinite(labels[name])
    there = np.array([picture.is_file() for picture in paths], bool)
    skipped = [f"{paths[row]}: {'its labels are not finite' if there[row] else 'missing'}" for row in np.flatnonzero(~(finite & there))]
    source = _looked_up(labels, "source", path)
    crops = RealCrops(
        names=np.array(names, str),
        paths=paths,
        source=source,
        group=_looked_up(labels, "group", path),
        validation=(labels["split"] == 1) | np.isin(source, VALIDATION_SOURCES),
        is_left=labels["right"] < 0.5,
        keypoint_looks=uv,
        world_looks=world,
        looks_2020=looks_2020,
        mirror_gap=labels["mirror_gap"].astype(np.float64),
        stability=labels["stability"].astype(np.float64),
        content=labels["content"].astype(np.float64),
        side=labels["side"].astype(np.int64),
        skipped=tuple(skipped),
    )
    return crops.take(finite & there)


def _read_labels(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise DatasetError(f"{path}: missing; give the folder that holds {' and '.join(FOLDERS)}")
    with reading(path, "labels of crops", DatasetError), np.load(path) as archive:
        labels = {name: archive[name] for name in archive.files}
    missing = {*ROW_SHAPES, "source_names", "group_names"} - set(labels)
    if missing:
        raise DatasetError(f"{path}: lacks {', '.join(sorted(missing))}")
    count = len(labels["names"])
    for name in ROW_SHAPES_2020:
        labels.setdefault(name, np.full((count, *ROW_SHAPES_2020[name]), np.nan))
    for name, shape in (ROW_SHAPES | ROW_SHAPES_2020).items():
        if labels[name].shape != (count, *shape):
            raise DatasetError(f"{path}: {name} has the shape {labels[name].shape}, expected {(count, *shape)}")
    return labels


def _looks(labels: dict[str, np.ndarray], name: str) -> FloatArray:
    """(N, 2, 21, D): what is said of the pictures, and of their mirror images."""
    return np.stack([labels[name], labels[f"{name}_mirror"]], axis=1).astype(np.float64)


def _looked_up(labels: dict[str, np.ndarray], name: str, path: Path) -> NDArray[np.str_]:
    """The names that a column of indices stands for."""
    rows, names = labels[name].astype(np.int64), labels[f"{name}_names"]
    if len(rows) and (rows.min() < 0 or rows.max() >= len(names)):
        raise DatasetError(f"{path}: {name} names entry {rows.max()} of {name}_names, which has {len(names)}")
    return np.asarray(names[rows], str)


def _join(parts: Sequence[RealCrops]) -> RealCrops:
    columns = [f.name for f in fields(RealCrops) if f.name not in ("paths", "skipped")]
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}
    return RealCrops(
        **arrays, paths=tuple(path for part in parts for path in part.paths), skipped=tuple(line for part in parts for line in part.skipped)
    )
