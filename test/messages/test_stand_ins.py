"""A machine without ROS builds the same messages: each of a frame once with ROS's classes and once with the stand-ins."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
from support.paths import REPO

pytest.importorskip("rosbags", reason="needs rosbags (pip install '.[bags]')")

# Run in a process that hides ROS, and in one that does not.
BUILD = """
import pickle, sys
sys.path.insert(0, "test")
if {hide}:
    class Hidden:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in ("rclpy", "builtin_interfaces") or name == "handmesh_ros.msg":
                raise ImportError(name)
    sys.meta_path.insert(0, Hidden())
import numpy as np
from support.known_hand import FACES, VERTEX_COUNT, known_hand
from handmesh_ros.hand import Side
from handmesh_ros.messages.build import camera_info_message
from handmesh_ros.messages.stamps import time_of
from handmesh_ros.messages.frame_messages import FrameMessages, FrameResult
from handmesh_ros.messages.types import Header, serialize_message
from handmesh_ros.perception.camera import Camera
hands = [known_hand(Side.LEFT, 1), known_hand(Side.RIGHT, 2, track_id=5)]
camera = Camera.from_hfov(64, 48, 60)
header = Header(stamp=time_of(12.25), frame_id="camera")
result = FrameResult(header, 12.25, np.zeros((48, 64, 3), np.uint8), camera, hands, hands[:1], {{hand.side: hand for hand in hands}}, 0.034)
messages = FrameMessages("tiny", FACES, VERTEX_COUNT)
made = [*messages.of(result, lambda topic: True), ("mesh_faces", messages.mesh_faces)]
made += [("gone", message) for message in messages.cleared_markers(header)]
made += [("camera_info", camera_info_message(header, camera, 64, 48))]
bytes_of = lambda message: bytes(message) if isinstance(message, bytes) else bytes(serialize_message(message))
sys.stdout.buffer.write(pickle.dumps(("rclpy" in sys.modules, [(topic, bytes_of(message)) for topic, message in made])))
"""


def built(hide: bool) -> tuple[bool, list[tuple[str, bytes]]]:
    run = subprocess.run([sys.executable, "-c", BUILD.format(hide=hide)], cwd=REPO, capture_output=True, timeout=60)
    assert run.returncode == 0, run.stderr.decode()
    with_ros, messages = pickle.loads(run.stdout)
    return with_ros, messages


def test_ros_reads_from_a_machine_without_it_what_it_would_have_written_itself() -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2")
    from rclpy.serialization import deserialize_message
    from sensor_msgs.msg import CameraInfo
    from visualization_msgs.msg import MarkerArray

    from handmesh_ros.messages.frame_messages import MESSAGE_TYPES

    types = {**MESSAGE_TYPES, "gone": MarkerArray, "camera_info": CameraInfo}
    (with_ros, expected), (without, found) = built(hide=False), built(hide=True)
    assert with_ros and not without
    assert [topic for topic, _ in found] == [topic for topic, _ in expected] and {topic for topic, _ in found} == types.keys()
    for (topic, ours), (_, theirs) in zip(found, expected, strict=True):
        said, expected_to_say = (str(deserialize_message(data, types[topic])) for data in (ours, theirs))  # NaN is not NaN
        assert said == expected_to_say, topic
        assert len(theirs) - 12 < len(ours) <= len(theirs), topic  # nothing is left over but what ROS aligns too much
