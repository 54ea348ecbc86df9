"""Messages of one image, joined whatever order they come in and whatever was lost."""

from __future__ import annotations

import itertools

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from handmesh_ros.msg import Hand, HandArray, HandMesh
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from handmesh_ros.messages.stamps import seconds_of, time_of
from handmesh_ros.node.joining import FRAMES_ON_THE_WAY, FrameJoiner


def hands(stamp_s: float, count: int = 1) -> HandArray:
    return HandArray(header=Header(stamp=time_of(stamp_s)), hands=[Hand(track_id=number) for number in range(count)])


def mesh(stamp_s: float, track_id: int = 0) -> HandMesh:
    return HandMesh(header=Header(stamp=time_of(stamp_s)), track_id=track_id)


def picture(stamp_s: float) -> Image:
    return Image(header=Header(stamp=time_of(stamp_s)))


def taken(joiner: FrameJoiner) -> float | None:
    """The stamp of the next frame, None without one."""
    frame = joiner.take()
    return None if frame is None else round(seconds_of(frame.hands.header.stamp), 3)


def test_a_frame_is_complete_with_hands_all_meshes_and_picture_in_any_order() -> None:
    parts = [("hands", hands(5.0, 2)), ("mesh", mesh(5.0, 0)), ("mesh", mesh(5.0, 1)), ("picture", picture(5.0))]
    for order in itertools.permutations(parts):
        joiner = FrameJoiner()
        for kind, message in order:
            assert joiner.take() is None
            getattr(joiner, f"add_{kind}")(message)
        frame = joiner.take()
        assert frame is not None and len(frame.meshes) == 2 and frame.picture is not None
        assert joiner.take() is None


def test_no_hand_needs_no_mesh() -> None:
    joiner = FrameJoiner()
    joiner.add_hands(hands(5.0, 0))
    joiner.add_picture(picture(5.0))
    assert taken(joiner) == 5.0


def test_what_an_older_frame_lacks_does_not_hold_up_the_next() -> None:
    joiner = FrameJoiner()
    joiner.add_hands(hands(5.0))
    joiner.add_hands(hands(5.1))
    joiner.add_mesh(mesh(5.1))
    joiner.add_picture(picture(5.1))
    assert taken(joiner) == 5.1
    joiner.add_picture(picture(5.0))
    assert taken(joiner) is None


def test_without_pictures_hands_are_given_nevertheless_and_pictures_without_hands_are_not() -> None:
    joiner = FrameJoiner()
    for number in range(10):
        joiner.add_hands(hands(number / 10))
    assert [taken(joiner) for _ in range(10 - FRAMES_ON_THE_WAY)] == [number / 10 for number in range(10 - FRAMES_ON_THE_WAY)]
    assert taken(joiner) is None
    joiner = FrameJoiner()
    for number in range(10):
        joiner.add_picture(picture(number / 10))
    assert taken(joiner) is None and len(joiner._waiting) == FRAMES_ON_THE_WAY


def test_stamps_may_go_back_or_stand_still() -> None:
    joiner = FrameJoiner()
    for stamp_s in (7.0, 1.0, 0.0, 0.0):
        joiner.add_hands(hands(stamp_s, 0))
        joiner.add_picture(picture(stamp_s))
        assert taken(joiner) == stamp_s
    joiner.add_hands(hands(0.0, 0))
    joiner.add_hands(hands(0.0, 1))
    joiner.add_picture(picture(0.0))
    joiner.add_mesh(mesh(0.0))
    frame = joiner.take()
    assert frame is not None and len(frame.hands.hands) == 1
