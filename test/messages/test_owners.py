"""Outputs of a side belong to one hand until it is lost, whatever other hands of that side are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from support.known_hand import known_hand

pytest.importorskip("rclpy", reason="needs ROS 2")

from support.camera_stand_in import CAMERA, hand_picture

from handmesh_ros.hand import Hand, Side, TrackState
from handmesh_ros.messages.build import palm_position
from handmesh_ros.messages.owners import Owners
from handmesh_ros.perception.parameters import PipelineParameters
from handmesh_ros.perception.pipeline import HandPipeline
from handmesh_ros.provision import DEFAULT_MODEL, ModelError, model_path


def ids(owners: Owners, hands: Sequence[Hand]) -> dict[Side, int]:
    return {side: hand.track_id for side, hand in owners.choose(hands).items()}


def test_a_measured_hand_comes_before_a_surer_predicted_one() -> None:
    measured = known_hand(track_id=1)
    predicted = replace(known_hand(track_id=2, state=TrackState.PREDICTED), score=0.99)
    other = known_hand(Side.LEFT, track_id=4)
    for order in ([measured, predicted, other], [other, predicted, measured]):
        assert ids(Owners(), order) == {Side.RIGHT: 1, Side.LEFT: 4}


def test_no_score_and_no_short_gap_changes_the_owner() -> None:
    owners = Owners()
    assert ids(owners, [known_hand(track_id=1)]) == {Side.RIGHT: 1}
    surer = replace(known_hand(track_id=2), score=1.0)
    assert ids(owners, [known_hand(track_id=1), surer]) == {Side.RIGHT: 1}
    assert ids(owners, [surer, known_hand(track_id=1, state=TrackState.PREDICTED)]) == {Side.RIGHT: 1}


def test_a_lost_owner_gives_the_side_away_for_good() -> None:
    owners = Owners()
    first, second = known_hand(track_id=1), replace(known_hand(track_id=2), score=0.1)
    owners.choose([first, second])
    assert ids(owners, [second]) == {Side.RIGHT: 2}
    assert ids(owners, [first, second]) == {Side.RIGHT: 2}, "who comes back must not take over"
    assert ids(owners, []) == {}
    assert ids(owners, [first, second]) == {Side.RIGHT: 1}


def test_two_hands_of_one_side_in_the_picture_never_change_places() -> None:
    """200 noisy pictures of two hands that both count as right ones."""
    try:
        pipeline = HandPipeline.load(DEFAULT_MODEL, PipelineParameters(side=Side.RIGHT))
        model_path("palm_detection")
    except ModelError as error:
        pytest.skip(str(error))
    half = hand_picture()[:, 160:480]
    picture = np.hstack([half, half])
    rng = np.random.default_rng(3)
    pictures = [np.clip(picture + rng.normal(0, 6, (480, 640, 1)), 0, 255).astype(np.uint8) for _ in range(10)]
    owners, places, shown, likes_the_other = Owners(), [], set(), 0
    for number in range(200):
        hands = pipeline.process(pictures[number % len(pictures)], CAMERA, number / 30)
        chosen = owners.choose(hands)
        if len(hands) == 2:
            owner = chosen[Side.RIGHT]
            likes_the_other += max(hands, key=lambda hand: hand.score) is not owner
            shown.add(owner.track_id)
            places.append(palm_position(owner))
    assert len(places) > 150, "both hands are seen"
    assert likes_the_other > 20, "the scores toss a coin: without an owner the outputs would jump"
    assert len(shown) == 1
    assert np.linalg.norm(np.diff(places, axis=0), axis=1).max() < 0.1
