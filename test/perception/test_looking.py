"""Where and how often a frame is looked at, with a network that answers the same hand for every crop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.tiny_mesh_network import write_tiny_mesh_network

from handmesh_ros.hand import Side
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.crop import CropRegion
from handmesh_ros.perception.detect import PalmDetector
from handmesh_ros.perception.looking import Looker
from handmesh_ros.perception.measure import Glance
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.perception.parameters import PipelineParameters
from handmesh_ros.perception.stopwatch import Stopwatch
from handmesh_ros.perception.tracking.records import SearchRegion
from handmesh_ros.provision import model_path

GLANCE = Glance(np.full((480, 640, 3), 90, np.uint8), Camera.from_hfov(640, 480, 60), 2.0)


def looker(folder: Path, parameters: PipelineParameters | None = None, **answer: float | None) -> Looker:
    network = MeshNetwork(write_tiny_mesh_network(folder / "tiny.onnx", **answer))  # type: ignore[arg-type]
    return Looker(network, PalmDetector(model_path("palm_detection")), parameters or PipelineParameters(), Stopwatch())


def search(looker: Looker, side: Side) -> SearchRegion:
    """A track whose hand is expected exactly where it was."""
    previous = CropRegion(np.array([320.0, 240.0]), 200.0, mirror=side is Side.LEFT)
    first = looker.follow(GLANCE, SearchRegion(0, side, np.random.default_rng(0).uniform(200, 300, (21, 2)), previous))
    assert first is not None
    return SearchRegion(7, side, first.hand.keypoints, first.region)


@pytest.mark.parametrize("side", list(Side))
def test_a_followed_hand_is_measured_for_its_track_and_side(tmp_path: Path, side: Side) -> None:
    looks = looker(tmp_path)
    measured = looks.follow(GLANCE, search(looks, side))
    assert measured is not None
    assert (measured.track_id, measured.hand.side, measured.hand.stamp_s) == (7, side, 2.0)
    assert measured.region.mirror is (side is Side.LEFT)
    assert looks.detector_calls == 0


def test_keypoints_in_one_place_are_no_region_to_look_at(tmp_path: Path) -> None:
    looks = looker(tmp_path)
    assert looks.follow(GLANCE, SearchRegion(7, Side.RIGHT, np.full((21, 2), 100.0), CropRegion(np.array([100.0, 100.0]), 50.0))) is None


def test_what_the_user_knows_of_the_side_counts_more_than_the_network(tmp_path: Path) -> None:
    looks = looker(tmp_path, PipelineParameters(side=Side.LEFT), right_probability=0.05)
    (measured,) = looks.fill(GLANCE)
    assert measured.hand.side is Side.LEFT
    assert measured.hand.side_score == 1.0 and measured.right_probability is None


def test_a_picture_is_not_searched_by_a_network_that_always_sees_a_hand(tmp_path: Path) -> None:
    assert looker(tmp_path, score=None).fill(GLANCE) == []


@pytest.mark.parametrize(("score", "hands"), [(0.94, 0), (0.96, 1)])
def test_a_hand_without_a_palm_must_be_surer_than_others(tmp_path: Path, score: float, hands: int) -> None:
    assert len(looker(tmp_path, score=score).fill(GLANCE)) == hands
    assert len(looker(tmp_path, score=score).detect_single(GLANCE)) == hands


def test_a_picture_without_palms_costs_one_call_of_the_detector(tmp_path: Path) -> None:
    looks = looker(tmp_path)
    assert looks.detect(GLANCE, is_followed=lambda _: False) == []
    assert looks.detector_calls == 1
