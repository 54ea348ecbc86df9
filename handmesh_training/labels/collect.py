"""``handmesh train pseudo-label``: a user's own video becomes a folder of crops with the teacher's labels, like ``real_hands``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.evaluation.datasets import DatasetError
from handmesh_training.labels.selection import Selection
from handmesh_training.labels.teacher import Teacher, TeacherHand

CROP_MARGIN = 2.0  # side of a crop over the longer side of the keypoints' box: leaves room for jitter
MAX_SIDE_PX = 256  # larger crops are reduced to this, none is enlarged
CROP_JPEG_QUALITY = 90


def collect(
    frames: Iterable[tuple[str, NDArray[np.uint8]]], out: Path, source: str, teacher: Teacher, selection: Selection, max_hands: int = 2
) -> None:
    """Write the hands that are good enough to ``out``: ``source``/00000.jpg ... and, at the end, ``labels.npz``.

    Args:
        frames: (name, (H, W, 3) uint8 RGB), for example from a video; the name is noted with each crop.
        source: what the crops are called together; all of them form one group and are for training.
        selection: counts what is kept and dropped.

    Raises:
        DatasetError: the folder holds labels already, or no hand was good enough.
        OSError: the folder cannot be written.
    """
    labels = out / "labels.npz"
    if labels.exists():
        raise DatasetError(f"{labels}: is there already; give another folder, each is one set of crops")
    (out / source).mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for name, frame_rgb in frames:
        for hand in teacher.hands(frame_rgb, max_hands):
            if hand is not None and selection.keep(hand, frame_rgb):
                crop = f"{source}/{len(rows):05d}.jpg"
                picture, row = _cut(frame_rgb, hand)
                _write_jpeg(out / crop, picture)
                rows.append({"names": crop, "source_path": name, **row})
            elif hand is None:
                selection.keep(None, frame_rgb)
    if not rows:
        raise DatasetError(f"{out}: no hand was good enough to learn from\n{selection.table()}")
    nothing = np.zeros(len(rows))
    _write_labels(
        labels,
        {
            **{key: np.array([row[key] for row in rows]) for key in rows[0]},
            "source": nothing.astype(np.int16), "source_names": np.array([source]),
            "group": nothing.astype(np.int16), "group_names": np.array([source]),
            "split": nothing.astype(np.int8),
        },
    )  # fmt: skip


def _cut(frame_rgb: NDArray[np.uint8], hand: TeacherHand) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """A square around a hand, edge pixels repeated where it leaves the frame, and its row of labels."""
    height, width = frame_rgb.shape[:2]
    cut_side = max(2, round(CROP_MARGIN * hand.size))
    corner = np.round((hand.low + hand.high - cut_side) / 2).astype(int)
    side = min(cut_side, MAX_SIDE_PX)
    scale = side / cut_side
    columns, lines = (np.clip(np.arange(start, start + cut_side), 0, end - 1) for start, end in zip(corner, (width, height), strict=True))
    picture = frame_rgb[lines[:, None], columns[None]]
    if side < cut_side:
        picture = np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    direct, mirrored = hand.direct, hand.mirrored
    looks_2020 = (hand.looks_2020 - [*corner, 0]) * scale
    real = np.clip((np.array([0, 0, width, height]) - np.tile(corner, 2)) * scale, 0, side)
    return picture, {
        "uv": ((direct.keypoints - corner) * scale).astype(np.float32),
        "uv_mirror": ((mirrored.keypoints - corner) * scale).astype(np.float32),
        "z": (direct.depth * scale).astype(np.float32),
        "world": direct.world.astype(np.float32), "world_mirror": mirrored.world.astype(np.float32),
        "landmarks_2020": looks_2020[0].astype(np.float32), "landmarks_2020_mirror": looks_2020[1].astype(np.float32),
        "presence": np.float32(direct.presence), "right": np.float32(direct.right), "right_mirror": np.float32(mirrored.right),
        "stability": np.float32(hand.stability), "mirror_gap": np.float32(hand.mirror_gap),
        "side": np.int16(side), "box": np.concatenate([hand.low, hand.high]).astype(np.float32),
        "crop": np.array([*corner, cut_side], np.float32), "content": real.astype(np.float32),
    }  # fmt: skip


def _write_jpeg(path: Path, picture_rgb: NDArray[np.uint8]) -> None:
    _, data = cv2.imencode(".jpg", picture_rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, CROP_JPEG_QUALITY])
    path.write_bytes(data.tobytes())  # unlike cv2.imwrite this fails when the disk is full


def _write_labels(path: Path, labels: dict[str, Any]) -> None:
    partial = path.with_name("labels.partial.npz")  # a killed run leaves no half file under the name
    np.savez_compressed(partial, **labels)
    partial.replace(path)
