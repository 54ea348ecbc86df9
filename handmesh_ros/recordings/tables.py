"""Hands as tables for analysis: one row a hand and frame, as text (CSV) or as arrays (NPZ)."""

from __future__ import annotations

import csv
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from handmesh_ros.finger_angles import ANGLE_NAMES, finger_angles
from handmesh_ros.hand import JOINT_COUNT, JOINT_NAMES, WRIST, Hand
from handmesh_ros.outputs import UnfinishedFile, cannot_write
from handmesh_ros.perception.grasp import aperture, pinch_distance
from handmesh_ros.recordings.seen import MeshModel, SeenFrame

CSV_COLUMNS = (
    "frame", "stamp_s", "track_id", "side", "side_score", "score", "state", "metric", "size_m", "aperture", "pinch_distance_m", "work_ms",
    *(f"{joint}_{axis}_m" for joint in JOINT_NAMES for axis in "xyz"),
    *(f"{joint}_{axis}_px" for joint in JOINT_NAMES for axis in "uv"),
    *(f"{angle}_rad" for angle in ANGLE_NAMES),
)  # fmt: skip


class CsvWriter:
    """A row a hand and frame; a frame without hands has none.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, _: MeshModel) -> None:
        self.path = path
        self.remains: Path | None = None
        self._unfinished = UnfinishedFile(path)
        try:
            self._file = self._unfinished.working.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise cannot_write(path, error) from error
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(CSV_COLUMNS)

    def __enter__(self) -> CsvWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        if kind is None:
            self._unfinished.finish()
        else:
            self.remains = self._unfinished.abandon()

    def write(self, seen: SeenFrame) -> None:
        try:
            self._rows.writerows(_row(seen, hand) for hand in seen.hands)
        except OSError as error:
            raise cannot_write(self.path, error) from error


class NpzWriter:
    """Arrays of all hands of all frames, compressed, written at the end: until then they are in memory, about 10 kB a hand and frame.

    ``frame``, ``stamp_s``, ``track_id``, ``side`` ("left", "right"), ``state``, ``score``, ``side_score``, ``size_m``, ``metric`` (N,);
    ``joints`` (N, 21, 3) and ``vertices`` (N, V, 3) metres, ``rotations`` (N, 21, 3, 3), ``keypoints`` (N, 21, 2) pixels,
    ``position_covariance`` (N, 3, 3); ``faces`` (F, 3) of a right hand.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, model: MeshModel) -> None:
        self.path = path
        self.remains: Path | None = None
        self._unfinished = UnfinishedFile(path)
        self._model = model
        self._hands: list[tuple[int, Hand]] = []

    def __enter__(self) -> NpzWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            with self._unfinished.working.open("wb") as file:
                np.savez_compressed(file, **self._arrays())
        except OSError as failure:
            self.remains = self._unfinished.abandon()
            raise cannot_write(self.path, failure) from failure
        if kind is None:
            self._unfinished.finish()
        else:
            self.remains = self._unfinished.abandon()

    def write(self, seen: SeenFrame) -> None:
        self._hands += [(seen.frame.number, hand) for hand in seen.hands]

    def _arrays(self) -> dict[str, Any]:
        hands = [hand for _, hand in self._hands]
        shapes: dict[str, tuple[type, tuple[int, ...]]] = {
            "joints": (np.float32, (JOINT_COUNT, 3)),
            "vertices": (np.float32, (self._model.vertex_count, 3)),
            "rotations": (np.float32, (JOINT_COUNT, 3, 3)),
            "keypoints": (np.float32, (JOINT_COUNT, 2)),
            "position_covariance": (np.float64, (3, 3)),
            **dict.fromkeys(("score", "side_score", "size_m", "stamp_s"), (np.float64, ())),
            "track_id": (np.int64, ()),
            "metric": (np.bool_, ()),
        }
        return {
            "frame": np.array([number for number, _ in self._hands], np.int64),
            "side": np.array([hand.side.value for hand in hands], "U5"),
            "state": np.array([hand.state.value for hand in hands], "U9"),
            "faces": self._model.faces,
            **{
                name: np.array([getattr(hand, name) for hand in hands], dtype).reshape(len(hands), *shape)
                for name, (dtype, shape) in shapes.items()
            },
        }


def _row(seen: SeenFrame, hand: Hand) -> list[Any]:
    angles = finger_angles(hand.joints, hand.rotations[WRIST], hand.side)
    return [
        seen.frame.number, f"{seen.frame.stamp_s:.9f}", hand.track_id, hand.side.value, f"{hand.side_score:.4f}", f"{hand.score:.4f}",
        hand.state.value, int(hand.metric), f"{hand.size_m:.6f}", f"{aperture(hand.joints):.4f}", f"{pinch_distance(hand.joints):.6f}",
        f"{1e3 * seen.work_s:.2f}",
        *(f"{value:.6f}" for value in np.reshape(hand.joints, -1)),
        *(f"{value:.3f}" for value in np.reshape(hand.keypoints, -1)),
        *(f"{value:.5f}" for value in angles),
    ]  # fmt: skip
