"""What changes while hands are followed: most parameters keep the tracks, another network gives new ids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.clip import clip_pictures

from handmesh_ros.hand import WRIST
from handmesh_ros.perception import Camera, HandPipeline, PipelineParameters
from handmesh_ros.perception.articulated.estimator import EstimatorParameters
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.perception.tracking.records import TrackingParameters
from handmesh_ros.provision import DEFAULT_MODEL, ModelError, model_path

CAMERA = Camera.from_hfov(640, 480, 56.0)


class Following:
    """A pipeline that follows the hand of the project's clip, frame by frame."""

    def __init__(self) -> None:
        self.pipeline = HandPipeline.load(parameters=PipelineParameters.with_max_hands(1))
        self._pictures = enumerate(clip_pictures(20))

    def track(self) -> int:
        number, picture = next(self._pictures)
        (hand,) = self.pipeline.process(picture, CAMERA, number / 30)
        self.wrist = hand.joints[WRIST]
        return hand.track_id


@pytest.fixture
def following() -> Following:
    try:
        model_path("palm_detection")
    except ModelError as error:
        pytest.skip(str(error))
    following = Following()
    for _ in range(3):
        following.track()
    return following


@pytest.mark.parametrize(
    "change",
    [
        {"estimator": EstimatorParameters(enabled=False)},
        {"estimator": EstimatorParameters(prediction_limit_s=0.1)},
        {"detection_threshold": 0.7},
        {"tracking": TrackingParameters(max_hands=2)},
    ],
)
def test_hands_go_on_being_followed(following: Following, change: dict) -> None:
    before, wrist = following.track(), following.wrist
    following.pipeline.set_parameters(replace(following.pipeline.parameters, **change))
    assert following.track() == before
    assert np.linalg.norm(following.wrist - wrist) < 0.05  # what the network says and what is made of it are that near


def test_a_side_that_is_told_finds_the_hand_anew(following: Following) -> None:
    before = following.track()
    (hand,) = following.pipeline.raw_hands
    following.pipeline.set_parameters(replace(following.pipeline.parameters, side=hand.side.other))
    assert following.track() > before


def test_another_network_keeps_sizes_and_uses_no_id_again(following: Following) -> None:
    before = following.track()
    following.pipeline.sizes.set(0.088)
    following.pipeline.use_network(MeshNetwork(model_path(DEFAULT_MODEL)))
    assert following.track() > before
    assert following.pipeline.raw_hands[0].size_m == pytest.approx(0.088)
