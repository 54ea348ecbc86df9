"""The clutch over real DDS: when a target pose is published, and what releases it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from handmesh_ros.msg import Hand as HandMessage
from handmesh_ros.srv import CalibrateHandSize
from std_srvs.srv import SetBool, Trigger
from support.camera_stand_in import FRAME_ID, CameraStandIn, empty_picture, hand_picture
from support.hand_node_topics import set_parameter, side_of
from support.ros_world import World

from handmesh_ros.provision import DEFAULT_MODEL

pytestmark = pytest.mark.timeout(120)


def set_clutch(world: World, side: str, wanted: bool) -> bool:
    return bool(world.call(SetBool, f"hand_node/{side}/clutch", SetBool.Request(data=wanted)).success)


def engage(world: World, camera: CameraStandIn, side: str) -> None:
    """On a busy machine a second without images passes easily, and the node does not engage on what it saw before."""
    world.until(lambda: camera.send_until_answered(hand_picture()) and set_clutch(world, side, True), "the clutch engages")


def test_target_pose_waits_for_the_clutch_and_is_predicted_towards_now(world: World, camera: CameraStandIn, hand: HandMessage) -> None:
    topic = f"{side_of(hand)}/target_pose"
    assert not world.messages[topic]
    camera.stamp_s = world.node.get_clock().now().nanoseconds * 1e-9
    world.until(lambda: camera.send_until_answered(hand_picture()) and world.messages["hands"][-1].hands, "the hand is found at this time")
    engage(world, camera, side_of(hand))
    header = camera.send_until_answered(hand_picture())
    world.until(lambda: world.messages[topic], "a target pose comes")
    target, image_s = world.messages[topic][-1], header.stamp.sec + 1e-9 * header.stamp.nanosec
    ahead = target.header.stamp.sec + 1e-9 * target.header.stamp.nanosec - image_s
    assert target.header.frame_id == FRAME_ID
    assert 0 < ahead <= 0.05 + 1e-3
    assert set_clutch(world, side_of(hand), False)
    world.spin(0.3)
    world.messages[topic].clear()
    camera.send_until_answered(hand_picture())
    world.spin(0.3)
    assert not world.messages[topic]


def lose(world: World, camera: CameraStandIn) -> str:
    def gone() -> bool:
        camera.send_until_answered(empty_picture())
        return not world.messages["hands"][-1].hands

    world.until(gone, "the hand is lost")
    return "is lost"


def reset(world: World, camera: CameraStandIn) -> str:
    assert world.call(Trigger, "hand_node/reset", Trigger.Request()).success
    return "reset"


def disable(world: World, camera: CameraStandIn) -> str:
    for enabled in (False, True):
        assert world.call(SetBool, "hand_node/set_enabled", SetBool.Request(data=enabled)).success
    return "disabled"


def wind_back(world: World, camera: CameraStandIn) -> str:
    camera.stamp_s -= 5
    camera.send_until_answered(hand_picture())
    return "is lost"


def load_model(world: World, camera: CameraStandIn) -> str:
    assert set_parameter(world, "model", DEFAULT_MODEL) == (True, "")
    return "model"


def calibrate(world: World, camera: CameraStandIn) -> str:
    assert world.call(CalibrateHandSize, "hand_node/calibrate_hand_size", CalibrateHandSize.Request()).success
    return "size"


def pause(world: World, camera: CameraStandIn) -> str:
    world.spin(2.5)  # until the diagnostics' next second finds that none came for one
    return "no images come"


@pytest.mark.parametrize("happens", [lose, reset, disable, wind_back, load_model, calibrate, pause])
def test_a_hand_that_comes_back_moves_nothing_until_engaged_anew(
    happens: Callable[[World, CameraStandIn], str], world: World, camera: CameraStandIn, hand: HandMessage
) -> None:
    side = side_of(hand)
    engage(world, camera, side)
    world.until(lambda: world.messages[f"{side}/clutch"][-1].data, "the engagement is told")
    reason = happens(world, camera)
    world.until(lambda: not world.messages[f"{side}/clutch"][-1].data, "the release is told")
    world.spin(0.2)
    world.messages[f"{side}/target_pose"].clear()
    world.until(lambda: camera.send_until_answered(hand_picture()) and world.messages["hands"][-1].hands, "the hand is back")
    for _ in range(3):
        camera.send_until_answered(hand_picture())
    world.spin(0.2)
    assert not world.messages[f"{side}/target_pose"]
    world.messages["/diagnostics"].clear()
    world.until(lambda: world.messages["/diagnostics"], "diagnostics come")
    told = {pair.key: pair.value for pair in world.messages["/diagnostics"][-1].status[0].values}[f"clutch {side}"]
    assert told.startswith("released: ") and (reason in told or "no images come" in told), "the other reason is a busy machine's"
