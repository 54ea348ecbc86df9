"""Hand sizes over real DDS: kept in a file from one start to the next, and measured in an aligned depth image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from handmesh_ros.msg import Hand as HandMessage
from handmesh_ros.msg import HandArray, HandMesh
from handmesh_ros.srv import CalibrateHandSize
from sensor_msgs.msg import Image
from support.camera_stand_in import CAMERA, HEIGHT, WIDTH, CameraStandIn, hand_picture
from support.ros_world import Process, World
from support.tiny_mesh_network import write_tiny_mesh_network

from handmesh_ros.messages.stamps import time_of
from handmesh_ros.perception.size.hand_size import ADULT_SIZE_M
from handmesh_ros.provision import DEFAULT_MODEL, ModelError, model_path

pytestmark = pytest.mark.timeout(180)
SERVICE = "hand_node/calibrate_hand_size"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_mesh_network(tmp_path_factory.mktemp("model") / "tiny.onnx")


def start(world: World, **parameters: object) -> Process:
    node = world.start("node.hand_node", **parameters)
    node.wait_for_log("ready")
    return node


def size_of(world: World, side: int) -> float:
    """The size in use: even a refused request tells it."""
    return world.call(CalibrateHandSize, SERVICE, CalibrateHandSize.Request(side=side, size_m=0.1, distance_m=0.1)).size_m


def test_a_calibrated_size_is_there_after_the_next_start(world: World, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "hand_sizes.yaml"
    node = start(world, model=model, hand_size_file=path)
    assert "hand_size_file" not in node.log, "a file that is not there yet is no trouble"
    request = CalibrateHandSize.Request(side=HandMessage.SIDE_LEFT, size_m=0.0834)
    assert world.call(CalibrateHandSize, SERVICE, request).success
    assert "left" in path.read_text()
    node.stop()
    start(world, model=model, hand_size_file=path)
    assert size_of(world, HandMessage.SIDE_LEFT) == pytest.approx(0.0834, abs=1e-5)


def test_a_broken_file_is_named_and_ignored(world: World, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "hand_sizes.yaml"
    path.write_text("left: huge")
    node = start(world, model=model, hand_size_file=path)
    assert "hand_size_file is ignored" in node.log and str(path) in node.log
    assert size_of(world, HandMessage.SIDE_LEFT) == pytest.approx(ADULT_SIZE_M)


def test_a_file_that_cannot_be_written_is_said(world: World, model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    start(world, model=model, hand_size_file=tmp_path / "file" / "sizes.yaml")
    answer = world.call(CalibrateHandSize, SERVICE, CalibrateHandSize.Request(size_m=0.09))
    assert answer.success and "cannot be written" in answer.message


def depth_message(camera_stamp: object, mesh: HandMesh, factor: float) -> Image:
    """What a depth camera sees of a hand ``factor`` times as large and far, before a wall at 2 m."""
    depth = np.full((HEIGHT, WIDTH), 2000, np.uint16)
    vertices = factor * np.asarray(mesh.vertices, float).reshape(-1, 3)
    for (u, v), z in zip(np.rint(CAMERA.project(vertices)).astype(int), vertices[:, 2], strict=True):
        window = np.s_[max(v - 4, 0) : max(v + 5, 0), max(u - 4, 0) : max(u + 5, 0)]
        depth[window] = np.minimum(depth[window], round(1000 * z))
    message = Image(height=HEIGHT, width=WIDTH, encoding="16UC1", step=2 * WIDTH, data=depth.astype("<u2").tobytes())
    message.header.stamp = camera_stamp
    return message


def test_a_depth_image_calibrates_the_size(world: World, tmp_path: Path) -> None:
    try:
        model_path(DEFAULT_MODEL)
        model_path("palm_detection")
    except ModelError as error:
        pytest.skip(str(error))
    path = tmp_path / "hand_sizes.yaml"
    world.listen("hands", HandArray)
    world.listen("mesh", HandMesh)
    start(world, max_hands=1, depth_topic="depth", hand_size_file=path)
    depth = world.node.create_publisher(Image, "depth", 1)
    camera = CameraStandIn(world)
    camera.wait_for_node()
    world.until(lambda: camera.send_until_answered(hand_picture()) and world.messages["mesh"], "a hand is seen")
    refused = world.call(CalibrateHandSize, SERVICE, CalibrateHandSize.Request())
    assert not refused.success and "no depth image has come" in refused.message

    header = camera.send_until_answered(hand_picture())
    world.until(lambda: world.messages["mesh"][-1].header == header, "its mesh comes")
    message = depth_message(header.stamp, world.messages["mesh"][-1], 0.9)
    world.until(depth.get_subscription_count, "the node listens to the depth image")

    def calibrated() -> bool:
        depth.publish(message)
        world.spin(0.2)
        return world.call(CalibrateHandSize, SERVICE, CalibrateHandSize.Request()).success

    world.until(calibrated, "the size is measured")
    side = world.messages["hands"][-1].hands[0].side
    assert size_of(world, side) == pytest.approx(0.9 * ADULT_SIZE_M, rel=0.03)
    assert path.is_file()


def test_a_depth_image_corrects_the_size_by_itself_where_it_may(world: World) -> None:
    try:
        model_path(DEFAULT_MODEL)
        model_path("palm_detection")
    except ModelError as error:
        pytest.skip(str(error))
    world.listen("hands", HandArray)
    world.listen("mesh", HandMesh)
    node = start(world, max_hands=1, depth_topic="depth", depth_correction=True)
    depth = world.node.create_publisher(Image, "depth", 1)
    camera = CameraStandIn(world)
    camera.wait_for_node()
    world.until(lambda: camera.send_until_answered(hand_picture()) and world.messages["mesh"], "a hand is seen")
    node.wait_for_log("depth_correction: no depth image has come on depth")
    true_m = 0.9 * ADULT_SIZE_M

    def corrected() -> bool:
        """A depth camera whose image comes before the picture that it belongs to; the hand stands still."""
        hand, mesh = world.messages["hands"][-1].hands[0], world.messages["mesh"][-1]
        camera.stamp_s += 0.3
        depth.publish(depth_message(time_of(camera.stamp_s + 1 / 30), mesh, true_m / hand.size_m))
        world.spin(0.2)
        camera.send_until_answered(hand_picture())
        return world.messages["hands"][-1].hands[0].size_m == pytest.approx(true_m, rel=0.03)

    world.until(corrected, "the size becomes the true one")
