"""Commands: only for the hand that the clutch was engaged on, and stamped with the time they are for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.known_hand import bent_joints, known_hand

pytest.importorskip("rclpy", reason="needs ROS 2")

from geometry_msgs.msg import PoseStamped
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Bool, Header
from std_srvs.srv import SetBool
from support.camera_stand_in import stamp_of
from support.ros_world import World

from handmesh_ros.hand import INDEX_TIP, THUMB_TIP, Hand, Side, TrackState
from handmesh_ros.messages.build import palm_position
from handmesh_ros.messages.stamps import time_of
from handmesh_ros.node.teleop import LONGEST_SILENCE_S, Teleop, target_pose

HEADER = Header(stamp=time_of(12.25), frame_id="camera")
RIGHT, LEFT = known_hand(track_id=3), known_hand(Side.LEFT, track_id=4)


def carried_on(hand: Hand) -> Hand:
    """40 ms later and 1 cm further right."""
    return replace(hand, stamp_s=hand.stamp_s + 0.04, joints=hand.joints + [0.01, 0, 0], state=TrackState.PREDICTED)


def test_target_pose_is_the_predicted_palm_at_the_time_it_is_for() -> None:
    hand = known_hand(stamp_s=12.25)
    target = target_pose("camera", carried_on(hand))
    assert target.header.frame_id == "camera" and stamp_of(target) == pytest.approx(12.29, abs=1e-6)
    assert target.pose.position.x == pytest.approx(palm_position(hand)[0] + 0.01)


class Commands:
    """A Teleop and what its listeners have got."""

    def __init__(self, world: World) -> None:
        self.world, self.teleop = world, Teleop(world.node)
        self.targets = world.messages["right/target_pose"]
        world.until(lambda: self.told("left") and self.told("right"), "the clutches tell their state")

    def told(self, side: str) -> list[bool]:
        """Every state of the clutch that its topic told so far."""
        return [message.data for message in self.world.messages[f"{side}/clutch"]]

    def show(self, *hands: Hand, by_pinch: bool = False) -> None:
        self.targets.clear()
        self.teleop.publish(HEADER, {hand.side: hand for hand in hands}, carried_on, by_pinch)
        self.world.spin(0.15)

    def engage(self, side: str = "right", wanted: bool = True) -> tuple[bool, str]:
        answer = self.world.call(SetBool, f"user/{side}/clutch", SetBool.Request(data=wanted))
        self.world.spin(0.1)
        return answer.success, answer.message


@pytest.fixture
def commands() -> Iterator[Commands]:
    world = World()
    for side in ("left", "right"):
        world.listen(f"{side}/target_pose", PoseStamped)
        world.listen(f"{side}/clutch", Bool, QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    yield Commands(world)
    world.close()


def test_targets_only_of_the_side_that_was_engaged(commands: Commands) -> None:
    assert commands.told("right") == [False]
    assert commands.engage() == (False, "no right hand is seen: show it to the camera and engage again")
    commands.show(RIGHT, LEFT)
    assert not commands.targets
    assert commands.engage() == (True, "engaged on track 3")
    commands.show(RIGHT, LEFT)
    assert len(commands.targets) == 1 and not commands.world.messages["left/target_pose"]
    assert (commands.told("right"), commands.told("left")) == ([False, True], [False])
    assert commands.teleop.values() == {"clutch left": "released: not engaged yet", "clutch right": "engaged on track 3"}
    assert commands.engage(wanted=False) == (True, "released: on request")
    commands.show(RIGHT)
    assert not commands.targets and commands.told("right") == [False, True, False]


def test_a_lost_hand_releases_and_neither_it_nor_another_is_followed_until_engaged_anew(commands: Commands) -> None:
    commands.show(RIGHT)
    commands.engage()
    commands.show(replace(RIGHT, state=TrackState.PREDICTED))
    assert commands.targets, "a short gap is no loss"
    commands.show(LEFT)
    assert commands.told("right") == [False, True, False]
    for hand in (known_hand(track_id=5), RIGHT):
        commands.show(hand)
        assert not commands.targets
    assert commands.engage()[0]
    commands.show(RIGHT)
    assert commands.targets


def test_another_hand_in_the_same_frame_is_a_loss_too(commands: Commands) -> None:
    commands.show(RIGHT)
    commands.engage()
    commands.show(known_hand(track_id=9))
    assert not commands.targets and commands.told("right")[-1] is False


def test_release_of_all_forgets_whom_to_engage(commands: Commands) -> None:
    commands.show(RIGHT, LEFT)
    assert commands.engage("left")[0] and commands.engage("right")[0]
    commands.teleop.release("the node was disabled")
    commands.world.spin(0.1)
    assert commands.told("left")[-1] is False and commands.told("right")[-1] is False
    assert commands.teleop.values()["clutch left"] == "released: the node was disabled"
    assert not commands.engage()[0], "the hand may have gone since"


def test_images_that_stop_release(commands: Commands) -> None:
    commands.show(RIGHT)
    commands.engage()
    commands.world.spin(LONGEST_SILENCE_S + 0.1)
    commands.teleop.watch()
    assert commands.teleop.values()["clutch right"] == "released: no images come"
    assert not commands.engage()[0]


def test_a_held_pinch_of_the_other_hand_engages_until_it_opens(commands: Commands) -> None:
    def pinch(gap_m: float, stamp_s: float) -> Hand:
        joints = bent_joints(0.3)
        joints[INDEX_TIP] = joints[THUMB_TIP] + [gap_m, 0, 0]
        return known_hand(Side.LEFT, track_id=4, joints=joints, stamp_s=stamp_s)

    for hand, stamp_s in ((0.08, 0.0), (0.01, 0.1), (0.01, 0.7)):
        commands.show(RIGHT, pinch(hand, stamp_s))
    assert not commands.targets, "off unless it is wanted"
    for gap_m, stamp_s, followed in ((0.08, 1.0, 0), (0.01, 1.1, 0), (0.01, 1.7, 1), (0.01, 1.8, 1), (0.08, 1.9, 0)):
        commands.show(RIGHT, pinch(gap_m, stamp_s), by_pinch=True)
        assert len(commands.targets) == followed, stamp_s
    for gap_m, stamp_s in ((0.01, 2.0), (0.01, 2.6)):
        commands.show(RIGHT, pinch(gap_m, stamp_s), by_pinch=True)
    assert commands.targets
    commands.show(pinch(0.01, 2.7), by_pinch=True)
    commands.show(RIGHT, pinch(0.01, 3.7), by_pinch=True)
    assert not commands.targets, "a pinch held on through a loss is no new one"
