"""A hand that went into a message comes out of it."""

from dataclasses import replace

import numpy as np
import pytest
from support.known_hand import known_hand

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time
from handmesh_ros.msg import HandArray
from rclpy.serialization import deserialize_message

from handmesh_ros.errors import InputError
from handmesh_ros.hand import Side, TrackState
from handmesh_ros.messages.hand_array import HandArrayTemplate
from handmesh_ros.node.received import hand_of_message


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("state", [TrackState.TRACKING, TrackState.PREDICTED])
def test_a_hand_survives_the_way_through_its_message(side: Side, state: TrackState) -> None:
    hand = replace(known_hand(side, 5, state=state), metric=False)
    message = deserialize_message(HandArrayTemplate("camera", 1).fill(Time(sec=12), [hand], 0.0, {}), HandArray)
    back = hand_of_message(message.hands[0], hand.stamp_s)
    for name in ("side", "state", "track_id", "metric", "stamp_s"):
        assert getattr(back, name) == getattr(hand, name)
    for name in ("joints", "rotations", "position_covariance"):
        np.testing.assert_allclose(getattr(back, name), getattr(hand, name), atol=1e-12, err_msg=name)
    for name in ("side_score", "score", "size_m", "keypoints"):  # float32 in the message
        np.testing.assert_allclose(getattr(back, name), getattr(hand, name), rtol=1e-6, err_msg=name)
    assert back.vertices.shape == (0, 3)


@pytest.mark.parametrize(("field", "value"), [("side", 0), ("side", 7), ("state", 255)])
def test_a_hand_of_no_side_or_state_is_refused(field: str, value: int) -> None:
    message = deserialize_message(HandArrayTemplate("camera", 1).fill(Time(), [known_hand()], 0.0, {}), HandArray)
    setattr(message.hands[0], field, value)
    with pytest.raises(InputError, match=f"{field} {value}"):
        hand_of_message(message.hands[0], 0.0)
