"""Figures of networks on labelled hands, from hands that are known exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.tiny_mesh_network import open_hand, write_tiny_mesh_network

from handmesh_ros.evaluation.people import (
    EDGE_ON_ROWS,
    EVERYBODY,
    FIST_ROWS,
    Estimates,
    LabelledHands,
    MeshEstimator,
    aligned_errors,
    ask,
    figures,
    share_without_hand,
)
from handmesh_ros.perception.pipeline import HandPipeline

GREY = np.full((64, 64, 3), 90, np.uint8)


def fist() -> np.ndarray:
    """(21, 3) an open hand whose fingertips are bent back to its palm."""
    joints = open_hand().astype(float)
    joints[[8, 12, 16, 20]] = joints[[0, 5, 9, 13, 17]].mean(axis=0) + [0, 0, 0.03]
    return joints


def turned(joints: np.ndarray, degrees: float) -> np.ndarray:
    """About the picture's vertical axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return joints @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])


def hands(joints: list[np.ndarray], sources: list[str], is_left: list[bool]) -> LabelledHands:
    said = 1000 * np.stack(joints)
    keypoints = 32 + said[..., :2] / 8
    return LabelledHands(np.array(sources), np.array(is_left), keypoints, said, lambda _: GREY)


@pytest.fixture
def estimator(tmp_path: Path) -> MeshEstimator:
    """A network that takes everything for one right hand."""
    return MeshEstimator("tiny", HandPipeline.load(write_tiny_mesh_network(tmp_path / "tiny.onnx")))


def test_fists_and_hands_seen_edge_on_are_told_by_their_joints() -> None:
    shown = hands(
        [open_hand(), fist(), turned(open_hand(), 75), turned(fist(), 100), turned(open_hand(), 50)], ["a", "a", "a", "b", "b"], [False] * 5
    )
    groups = {name: rows.tolist() for name, rows in shown.groups().items()}
    assert list(groups) == ["a", "b", FIST_ROWS, EDGE_ON_ROWS]
    assert groups["a"] == [True, True, True, False, False]
    assert groups[FIST_ROWS] == [False, True, False, True, False]
    assert groups[EDGE_ON_ROWS] == [False, False, True, True, False]


def test_a_hand_that_the_network_knows_has_no_error_on_either_side(estimator: MeshEstimator) -> None:
    shown = hands([open_hand(), open_hand() * [-1, 1, 1]], ["a", "b"], [False, True])
    estimates = ask(estimator, shown)
    np.testing.assert_allclose(aligned_errors(shown, estimates), 0, atol=1e-3)
    np.testing.assert_allclose(aligned_errors(shown, estimates, rotation=False), 0, atol=0.5)  # the crop is not quite upright
    np.testing.assert_allclose(estimates.keypoints[0], estimates.keypoints[1] * [-1, 1] + [64, 0], atol=1e-6)
    # What calls every patch a right hand is right in the patch that was mirrored for it, and wrong in the other.
    assert estimates.right_side is not None and estimates.right_side.tolist() == [[True, False], [True, False]]


def test_every_second_hand_keeps_its_picture() -> None:
    shown = LabelledHands(
        np.array(["a"] * 5), np.zeros(5, bool), np.zeros((5, 21, 2)), np.zeros((5, 21, 3)), lambda row: np.full((1, 1, 3), row, np.uint8)
    )
    assert [int(shown.every(2).read_picture(row)[0, 0, 0]) for row in range(3)] == [0, 2, 4]


def test_figures_of_errors_that_are_known() -> None:
    shown = hands([open_hand()] * 3, ["a", "a", "b"], [False] * 3)
    extent = np.ptp(shown.keypoints[0], axis=0).max()
    off = np.array([0.02, 0.04, 0.3]) * extent
    keypoints = shown.keypoints + off[:, None, None] * [1, 0]
    # The last hand lies tilted by 20 degrees, which a rotation takes away.
    joints = np.stack([shown.joints[0] / 7, shown.joints[1] + 50, turned(shown.joints[2], 20)])
    right_side = np.array([[True, True], [True, True], [True, False]])
    table = figures(shown, Estimates(keypoints, joints, None, right_side))
    assert table["2D error, % of the hand"] == pytest.approx({EVERYBODY: 16.5, "a": 3.0, "b": 30.0})
    assert table["PCK@0.1"] == {EVERYBODY: 0.5, "a": 1.0, "b": 0.0}
    assert table["side right, %"] == {EVERYBODY: 75.0, "a": 100.0, "b": 50.0}
    assert table["joints, PA, mm"] == pytest.approx({EVERYBODY: 0, "a": 0, "b": 0}, abs=1e-4)
    assert table["joints, upright, mm"]["a"] == pytest.approx(0, abs=1e-4) and table["joints, upright, mm"]["b"] > 5


def test_a_network_that_cannot_tell_sides_has_no_figure_of_them(tmp_path: Path) -> None:
    estimator = MeshEstimator("tiny", HandPipeline.load(write_tiny_mesh_network(tmp_path / "blind.onnx", right_probability=None)))
    shown = hands([open_hand()], ["a"], [False])
    assert "side right, %" not in figures(shown, ask(estimator, shown))


def test_pictures_in_which_a_network_sees_no_hand(tmp_path: Path) -> None:
    blind = MeshEstimator("tiny", HandPipeline.load(write_tiny_mesh_network(tmp_path / "blind.onnx", score=0.1)))
    assert share_without_hand(blind, [GREY, GREY]) == 1.0
