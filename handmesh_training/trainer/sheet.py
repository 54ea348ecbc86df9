"""Contact sheets: what a network says of pictures, mesh and skeleton over each patch, the labels as magenta dots."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.evaluation.metrics import relative_keypoint_errors
from handmesh_ros.evaluation.sheets import best_middle_worst, draw_tile, write_tiles
from handmesh_training.networks import MobRecon
from handmesh_training.trainer.pictures import PictureSet
from handmesh_training.trainer.validate import Answers, answer


def write_sheet(path: Path, network: MobRecon, pictures: PictureSet, crop_scale: float, count: int = 24) -> None:
    """PNG of ``count`` pictures, evenly through the set."""
    rows = np.linspace(0, len(pictures) - 1, min(count, len(pictures))).astype(np.intp)
    _write(path, answer(network.eval(), pictures.take(rows), crop_scale), network.levels.faces)


def write_best_and_worst(path: Path, network: MobRecon, pictures: PictureSet, crop_scale: float, count: int = 12) -> None:
    """PNG of the pictures with the least, the middle and the largest 2D errors, ``count`` of each, best first."""
    said = answer(network.eval(), pictures, crop_scale)
    rows = best_middle_worst(relative_keypoint_errors(said.keypoints, said.true_keypoints).mean(1), count)
    _write(path, Answers(*(getattr(said, name)[rows] for name in Answers.__dataclass_fields__)), network.levels.faces)


def _write(path: Path, said: Answers, faces: NDArray[np.integer]) -> None:
    tiles = [
        draw_tile(patch, keypoints, joints, vertices, truth, faces)
        for patch, keypoints, joints, vertices, truth in zip(
            said.patches, said.keypoints, said.joints, said.vertices, said.true_keypoints, strict=True
        )
    ]
    write_tiles(path, tiles)
