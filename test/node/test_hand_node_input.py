"""The node's input over real DDS: every kind of bad frame is left out with a warning, and the next good one is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from handmesh_ros.msg import HandArray
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from support.camera_stand_in import CAMERA, FRAME_ID, HEIGHT, WIDTH, CameraStandIn, empty_picture
from support.ros_world import Process, World
from support.tiny_mesh_network import write_tiny_mesh_network

from handmesh_ros.messages.build import camera_info_message, image_message
from handmesh_ros.messages.stamps import time_of

# What the node does with its input is the same with every network: a tiny one keeps these tests quick.
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_mesh_network(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    world.listen("hands", HandArray)
    world.listen("/diagnostics", DiagnosticArray)
    yield world
    world.close()


@pytest.fixture(scope="module")
def node(world: World, model: Path) -> Process:
    return world.start("node.hand_node", model=model)


@pytest.fixture(scope="module")
def camera(world: World, node: Process) -> CameraStandIn:
    camera = CameraStandIn(world)
    camera.wait_for_node()
    return camera


def test_image_without_camera_info_is_refused_with_advice(world: World, node: Process, camera: CameraStandIn) -> None:
    """First in this file: no camera_info has been sent yet."""

    def another() -> bool:
        camera.send(empty_picture())
        world.spin(0.1)
        return "no camera_info has arrived" in node.log

    world.until(another, "the warning comes")
    assert "fallback_hfov_deg" in node.log
    assert not world.messages["hands"]
    camera.send_until_answered(empty_picture())


def test_every_good_frame_is_answered_with_its_own_header(world: World, camera: CameraStandIn) -> None:
    camera.send_until_answered(empty_picture())
    for _ in range(5):
        header = camera.send(empty_picture())
        world.until(lambda header=header: camera.answered(header), "the frame is answered")
        assert world.messages["hands"][-1].header == header


def changed(header: Header, **changes: object) -> Image:
    message = image_message(header, empty_picture())
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def truncated(header: Header) -> Image:
    message = image_message(header, empty_picture())
    del message.data[len(message.data) // 2 :]
    return message


def without_frame(header: Header) -> Image:
    header.frame_id = ""
    return image_message(header, empty_picture())


BAD_IMAGES: dict[str, Callable[[Header], Image]] = {
    "unknown encoding": lambda header: changed(header, encoding="rgb48float"),
    "truncated data": truncated,
    "zero size": lambda header: Image(header=header, encoding="rgb8"),
    "no frame": without_frame,
    "step too small": lambda header: changed(header, step=7),
    "other size than camera_info": lambda header: image_message(header, np.zeros((100, 100, 3), np.uint8)),
}


@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_bad_image_is_left_out_and_the_next_good_one_answered(kind: str, world: World, node: Process, camera: CameraStandIn) -> None:
    camera.send_until_answered(empty_picture())
    header = camera.header()
    camera.send_image(BAD_IMAGES[kind](header))
    world.spin(0.2)
    camera.send_until_answered(empty_picture())
    assert not camera.answered(header)
    assert node.running


NAN = float("nan")


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("not calibrated", {"k": np.zeros(9)}),
        ("NaN in K", {"k": np.array([NAN, 0, 319.5, 0, 600, 239.5, 0, 0, 1])}),
        ("NaN in D", {"d": [NAN] * 5}),
        ("other size", {"width": 1280, "height": 720}),
        ("unknown distortion", {"distortion_model": "magic", "d": [0.1] * 5}),
    ],
)
def test_bad_camera_info_stops_hands_until_a_good_one_comes(
    kind: str, change: dict[str, object], world: World, node: Process, camera: CameraStandIn
) -> None:
    camera.send_until_answered(empty_picture())
    info = camera_info_message(Header(), CAMERA, WIDTH, HEIGHT)
    for name, value in change.items():
        setattr(info, name, value)
    camera.send_info(info)
    world.spin(0.2)
    header = camera.send(empty_picture())
    world.spin(0.3)
    assert not camera.answered(header)
    camera.send_until_answered(empty_picture())
    assert node.running


def test_stamps_that_go_back_start_anew(world: World, node: Process, camera: CameraStandIn) -> None:
    camera.send_until_answered(empty_picture())
    camera.stamp_s -= 500
    camera.send_until_answered(empty_picture())
    node.wait_for_log("stamps went back by")


def test_frame_with_a_stamp_that_was_there_is_left_out(world: World, camera: CameraStandIn) -> None:
    camera.send_until_answered(empty_picture())
    header = camera.send(empty_picture())  # the last one that the node gets: on a slow machine several were on their way
    world.until(lambda: camera.answered(header), "the last frame is answered")
    for _ in range(3):
        camera.send_image(image_message(header, empty_picture()))
        world.spin(0.1)
    camera.send_until_answered(empty_picture())
    assert sum(message.header == header for message in world.messages["hands"]) == 1


def test_images_without_stamps_are_answered(world: World, node: Process, camera: CameraStandIn) -> None:
    before = len(world.messages["hands"])
    camera.send_info()
    world.spin(0.1)

    def another() -> bool:
        camera.send_image(image_message(Header(stamp=time_of(0), frame_id=FRAME_ID), empty_picture()))
        world.spin(0.1)
        return any(message.header.stamp == time_of(0) for message in world.messages["hands"][before:])

    world.until(another, "a frame without a stamp is answered")
    node.wait_for_log("carry no stamp")
    camera.send_until_answered(empty_picture())


def test_4k_frame_is_answered(world: World, node: Process, camera: CameraStandIn) -> None:
    info = camera_info_message(Header(), CAMERA, 3840, 2160)
    header = camera.header()

    def another() -> bool:
        camera.send_info(info)
        camera.send_image(image_message(header, np.zeros((2160, 3840, 3), np.uint8)))
        world.spin(0.3)
        return camera.answered(header)

    world.until(another, "a 4K frame is answered")
    camera.send_until_answered(empty_picture())


def test_diagnostics_tell_of_the_trouble_and_of_its_end(world: World, camera: CameraStandIn) -> None:
    def latest() -> DiagnosticStatus:
        return world.messages["/diagnostics"][-1].status[0]

    def after(send: Callable[[], object], condition: Callable[[], bool], what: str) -> None:
        def attempt() -> bool:
            send()
            world.spin(0.1)
            return condition()

        world.until(attempt, what)

    bad = BAD_IMAGES["unknown encoding"]
    after(lambda: camera.send_image(bad(camera.header())), lambda: "rgb48float" in latest().message, "diagnostics tell of it")
    assert latest().level == DiagnosticStatus.ERROR
    assert "behind this node's clock" not in latest().message, "what is worse is told"

    def send_now() -> None:
        camera.stamp_s = world.node.get_clock().now().nanoseconds * 1e-9 - 1 / 30
        camera.send(empty_picture())

    after(send_now, lambda: latest().level == DiagnosticStatus.OK, "diagnostics at OK")
    values = {pair.key: pair.value for pair in latest().values}
    assert int(values["refused: image"]) > 0 and len(values["model sha256"]) == 64


def test_each_kind_of_trouble_is_logged_once_in_a_while(world: World, camera: CameraStandIn, node: Process) -> None:
    for _ in range(10):
        camera.send_image(BAD_IMAGES["truncated data"](camera.header()))
        world.spin(0.05)
    assert node.log.count("truncated") <= 10  # one in ten seconds, in a module that takes about a minute
    camera.send_until_answered(empty_picture())


def jpeg(header: Header, keep: float = 1.0) -> CompressedImage:
    data = cv2.imencode(".jpg", empty_picture())[1].tobytes()
    message = CompressedImage(header=header, format="jpeg")
    message.data.frombytes(data[: int(len(data) * keep)])
    return message


def test_compressed_images_broken_and_good(model: Path) -> None:
    world = World()
    try:
        world.listen("hands", HandArray)
        node = world.start("node.hand_node", model=model, image_transport="compressed", fallback_hfov_deg=60.0)
        camera = CameraStandIn(world)
        camera.wait_for_node(compressed=True)
        node.wait_for_log("ready")
        broken: list[Header] = []
        good: list[Header] = []

        def send(headers: list[Header], keep: float) -> None:
            headers.append(camera.header())
            camera.send_compressed(jpeg(headers[-1], keep))
            world.spin(0.1)

        world.until(lambda: send(broken, 0.7) or "truncated" in node.log, "the broken JPEG is refused")
        world.until(lambda: send(good, 1.0) or any(camera.answered(header) for header in good), "the good JPEG is answered")
        assert not any(camera.answered(header) for header in broken)
        # There was no camera_info: the fallback served, and the log says so.
        node.wait_for_log("Hands are not metric: assuming a field of view of 60 degrees")
    finally:
        world.close()
