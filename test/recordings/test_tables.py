"""Tables say what was seen, also where nothing was."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from support.known_hand import FACES, VERTEX_COUNT, known_hand

from handmesh_ros.hand import Side
from handmesh_ros.perception.camera import Camera
from handmesh_ros.recordings.seen import MeshModel, SeenFrame
from handmesh_ros.recordings.tables import CSV_COLUMNS, CsvWriter, NpzWriter
from handmesh_ros.sources import Frame

MODEL = MeshModel("tiny", FACES, VERTEX_COUNT)
LEFT, RIGHT = known_hand(Side.LEFT, 1, track_id=1), known_hand(Side.RIGHT, 2, track_id=2)
PICTURE = np.zeros((48, 64, 3), np.uint8)
SEEN = [
    SeenFrame(Frame(number, 0.5 * number, PICTURE), Camera.from_hfov(64, 48, 70), hands, hands, 0.012)
    for number, hands in enumerate([[LEFT, RIGHT], [], [RIGHT]])
]


def test_a_row_a_hand_and_frame(tmp_path: Path) -> None:
    with CsvWriter(tmp_path / "hands.csv", MODEL) as writer:
        for frame in SEEN:
            writer.write(frame)
    with (tmp_path / "hands.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["frame"], row["side"], row["track_id"]) for row in rows] == [("0", "left", "1"), ("0", "right", "2"), ("2", "right", "2")]
    assert tuple(rows[0]) == CSV_COLUMNS and all(all(row.values()) for row in rows)
    assert float(rows[1]["index_tip_z_m"]) == pytest.approx(RIGHT.joints[8, 2], abs=1e-6)
    assert float(rows[1]["index_tip_v_px"]) == pytest.approx(RIGHT.keypoints[8, 1], abs=1e-3)


def test_arrays_of_all_hands(tmp_path: Path) -> None:
    with NpzWriter(tmp_path / "hands.npz", MODEL) as writer:
        for frame in SEEN:
            writer.write(frame)
    arrays = np.load(tmp_path / "hands.npz")
    assert arrays["frame"].tolist() == [0, 0, 2] and arrays["side"].tolist() == ["left", "right", "right"]
    np.testing.assert_array_equal(arrays["vertices"][1], RIGHT.vertices)
    np.testing.assert_allclose(arrays["joints"][1], RIGHT.joints, atol=1e-6)
    assert arrays["faces"].shape == FACES.shape and arrays["metric"].dtype == bool


def test_no_hand_at_all_is_a_table_too(tmp_path: Path) -> None:
    with CsvWriter(tmp_path / "hands.csv", MODEL), NpzWriter(tmp_path / "hands.npz", MODEL) as writer:
        writer.write(SEEN[1])
    assert (tmp_path / "hands.csv").read_text() == ",".join(CSV_COLUMNS) + "\n"
    assert np.load(tmp_path / "hands.npz")["vertices"].shape == (0, VERTEX_COUNT, 3)
