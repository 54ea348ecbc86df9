"""The patched bytes say the same as the message that is built point by point."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from support.known_hand import FACES, known_hand

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from handmesh_ros.hand import Hand, Side
from handmesh_ros.messages.markers import LIFETIME_S, MarkerTemplate, MarkerWriter, hand_markers, lifetime
from handmesh_ros.messages.stamps import seconds_of
from handmesh_ros.messages.template import TEMPLATES_KEPT


def header(seconds: int = 5, frame_id: str = "camera") -> Header:
    return Header(stamp=Time(sec=seconds, nanosec=750_000_001), frame_id=frame_id)


def by_side(*hands: Hand) -> dict[Side, Hand]:
    return {hand.side: hand for hand in hands}


def read(message: MarkerArray | bytes) -> MarkerArray:
    assert isinstance(message, bytes)
    return deserialize_message(message, MarkerArray)


@pytest.mark.parametrize("frame_id", ["c", "ca", "cam", "camera", "robot/head_camera_optical_frame"])
@pytest.mark.parametrize("sides", [[Side.RIGHT], [Side.LEFT], [Side.LEFT, Side.RIGHT]])
def test_patched_bytes_equal_the_built_message_frame_after_frame(sides: list[Side], frame_id: str) -> None:
    writer = MarkerWriter(FACES)
    for frame in range(3):
        hands = [known_hand(side, seed=10 * frame + number) for number, side in enumerate(sides)]
        when = header(1_700_000_000 + frame, frame_id)
        (message,) = writer.messages(when, by_side(*hands))
        # Through the wire too: colours are float32 there.
        same = read(message) == read(serialize_message(hand_markers(when, hands, FACES)))
        assert same, "the patched message differs"  # pytest would take minutes to show 18 000 points


def test_mesh_is_drawn_triangle_by_triangle_in_the_images_frame() -> None:
    hand = known_hand(Side.LEFT)
    mesh, skeleton = read(MarkerWriter(FACES).messages(header(), by_side(hand))[0]).markers
    assert (mesh.type, mesh.ns, mesh.header.frame_id) == (Marker.TRIANGLE_LIST, "handmesh/left/mesh", "camera")
    corners = np.array([(p.x, p.y, p.z) for p in mesh.points[:3]])
    np.testing.assert_allclose(corners, hand.vertices[FACES[0, ::-1]])  # a left hand's triangles wind the other way
    assert (mesh.scale.x, mesh.pose.orientation.w) == (1.0, 1.0) and 0.2 <= mesh.lifetime.nanosec * 1e-9 < 1
    assert (skeleton.type, len(skeleton.points)) == (Marker.LINE_LIST, 40)


@pytest.mark.parametrize("pause_s", [0.0, 0.033, 0.2, 0.5, 1.0, 2.0])
def test_markers_live_until_the_next_ones_come_and_not_much_longer(pause_s: float) -> None:
    (message,) = MarkerWriter(FACES).messages(header(), by_side(known_hand()), pause_s)
    lifetimes = {seconds_of(marker.lifetime) for marker in read(message).markers}
    assert list(lifetimes) == [pytest.approx(lifetime(pause_s))]
    assert 2 * pause_s <= lifetime(pause_s) <= max(LIFETIME_S, 4 * pause_s)
    assert lifetime(1e6) == pytest.approx(4.8)


def test_frames_of_reference_that_come_and_go_take_no_more_and_more_memory() -> None:
    writer = MarkerWriter(FACES)
    for number in range(3 * TEMPLATES_KEPT):
        writer.messages(header(frame_id=f"camera_{number}"), by_side(known_hand()))
    gc.collect()
    assert sum(isinstance(thing, MarkerTemplate) for thing in gc.get_objects()) <= TEMPLATES_KEPT


def test_lost_hand_is_deleted_once_and_the_other_stays() -> None:
    writer = MarkerWriter(FACES)
    writer.messages(header(1), by_side(known_hand(Side.LEFT), known_hand(Side.RIGHT)))
    deletion, drawn = writer.messages(header(2), by_side(known_hand(Side.RIGHT)))
    assert isinstance(deletion, MarkerArray)
    assert [(m.action, m.ns) for m in deletion.markers] == [
        (Marker.DELETE, "handmesh/left/mesh"),
        (Marker.DELETE, "handmesh/left/skeleton"),
    ]
    assert {marker.ns for marker in read(drawn).markers} == {"handmesh/right/mesh", "handmesh/right/skeleton"}
    assert len(writer.messages(header(3), {})) == 1  # the right hand's deletion
    assert writer.messages(header(4), {}) == []
