"""Commands: only while the clutch is engaged, only for hands that are there and metric, stamped with the time they are for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.known_hand import bent_joints, known_hand

pytest.importorskip("rclpy", reason="needs ROS 2")

from geometry_msgs.msg import PoseStamped
from handmesh_ros.msg import Grasp
from handmesh_ros.msg import Hand as HandMessage
from std_msgs.msg import Header
from support.camera_stand_in import stamp_of
from support.ros_world import World

from handmesh_ros.hand import Hand, Side, TrackState
from handmesh_ros.node.messages import palm_position, time_of
from handmesh_ros.node.teleop import Teleop, grasp_message, target_pose


def carried_on(hand: Hand) -> Hand:
    """40 ms later and 1 cm further right."""
    return replace(hand, stamp_s=hand.stamp_s + 0.04, joints=hand.joints + [0.01, 0, 0], state=TrackState.PREDICTED)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.listen("right/target_pose", PoseStamped)
    world.listen("left/target_pose", PoseStamped)
    world.listen("right/grasp", Grasp)
    yield world
    world.close()


def test_target_pose_is_the_predicted_palm_at_the_time_it_is_for() -> None:
    hand = known_hand(stamp_s=12.25)
    target = target_pose("camera", carried_on(hand))
    assert target.header.frame_id == "camera" and stamp_of(target) == pytest.approx(12.29, abs=1e-6)
    assert target.pose.position.x == pytest.approx(palm_position(hand)[0] + 0.01)


def test_grasp_tells_a_fist_from_an_open_hand() -> None:
    header = Header(stamp=time_of(1.0), frame_id="camera")
    fist, flat = (grasp_message(header, known_hand(joints=bent_joints(bend))) for bend in (1.4, 0.0))
    assert (fist.aperture, flat.aperture) == (0.0, 1.0)
    assert fist.header == header and fist.state == HandMessage.STATE_TRACKING and fist.track_id == 3


def test_targets_only_while_engaged_and_metric_grasps_always(world: World) -> None:
    teleop = Teleop(world.node)
    hand, header = known_hand(), Header(stamp=time_of(12.25), frame_id="camera")
    world.until(lambda: world.node.count_publishers("right/target_pose") == 1, "the topics are there")

    def publish(hand: Hand) -> None:
        world.spin(0.2)
        for messages in world.messages.values():
            messages.clear()
        teleop.publish(header, {Side.RIGHT: hand}, carried_on)
        world.until(lambda: world.messages["right/grasp"], "the grasp comes")
        world.spin(0.2)

    publish(hand)
    assert not world.messages["right/target_pose"]
    teleop.engaged = True
    publish(hand)
    assert len(world.messages["right/target_pose"]) == 1 and not world.messages["left/target_pose"]
    publish(replace(hand, metric=False))
    assert not world.messages["right/target_pose"]
