"""A contact sheet of renders, to look at.

python -m handmesh_training.renders.contact_sheet --assets ../shared/assets --out sheet.png --joints
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from handmesh_ros.hand import BONES
from handmesh_training.renders.batch import OCCLUDER_SHARE, RenderBatch, Studio, render_batch
from handmesh_training.renders.cache import BATCH_SIZE, join
from handmesh_training.renders.split import PARTS

SEEN, HIDDEN = (60, 255, 60), (255, 60, 60)


def contact_sheet(batch: RenderBatch, columns: int, joints: bool = False) -> np.ndarray:
    """The pictures side by side, row by row, uint8 RGB; with ``joints`` the labels, hidden joints red."""
    pictures = [_with_joints(batch, row) if joints else batch.images[row] for row in range(len(batch.images))]
    pictures += [np.zeros_like(pictures[0])] * (-len(pictures) % columns)
    lines = [np.concatenate(pictures[start : start + columns], 1) for start in range(0, len(pictures), columns)]
    return np.concatenate(lines)


def _with_joints(batch: RenderBatch, row: int) -> np.ndarray:
    picture = batch.images[row].copy()
    points = np.round(batch.keypoints[row] * len(picture) - 0.5).astype(int).tolist()
    for parent, child in BONES:
        cv2.line(picture, points[parent], points[child], (255, 255, 255), 1, cv2.LINE_AA)
    for point, seen in zip(points, batch.visible[row], strict=True):
        cv2.circle(picture, point, 2, SEEN if seen > 0 else HIDDEN, -1)
    return picture


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of this module."""
    parser = argparse.ArgumentParser(description="Draw renders side by side into one picture.")
    parser.add_argument("--assets", type=Path, required=True, help="folder with hand/, environments/, backgrounds/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=48)
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--size", type=int, default=160, help="side of a picture, pixels")
    parser.add_argument("--occluders", type=float, default=OCCLUDER_SHARE, help="share of hands with a thing or a second hand")
    parser.add_argument("--part", choices=PARTS, default="all")
    parser.add_argument("--fits", type=Path, help="file of meshes fitted to real crops: hands are held and seen as those people's are")
    parser.add_argument("--joints", action="store_true", help="draw the labels; hidden joints are red")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    studio = Studio.load(chosen.assets, part=chosen.part, fits=chosen.fits)
    rng = np.random.default_rng(chosen.seed)
    starts = range(0, chosen.count, BATCH_SIZE)
    sizes = [min(BATCH_SIZE, chosen.count - start) for start in starts]
    drawn = join([render_batch(studio, rng, size, chosen.size, occluder_share=chosen.occluders) for size in sizes])
    sheet = contact_sheet(drawn, chosen.columns, chosen.joints)
    if not cv2.imwrite(str(chosen.out), sheet[..., ::-1]):
        raise SystemExit(f"cannot write {chosen.out}: does its folder exist, and does its name end in .png or .jpg?")


if __name__ == "__main__":
    main()
