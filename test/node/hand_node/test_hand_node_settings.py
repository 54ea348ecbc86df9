"""Parameters and the size of the hand, changed while the node runs."""

from __future__ import annotations

import pytest
from handmesh_ros.msg import Hand as HandMessage
from handmesh_ros.srv import CalibrateHandSize
from std_srvs.srv import Trigger
from support.camera_stand_in import CameraStandIn, empty_picture, hand_picture
from support.hand_node_topics import set_parameter
from support.ros_world import World

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("publish_tf", "some", "expected all, wrist, none"),
        ("model", "no_such_model", "no_such_model"),
        ("model", "/no/such/file.onnx", "/no/such/file.onnx"),
        ("max_hands", 7, "max_hands"),
        ("hand_size_m", 0.01, "0.01 m"),
        ("image_transport", "compressed", "read-only"),
        ("model", 300 * "a" + ".onnx", "names no model file"),
        ("model", 300 * "a", "names no model file"),
        ("marker_rate_hz", "fast", "expected 1 to 120"),
    ],
)
def test_impossible_parameters_are_refused_with_a_reason(
    name: str, value: str | float | int, reason: str, world: World, camera: CameraStandIn
) -> None:
    successful, told = set_parameter(world, name, value)
    assert not successful and reason in told
    camera.send_until_answered(empty_picture())


def test_parameters_change_at_run_time(world: World, camera: CameraStandIn, hand: HandMessage) -> None:
    assert set_parameter(world, "publish_tf", "wrist") == (True, "")
    assert set_parameter(world, "hand_size_m", 0.08) == (True, "")
    assert set_parameter(world, "handedness", "left") == (True, "")
    try:
        for topic in ("hands", "/tf"):
            world.messages[topic].clear()
        world.until(lambda: camera.send_until_answered(hand_picture()) and world.messages["/tf"], "the hand is found again")
        (link,) = world.messages["/tf"][-1].transforms
        assert link.child_frame_id == "op_left_hand_wrist"
        changed = world.messages["hands"][-1].hands[0]
        assert changed.side == HandMessage.SIDE_LEFT and changed.size_m == pytest.approx(0.08)
    finally:
        assert set_parameter(world, "publish_tf", "all")[0] and set_parameter(world, "handedness", "auto")[0]
        assert set_parameter(world, "hand_size_m", 0.0)[0]


def test_half_the_hand_size_is_half_the_distance(world: World, camera: CameraStandIn, hand: HandMessage) -> None:
    distance, size = hand.joints[0].position.z, hand.size_m
    given = world.call(CalibrateHandSize, "hand_node/calibrate_hand_size", CalibrateHandSize.Request(size_m=0.7 * size))
    assert given.success and given.size_m == pytest.approx(0.7 * size)
    assert world.call(Trigger, "hand_node/reset", Trigger.Request()).success
    world.until(lambda: camera.send_until_answered(hand_picture()) and world.messages["hands"][-1].hands, "the hand is found after a reset")
    smaller = world.messages["hands"][-1].hands[0]
    assert smaller.track_id != hand.track_id
    assert smaller.joints[0].position.z == pytest.approx(0.7 * distance, rel=0.05)
    back = world.call(CalibrateHandSize, "hand_node/calibrate_hand_size", CalibrateHandSize.Request())
    assert back.success and back.size_m == pytest.approx(size)
    wrong = world.call(CalibrateHandSize, "hand_node/calibrate_hand_size", CalibrateHandSize.Request(size_m=0.1, distance_m=0.5))
    assert not wrong.success and "either" in wrong.message
    # The smoothed hand would take some frames from one distance to the other.
    assert world.call(Trigger, "hand_node/reset", Trigger.Request()).success


def test_known_distance_calibrates_the_size(world: World, camera: CameraStandIn, hand: HandMessage) -> None:
    distance = hand.joints[0].position.z
    answer = world.call(CalibrateHandSize, "hand_node/calibrate_hand_size", CalibrateHandSize.Request(distance_m=0.9 * distance))
    assert answer.success, answer.message
    assert answer.size_m == pytest.approx(0.9 * hand.size_m, rel=0.05)
    assert world.call(CalibrateHandSize, "hand_node/calibrate_hand_size", CalibrateHandSize.Request()).success
    wrong_side = HandMessage.SIDE_LEFT if hand.side == HandMessage.SIDE_RIGHT else HandMessage.SIDE_RIGHT
    request = CalibrateHandSize.Request(side=wrong_side, distance_m=0.5)
    refused = world.call(CalibrateHandSize, "hand_node/calibrate_hand_size", request)
    assert not refused.success and "show exactly one" in refused.message
