"""Contact sheets: what a network says of pictures, mesh and skeleton over each patch, the labels as magenta dots."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.evaluation.metrics import relative_keypoint_errors
from handmesh_ros.hand import FloatArray
from handmesh_ros.overlay import draw_mesh, draw_skeleton
from handmesh_ros.perception.camera import Camera
from handmesh_training.networks import MobRecon
from handmesh_training.renders.samples import FAR_FOCAL
from handmesh_training.trainer.pictures import PictureSet, RgbPicture
from handmesh_training.trainer.validate import Answers, answer

TILE, COLUMNS = 160, 6
COLOUR, LABEL_COLOUR = (110, 200, 255), (255, 0, 255)


def write_sheet(path: Path, network: MobRecon, pictures: PictureSet, crop_scale: float, count: int = 24) -> None:
    """PNG of ``count`` pictures, evenly through the set."""
    rows = np.linspace(0, len(pictures) - 1, min(count, len(pictures))).astype(np.intp)
    _write(path, answer(network.eval(), pictures.take(rows), crop_scale), network.levels.faces)


def write_best_and_worst(path: Path, network: MobRecon, pictures: PictureSet, crop_scale: float, count: int = 12) -> None:
    """PNG of the pictures with the least, the middle and the largest 2D errors, ``count`` of each, best first."""
    said = answer(network.eval(), pictures, crop_scale)
    order = np.argsort(relative_keypoint_errors(said.keypoints, said.true_keypoints).mean(1))
    middle = (len(order) - count) // 2
    rows = np.concatenate((order[:count], order[middle : middle + count], order[-count:]))
    _write(path, Answers(*(getattr(said, name)[rows] for name in Answers.__dataclass_fields__)), network.levels.faces)


def _write(path: Path, said: Answers, faces: NDArray[np.integer]) -> None:
    tiles = [
        _tile(patch, keypoints, joints, vertices, truth, faces)
        for patch, keypoints, joints, vertices, truth in zip(
            said.patches, said.keypoints, said.joints, said.vertices, said.true_keypoints, strict=True
        )
    ]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    sheet = np.concatenate([np.concatenate(tiles[k : k + COLUMNS], 1) for k in range(0, len(tiles), COLUMNS)])
    cv2.imwrite(str(path), sheet[..., ::-1])


def _tile(
    patch: RgbPicture, keypoints: FloatArray, joints: FloatArray, vertices: FloatArray, truth: FloatArray, faces: NDArray[np.integer]
) -> RgbPicture:
    """The patch with skeleton and true keypoints, and beside it with the mesh, moved and scaled onto the keypoints."""
    flat: RgbPicture = np.asarray(cv2.resize(patch, (TILE, TILE)), np.uint8)
    meshed = flat.copy()
    pixels = keypoints * TILE - 0.5
    draw_skeleton(flat, pixels)
    for x, y in np.rint(truth * TILE - 0.5).astype(int).tolist():
        cv2.circle(flat, (x, y), 1, LABEL_COLOUR, -1, cv2.LINE_AA)
    focal, centre = FAR_FOCAL * TILE, (TILE - 1) / 2
    camera = Camera(width=TILE, height=TILE, K=np.array([[focal, 0, centre], [0, focal, centre], [0, 0, 1.0]]))
    spread, wanted = joints[:, :2] - joints[:, :2].mean(0), pixels - pixels.mean(0)
    distance = focal * float((spread**2).sum() / max((spread * wanted).sum(), 1e-6))
    place = np.append((pixels.mean(0) - centre) / focal * distance - joints[:, :2].mean(0), distance)
    draw_mesh(meshed, vertices + place, faces, camera, COLOUR)
    return np.asarray(np.concatenate((flat, meshed), 1), np.uint8)
