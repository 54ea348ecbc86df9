"""Readers of data sets in their official folder layouts. All give the same Sample, joints in the order of hand.JOINT_NAMES."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import HandmeshError, reading
from handmesh_ros.hand import JOINT_COUNT, FloatArray, Side

# Place of each of our joints in MANO's order: wrist, index, middle, little, ring, thumb (three each), then the five tips.
MANO_TO_OURS = (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20)


class DatasetError(HandmeshError, ValueError):
    """The folder does not have the data set's layout, or a file in it is broken; the message names it."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One labelled picture.

    Attributes:
        path: of the picture.
        K: (3, 3) camera matrix, or None where unknown.
        keypoints: (21, 2), pixels.
        joints: (21, 3), camera frame (x right, y down, z forward), metres, or None where only 2D is labelled.
        vertices: (V, 3), likewise, or None.
        side: of the hand.
        picture: (H, W, 3) RGB where it is not read from ``path``.
    """

    path: Path
    K: FloatArray | None
    keypoints: FloatArray
    joints: FloatArray | None
    vertices: FloatArray | None
    side: Side
    picture: NDArray[np.uint8] | None = None

    def read_picture(self) -> NDArray[np.uint8]:
        """(H, W, 3) RGB.

        Raises:
            DatasetError: the file is missing or no picture.
        """
        if self.picture is not None:
            return self.picture
        picture = cv2.imread(str(self.path), cv2.IMREAD_COLOR)
        if picture is None:
            raise DatasetError(f"{self.path}: missing or not a picture")
        return np.asarray(picture[..., ::-1], np.uint8).copy()


def read_dataset(kind: str, folder: Path, source: str | None = None) -> Iterator[Sample]:
    """Samples of a data set: kind is 'freihand', 'ho3d' or 'crops' (of one ``source`` if it is given)."""
    readers: dict[str, Callable[[Path], Iterator[Sample]]] = {
        "freihand": read_freihand,
        "ho3d": read_ho3d,
        "crops": lambda folder: read_crops(folder, source),
    }
    if kind not in readers:
        raise DatasetError(f"there is no reader for {kind!r}; choose one of {', '.join(readers)}")
    if source is not None and kind != "crops":
        raise DatasetError(f"only data sets of kind 'crops' have sources, not {kind!r}")
    if not folder.is_dir():
        raise DatasetError(f"{folder}: there is no such folder")
    return readers[kind](folder)


def read_freihand(folder: Path) -> Iterator[Sample]:
    """The evaluation part of FreiHAND v2: evaluation/rgb/*.jpg with evaluation_{K,xyz,verts}.json beside the folder."""
    cameras = _read_json(folder / "evaluation_K.json")
    joints = _read_json(folder / "evaluation_xyz.json")
    vertices = _read_json(folder / "evaluation_verts.json")
    if not len(cameras) == len(joints) == len(vertices):
        raise DatasetError(f"{folder}: evaluation_K, _xyz and _verts hold {len(cameras)}, {len(joints)} and {len(vertices)} entries")
    for index, (K, xyz, verts) in enumerate(zip(cameras, joints, vertices, strict=True)):
        with reading(folder / "evaluation_xyz.json", f"labels of sample {index}, with those of _K and _verts beside it", DatasetError):
            K, xyz, verts = (
                np.reshape(np.asarray(part, float), shape) for part, shape in ((K, (3, 3)), (xyz, (JOINT_COUNT, 3)), (verts, (-1, 3)))
            )
        yield Sample(folder / "evaluation" / "rgb" / f"{index:08d}.jpg", K, _project(xyz, K), xyz, verts, Side.RIGHT)


def read_ho3d(folder: Path) -> Iterator[Sample]:
    """The training part of HO3D v2: train.txt, train/<sequence>/{rgb,meta}. Its axes are OpenGL's (y up, z back): they are turned."""
    listing = folder / "train.txt"
    if not listing.is_file():
        raise DatasetError(f"{listing}: missing; is this the root folder of HO3D v2?")
    with reading(listing, "HO3D's list of frames", DatasetError):
        frames = listing.read_text().split()
    for line in frames:
        sequence, _, frame = line.partition("/")
        meta_path = folder / "train" / sequence / "meta" / f"{frame}.pkl"
        meta = read_plain_pickle(meta_path)
        if meta.get("handJoints3D") is None:
            continue  # HO3D leaves frames without a reliable hand unlabelled
        with reading(meta_path, "HO3D's labels", DatasetError):
            joints = np.asarray(meta["handJoints3D"], np.float64)[list(MANO_TO_OURS)] * (1, -1, -1)
            K = np.asarray(meta["camMat"], np.float64).reshape(3, 3)
        yield Sample(folder / "train" / sequence / "rgb" / f"{frame}.png", K, _project(joints, K), joints, None, Side.RIGHT)


def read_crops(folder: Path, source: str | None = None) -> Iterator[Sample]:
    """Square hand crops with 2D labels: labels.npz with names, uv (N, 21, 2) pixels, right (N,), source and source_names."""
    path = folder / "labels.npz"
    if not path.is_file():
        raise DatasetError(f"{path}: missing")
    with reading(path, "labels of crops", DatasetError), np.load(path) as archive:
        names, uv = archive["names"], archive["uv"].astype(np.float64).reshape(-1, JOINT_COUNT, 2)
        sides = [Side.RIGHT if right > 0.5 else Side.LEFT for right in archive["right"]]
        sources = archive["source_names"][archive["source"]].tolist() if source is not None else [None] * len(names)
        rows = [*zip(names, uv, sides, sources, strict=True)]
    for name, keypoints, side, its_source in rows:
        if its_source == source:
            yield Sample(folder / str(name), None, keypoints, None, None, side)


def read_plain_pickle(path: Path) -> dict[str, Any]:
    """A pickled dictionary of numbers, texts and numpy arrays; anything else in it is refused, since a pickle can run code.

    Raises:
        DatasetError: the file is missing, broken, or holds other objects.
    """
    with reading(path, "HO3D's pickled labels", DatasetError):
        content = _PlainUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
        if not isinstance(content, dict):
            raise ValueError(f"it holds a {type(content).__name__}, no dictionary")
        return content


class _PlainUnpickler(pickle.Unpickler):
    ALLOWED_NAMES = ("_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer")

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "numpy" and name in self.ALLOWED_NAMES:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it holds {module}.{name}, only numpy arrays are read")


def _project(points: FloatArray, K: FloatArray) -> FloatArray:
    image = points @ K.T
    return image[:, :2] / image[:, 2:]


def _read_json(path: Path) -> Any:
    if not path.is_file():
        raise DatasetError(f"{path}: missing; is this the root folder of FreiHAND v2 with its evaluation labels?")
    with reading(path, "JSON", DatasetError):
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, list):
            raise ValueError("no list")
        return content
