"""Contact sheets of what networks say."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from support.tiny_mesh_network import FACES, open_hand

from handmesh_ros.evaluation.people import Estimates, LabelledHands
from handmesh_ros.evaluation.sheets import AROUND_HAND, COLUMNS, LABEL_COLOUR, TILE, best_middle_worst, draw_estimates, write_tiles


def test_best_middle_and_worst_in_this_order() -> None:
    errors = np.array([5.0, 1.0, 9.0, 3.0, 7.0, 2.0, 8.0])
    assert errors[best_middle_worst(errors, 2)].tolist() == [1, 2, 3, 5, 8, 9]
    assert len(best_middle_worst(errors[:1], 2)) == 3


def test_a_sheet_shows_skeleton_labels_and_mesh_where_the_hand_is(tmp_path: Path) -> None:
    grey = np.full((200, 200, 3), 90, np.uint8)
    joints = open_hand().astype(float)
    keypoints = 100 + 600 * joints[:, :2]
    labels, sides = np.stack([keypoints + 8] * 2), np.array([False, True])
    hands = LabelledHands(np.array(["a"] * 2), sides, labels, np.stack([joints] * 2), lambda _: grey)
    estimates = Estimates(np.stack([keypoints] * 2), np.stack([joints] * 2), np.stack([joints[[0, 5, 9, 17]]] * 2), None)
    center, side = (labels[0].min(axis=0) + labels[0].max(axis=0)) / 2, AROUND_HAND * np.ptp(labels[0], axis=0).max()

    def on_tile(point: np.ndarray) -> tuple[int, int]:
        x, y = (((point - center) / side + 0.5) * TILE).round().astype(int).tolist()
        return x, y

    tiles = draw_estimates(hands, estimates, np.array([3.0, 4.0]), FACES, np.arange(2))
    for tile in tiles:
        assert tile.shape == (TILE, 2 * TILE, 3)
        dots = np.abs(tile[:, :TILE].astype(int) - LABEL_COLOUR).sum(axis=2) < 60
        x, y = on_tile(labels[0, 9])
        assert dots[y - 2 : y + 3, x - 2 : x + 3].any()
    # Between wrist and knuckles there is a surface in the right half; seen from behind (another side's winding) there is none.
    x, y = on_tile(keypoints[[0, 9]].mean(axis=0))
    drawn = [bool((tile[y, TILE + x] != 90).any()) for tile in tiles]
    assert sorted(drawn) == [False, True]
    write_tiles(tmp_path / "new" / "sheet.png", tiles)
    assert cv2.imread(str(tmp_path / "new" / "sheet.png")).shape == (TILE, COLUMNS * 2 * TILE, 3)
