"""What is recorded is read back by rosbags, with the definitions that the recording holds itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs rosbags and mcap (pip install '.[bags]')")

from rosbags.highlevel import AnyReader
from support.known_hand import FACES, VERTEX_COUNT, known_hand

from handmesh_ros.hand import Side
from handmesh_ros.messages.frame_messages import MESSAGE_TYPES
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.grasp import aperture
from handmesh_ros.recordings.mcap_file import McapWriter
from handmesh_ros.recordings.seen import MeshModel, SeenFrame
from handmesh_ros.sources import Frame, RawMessage

CAMERA = Camera.from_hfov(64, 48, 70)
MODEL = MeshModel("tiny", FACES, VERTEX_COUNT)
LEFT, RIGHT = known_hand(Side.LEFT, 1, track_id=1), known_hand(Side.RIGHT, 2, track_id=2)


def read(path: Path) -> dict[str, list[tuple[int, Any]]]:
    """Topic -> (time in ns, message), by the recording's own definitions alone."""
    found: dict[str, list[tuple[int, Any]]] = {}
    with AnyReader([path]) as reader:
        for connection, time_ns, data in reader.messages():
            found.setdefault(connection.topic, []).append((time_ns, reader.deserialize(data, connection.msgtype)))
    return found


def recorded(path: Path, frames: list[SeenFrame]) -> dict[str, list[tuple[int, Any]]]:
    with McapWriter(path, MODEL) as writer:
        for frame in frames:
            writer.write(frame)
    return read(path)


def seen(number: int, stamp_s: float, *hands: Any, transforms: tuple[RawMessage, ...] = ()) -> SeenFrame:
    frame = Frame(number, stamp_s, np.full((48, 64, 3), 90, np.uint8), "head_camera", None, transforms)
    return SeenFrame(frame, CAMERA, hands, hands, 0.012)


def test_every_topic_of_the_node_is_there_and_says_what_was_seen(tmp_path: Path) -> None:
    found = recorded(tmp_path / "out.mcap", [seen(0, 1.5, LEFT, RIGHT), seen(1, 1.75)])
    expected = {f"/{topic.lstrip('/')}" for topic in MESSAGE_TYPES} - {"/overlay"} | {"/camera_info"}
    assert found.keys() == expected
    (first_ns, first), (second_ns, second) = found["/hands"]
    assert (first_ns, second_ns) == (1_500_000_000, 1_750_000_000) and first.header.frame_id == "head_camera"
    assert [hand.track_id for hand in first.hands] == [1, 2] and len(second.hands) == 0
    hand = first.hands[1]
    assert hand.side == type(hand).SIDE_RIGHT and hand.aperture == pytest.approx(aperture(RIGHT.joints), abs=1e-6)
    np.testing.assert_allclose([[pose.position.x, pose.position.y, pose.position.z] for pose in hand.joints], RIGHT.joints)
    assert hand.latency.nanosec == 12_000_000
    np.testing.assert_array_equal(found["/mesh"][1][1].vertices.reshape(-1, 3), RIGHT.vertices)
    np.testing.assert_array_equal(found["/mesh_faces"][0][1].right.reshape(-1, 3), FACES)
    np.testing.assert_allclose(found["/camera_info"][0][1].k.reshape(3, 3), CAMERA.K)
    assert len(found["/left/joint_states"][0][1].position) == 20 and len(found["/right/palm_pose"]) == 1
    assert cv2.imdecode(found["/overlay/compressed"][0][1].data, cv2.IMREAD_COLOR).shape == (48, 64, 3)
    assert [link.child_frame_id for link in found["/tf"][0][1].transforms][::21] == ["left_hand_wrist", "right_hand_wrist"]
    assert [marker.ns for marker in found["/markers"][0][1].markers][:2] == ["handmesh/left/mesh", "handmesh/left/skeleton"]


def test_a_hand_grows_older_from_frame_to_frame(tmp_path: Path) -> None:
    found = recorded(tmp_path / "out.mcap", [seen(0, 1.5, RIGHT), seen(1, 1.75, replace(RIGHT, stamp_s=1.75))])
    assert [message.hands[0].age.nanosec for _, message in found["/hands"]] == [0, 250_000_000]


def test_transforms_of_the_input_are_kept_beside_the_hands_own(tmp_path: Path) -> None:
    first = recorded(tmp_path / "first.mcap", [seen(0, 1.5, RIGHT)])
    from handmesh_ros.messages.definitions import type_store

    data = bytes(type_store().serialize_cdr(first["/tf"][0][1], "tf2_msgs/msg/TFMessage"))
    kept = (RawMessage("/tf_static", "tf2_msgs/msg/TFMessage", 1_400_000_000, data),)
    found = recorded(tmp_path / "second.mcap", [seen(0, 1.5, RIGHT, transforms=kept)])
    assert found["/tf_static"][0][0] == 1_400_000_000 and len(found["/tf"]) == 1
    assert found["/tf_static"][0][1].transforms[0].child_frame_id == "right_hand_wrist"


def test_a_run_that_fails_leaves_a_recording_that_can_be_read_beside_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "out.mcap"
    path.write_bytes(b"old")
    writer = McapWriter(path, MODEL)
    with pytest.raises(RuntimeError), writer:
        writer.write(seen(0, 1.5, RIGHT))
        raise RuntimeError
    assert path.read_bytes() == b"old" and writer.remains is not None and len(read(writer.remains)["/hands"]) == 1
