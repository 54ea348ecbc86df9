"""The programs as processes: they start or say why not, work together, and end at once on Ctrl-C."""

from __future__ import annotations

import json
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from support.camera_stand_in import stamp_of
from support.launching import make_prefix
from support.recordings import damage, write_film
from support.ros_world import World
from support.tiny_mesh_network import METADATA, write_tiny_mesh_network

from handmesh_ros.messages.images import frame_of_compressed, frame_of_image

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_mesh_network(tmp_path / "tiny.onnx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six gray pictures, each brighter than the one before."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(6):
        cv2.imwrite(str(pictures / f"{number}.png"), np.full((48, 64, 3), 40 * number, np.uint8))
    return pictures


def test_ctrl_c_ends_every_process_within_a_second_and_without_a_traceback(world: World, model: Path, folder: Path, tmp_path: Path) -> None:
    node = world.start("node.hand_node", model=model, fallback_hfov_deg=60.0)
    listener = world.start("demo.listener", out=tmp_path / "hands.jsonl")
    camera = world.start("node.camera_node", input=folder, loop=True)
    out = tmp_path / "hands.jsonl"
    world.until(lambda: out.is_file() and '"kind": "hands"' in out.read_text(), "hands flow through all three")
    for process in (node, listener, camera):
        seconds = process.interrupt()
        assert seconds < 1.0, process.log
        assert process.wait() == 0 and "Traceback" not in process.log
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert all(line["latency_ms"] > 0 for line in lines if line["kind"] == "hands")


@pytest.mark.parametrize(
    ("settings", "reasons"),
    [
        ({"model": "/no/such/model.onnx"}, ["/no/such/model.onnx"]),
        ({"model": "no_such_model"}, ["no_such_model", "lifted"]),
        ({"max_hands": 5}, ["max_hands", "1 to 4"]),
        ({"marker_rate_hz": "fast"}, ["marker_rate_hz", "1 to 120"]),
        ({"publish_tf": "some"}, ["publish_tf", "all, wrist, none"]),
        ({"hand_size_m": 0.01}, ["0.01 m"]),
    ],
)
def test_node_that_cannot_start_says_why(world: World, settings: dict[str, object], reasons: list[str], model: Path) -> None:
    node = world.start("node.hand_node", **{"model": model, **settings})
    assert node.wait() == 1
    assert "Traceback" not in node.log and all(reason in node.log for reason in reasons), node.log


def test_a_mistyped_parameter_is_named(world: World, model: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("/**:\n  ros__parameters:\n    max_hand: 1\n    max_hands: 1\n")
    node = world.start("node.hand_node", "--params-file", str(tmp_path / "mine.yaml"), model=model)
    node.wait_for_log("there is no parameter max_hand: mistyped?")


def test_ctrl_c_while_modules_are_read_leaves_no_traceback(world: World, tmp_path: Path) -> None:
    program = world.start_file(make_prefix(tmp_path) / "lib" / "handmesh_ros" / "hand_node")
    time.sleep(0.4)
    program.interrupt()
    assert "Traceback" not in program.log


def test_a_second_ctrl_c_does_not_break_the_shutdown(world: World, folder: Path) -> None:
    camera = world.start("node.camera_node", input=folder, loop=True)
    camera.wait_for_log("publishing")
    camera.press_ctrl_c()
    camera.press_ctrl_c()
    assert camera.wait() == 0 and "Traceback" not in camera.log


def test_model_that_breaks_the_contract_is_named(world: World, tmp_path: Path) -> None:
    for name, reason, options in (
        ("no_keypoints", "keypoints", {"left_out": ["keypoints"]}),
        ("no_contract", "handmesh_contract", {"metadata": {**METADATA, "handmesh_contract": "0"}}),
    ):
        path = write_tiny_mesh_network(tmp_path / f"{name}.onnx", **options)
        node = world.start("node.hand_node", model=path)
        assert node.wait() == 1
        assert str(path) in node.log and reason in node.log and "Traceback" not in node.log


def test_a_file_that_is_no_model_is_named(world: World, tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    node = world.start("node.hand_node", model=tmp_path / "broken.onnx")
    assert node.wait() == 1
    assert "broken.onnx" in node.log and "get or export it anew" in node.log and "Traceback" not in node.log


def test_topics_follow_remapping_namespace_and_qos_overrides(world: World, model: Path) -> None:
    remap = ["-r", "image:=/robot/eye/image_raw", "-r", "__ns:=/robot"]
    qos = {"hands.publisher.reliability": "best_effort", "camera_info.subscription.durability": "transient_local"}
    overrides = [word for policy, value in qos.items() for word in ("-p", f"qos_overrides./robot/{policy}:={value}")]
    node = world.start("node.hand_node", *remap, *overrides, model=model, image_transport="compressed")
    node.wait_for_log("waiting for images on /robot/eye/image_raw/compressed")
    world.until(lambda: world.node.count_subscribers("/robot/eye/image_raw/compressed") == 1, "the node subscribes there")
    world.until(lambda: world.node.get_publishers_info_by_topic("/robot/hands"), "the node publishes in its namespace")
    (hands,) = world.node.get_publishers_info_by_topic("/robot/hands")
    assert hands.qos_profile.reliability is ReliabilityPolicy.BEST_EFFORT
    (camera_info,) = world.node.get_subscriptions_info_by_topic("/robot/camera_info")
    assert camera_info.qos_profile.durability is DurabilityPolicy.TRANSIENT_LOCAL, "or one that was latched before is never heard"
    assert world.node.count_publishers("/tf") == 1 and world.node.count_publishers("/diagnostics") == 1


def test_nodes_that_wait_for_a_clock_say_so(world: World, model: Path, folder: Path) -> None:
    world.listen("/diagnostics", DiagnosticArray)
    nodes = [
        world.start("node.hand_node", model=model, use_sim_time=True),
        world.start("node.camera_node", input=folder, use_sim_time=True),
    ]
    for node in nodes:
        node.wait_for_log("use_sim_time is set, but no /clock comes")
    world.until(lambda: world.messages["/diagnostics"], "diagnostics come without a clock")
    assert world.messages["/diagnostics"][-1].status[0].level == DiagnosticStatus.WARN


def test_camera_publishes_a_folder_at_its_rate_with_calibration(world: World, folder: Path) -> None:
    world.listen("image", Image)
    world.listen("camera_info", CameraInfo)
    camera = world.start("node.camera_node", input=folder, rate_hz=20.0, hfov_deg=90.0, frame_id="eye", wait_for_subscribers=1)
    assert camera.wait() == 0
    world.until(lambda: len(world.messages["image"]) == 6 == len(world.messages["camera_info"]), "all six pictures come")
    images = world.messages["image"]
    assert [int(frame_of_image(image).mean()) for image in images] == [0, 40, 80, 120, 160, 200]
    assert {image.header.frame_id for image in images} == {"eye"}
    gaps = np.diff([stamp_of(image) for image in images])
    assert (gaps > 0).all() and np.median(gaps) == pytest.approx(0.05, abs=0.03)
    info = world.messages["camera_info"][-1]
    assert info.k[0] == pytest.approx(32) and (info.width, info.height) == (64, 48)
    assert [stamp_of(info) for info in world.messages["camera_info"]] == [stamp_of(image) for image in images]


def test_camera_plays_a_recording_in_its_own_time_and_tells_what_it_leaves_out(world: World, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.avi", range(0, 660, 33), "mjpeg")
    damage(film, range(8, 14))  # 0.2 s of the film
    world.listen("image", Image)
    camera = world.start("node.camera_node", input=film, wait_for_subscribers=1)
    world.listen("camera_info", CameraInfo)
    assert camera.wait() == 0
    world.until(lambda: len(world.messages["image"]) == 14, "the whole frames come")
    assert "6 left out, damaged: cannot be decoded: frame 8, frame 9" in camera.log
    gaps = np.diff([stamp_of(image) for image in world.messages["image"]])
    assert gaps[7] == pytest.approx(7 * 0.033, abs=0.06) and np.median(np.delete(gaps, 7)) == pytest.approx(0.033, abs=0.015)


def test_camera_that_can_read_nothing_of_a_folder_says_why(world: World, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"damaged")
    camera = world.start("node.camera_node", input=tmp_path)
    assert camera.wait() == 1
    assert "no frame could be read" in camera.log and "a.png" in camera.log and "Traceback" not in camera.log


def test_camera_without_calibration_says_so_and_compresses_for_those_who_want_it(world: World, folder: Path) -> None:
    world.listen("image/compressed", CompressedImage)
    world.listen("camera_info", CameraInfo)
    world.start("node.camera_node", input=folder, loop=True)
    world.until(lambda: len(world.messages["image/compressed"]) > 6, "compressed pictures come, and go on after the last one")
    assert world.messages["camera_info"][-1].k[0] == 0
    assert frame_of_compressed(world.messages["image/compressed"][0]).shape == (48, 64, 3)


def test_camera_reads_the_calibration_file(world: World, tmp_path: Path, folder: Path) -> None:
    (tmp_path / "camera.yaml").write_text(
        "image_width: 64\nimage_height: 48\ncamera_name: eye\ndistortion_model: plumb_bob\n"
        "camera_matrix: {rows: 3, cols: 3, data: [70, 0, 32, 0, 71, 24, 0, 0, 1]}\n"
        "distortion_coefficients: {rows: 1, cols: 5, data: [0.1, -0.05, 0.001, 0.002, 0.0]}\n"
    )
    world.listen("camera_info", CameraInfo)
    world.start("node.camera_node", input=folder, loop=True, camera_info=tmp_path / "camera.yaml")
    world.until(lambda: world.messages["camera_info"], "camera_info comes")
    info = world.messages["camera_info"][0]
    np.testing.assert_allclose(info.k, [70, 0, 32, 0, 71, 24, 0, 0, 1])
    np.testing.assert_allclose(info.d, [0.1, -0.05, 0.001, 0.002, 0.0])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"input": "/no/such/video.mp4"}, "/no/such/video.mp4"),
        ({"input": "97"}, "camera 97: cannot be opened"),
        ({"input": 97}, "camera 97: cannot be opened"),
        ({"rate_hz": -1.0}, "0 to 1000"),
        ({"input": str(Path(__file__).parent)}, "no pictures in this folder"),
        ({"camera_info": "/no/such/camera.yaml"}, "/no/such/camera.yaml: cannot be read"),
    ],
)
def test_camera_that_cannot_start_says_why(world: World, settings: dict[str, object], reason: str) -> None:
    camera = world.start("node.camera_node", **settings)
    assert camera.wait() == 1
    assert reason in camera.log and "Traceback" not in camera.log
