"""A recording gives the same hands without ROS as through the node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.paths import REPO

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("rosbags", reason="needs rosbags and mcap (pip install '.[bags]')")

from handmesh_ros.msg import HandArray
from rclpy.qos import qos_profile_sensor_data
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, Image
from support.bags import write_bag
from support.ros_world import World

from handmesh_ros.cli import main
from handmesh_ros.messages.stamps import seconds_of
from handmesh_ros.perception.camera import Camera
from handmesh_ros.recordings.bags import Bag
from handmesh_ros.records import read_frames

FRAMES = 25
TOLERANCE_M = 1e-6  # the JSON is rounded to micrometres


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clip = cv2.VideoCapture(str(REPO / "config" / "demo" / "demo.mp4"))
    clip.set(cv2.CAP_PROP_POS_FRAMES, 60)
    frames = [cv2.cvtColor(clip.read()[1], cv2.COLOR_BGR2RGB) for _ in range(FRAMES)]
    camera = Camera.from_yaml(REPO / "config" / "demo" / "demo_camera.yaml")
    return write_bag(tmp_path_factory.mktemp("bag") / "demo", frames, camera)


def through_the_node(world: World, recording: Path) -> Iterator[HandArray]:
    """Each image is sent when the hands of the one before have come: the node drops none."""
    images = world.node.create_publisher(Image, "image", 1)
    infos = world.node.create_publisher(CameraInfo, "camera_info", 1)
    world.listen("hands", HandArray, qos_profile_sensor_data)
    world.start("node.hand_node")
    ready = lambda: images.get_subscription_count() and infos.get_subscription_count() and world.node.count_publishers("hands")  # noqa: E731
    world.until(ready, "the node listens, and is heard")
    messages = list(Bag(recording).messages(["/camera/image_raw", "/camera/camera_info"]))
    info = next(message.data for message in messages if message.channel.topic.endswith("camera_info"))
    for number, message in enumerate(message for message in messages if message.channel.topic.endswith("image_raw")):
        infos.publish(deserialize_message(info, CameraInfo))
        world.spin(0.05 if number else 1.0)
        images.publish(deserialize_message(message.data, Image))
        world.until(lambda count=number + 1: len(world.messages["hands"]) == count, f"the hands of image {number} come")
    yield from world.messages["hands"]


def test_a_recording_gives_the_same_hands_without_ros_as_through_the_node(world: World, recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "hands.jsonl"
    assert main(["run", str(recording), "--out", str(out)]) == 0
    frames, arrays = list(read_frames(out)), list(through_the_node(world, recording))
    assert len(frames) == len(arrays) == FRAMES and any(frame.hands for frame in frames[-5:])
    for frame, array in zip(frames, arrays, strict=True):
        assert seconds_of(array.header.stamp) == pytest.approx(frame.stamp_s, abs=1e-6)
        assert [hand.track_id for hand in frame.hands] == [hand.track_id for hand in array.hands]
        for ours, theirs in zip(frame.hands, array.hands, strict=True):
            positions = [(pose.position.x, pose.position.y, pose.position.z) for pose in theirs.joints]
            np.testing.assert_allclose(ours.joints, positions, atol=TOLERANCE_M)
            assert ours.score == pytest.approx(theirs.score, abs=1e-4)
