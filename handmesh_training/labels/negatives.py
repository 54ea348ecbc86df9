"""Pictures without a hand: faces, rooms and things, cut so that a network for hands may take them for one. They join the patches without
hands that backgrounds give."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import reading
from handmesh_ros.evaluation.datasets import DatasetError
from handmesh_ros.sources import read_picture
from handmesh_training.labels.crops import VALIDATION_SOURCES

INDEX = "negatives.json"


@dataclass(frozen=True, eq=False)
class Negatives:
    """N square pictures without a hand.

    Attributes:
        names: (N,) str; source: (N,) str, where they come from.
        validation: (N,) bool, of people that are kept for validation.
        pictures: (N, S, S, 3) uint8 RGB.
    """

    names: NDArray[np.str_]
    source: NDArray[np.str_]
    validation: NDArray[np.bool_]
    pictures: NDArray[np.uint8]


def read_negatives(folder: Path, side: int) -> Negatives:
    """All pictures that the folder's ``negatives.json`` lists, scaled to ``side`` pixels.

    Raises:
        DatasetError: the list or a picture is missing or broken; names it.
    """
    index = folder / INDEX
    if not index.is_file():
        raise DatasetError(f"{index}: missing; give the folder of pictures without hands that it lists")
    with reading(index, "a list of pictures with 'name' and 'source'", DatasetError):
        listed = [(str(entry["name"]), str(entry["source"])) for entry in json.loads(index.read_text(encoding="utf-8"))]
    if not listed:
        raise DatasetError(f"{index}: lists no picture")
    names, source = (np.array(column, str) for column in zip(*listed, strict=True))
    pictures = np.stack([_read(folder / str(name), side) for name in names])
    return Negatives(names, source, np.isin(source, VALIDATION_SOURCES), pictures)


def _read(path: Path, side: int) -> NDArray[np.uint8]:
    try:
        picture = read_picture(path)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: a picture that {INDEX} lists cannot be read") from error
    if picture.shape[0] != picture.shape[1]:
        raise DatasetError(f"{path}: {picture.shape[1]}x{picture.shape[0]} pixels, must be square")
    way = cv2.INTER_AREA if side < len(picture) else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (side, side), interpolation=way), np.uint8)
