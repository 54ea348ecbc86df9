"""A hand as JSON says what the hand is, and is read back."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.known_hand import known_hand

from handmesh_ros.hand import Side, TrackState
from handmesh_ros.records import RecordError, frame_record, hand_of_record, hand_record, read_frames


def test_a_hand_survives_the_way_through_json() -> None:
    hand = known_hand(Side.LEFT, track_id=7, state=TrackState.PREDICTED)
    back = hand_of_record(json.loads(json.dumps(hand_record(hand))), hand.stamp_s, hand.vertices)
    assert (back.side, back.track_id, back.state, back.metric, back.stamp_s) == (Side.LEFT, 7, TrackState.PREDICTED, True, hand.stamp_s)
    assert (back.score, back.side_score) == pytest.approx((hand.score, hand.side_score), abs=1e-4)
    assert back.size_m == pytest.approx(hand.size_m, abs=1e-6)
    np.testing.assert_allclose(back.joints, hand.joints, atol=1e-6)
    np.testing.assert_allclose(back.keypoints, hand.keypoints, atol=1e-3)
    np.testing.assert_allclose(back.position_covariance, hand.position_covariance, atol=1e-9)
    assert back.vertices is hand.vertices


def test_a_frame_without_a_hand_has_an_empty_list() -> None:
    assert frame_record(4, 0.125, []) == {"frame": 4, "stamp": 0.125, "hands": []}


@pytest.mark.parametrize("damage", ["[" * 100_000, '{"stamp": 0, "hands": [3]}', "joints"])
def test_a_damaged_line_is_named(damage: str, tmp_path: Path) -> None:
    good = json.dumps(frame_record(0, 0.0, [known_hand()]))
    if damage == "joints":  # a number that no float holds
        damage = json.dumps({"stamp": 0, "hands": [{**hand_record(known_hand()), "joints": [[10**400, 0, 0]] * 21}]})
    path = tmp_path / "hands.jsonl"
    path.write_text(f"{good}\n{damage}\n")
    with pytest.raises(RecordError, match=r"hands\.jsonl, line 2: no frame"):
        list(read_frames(path))
