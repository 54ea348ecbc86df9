"""The launch file, launched: what is wrong with it is said before anything runs, and what it starts works and ends together."""

from __future__ import annotations

import socket
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import cv2
import pytest

pytest.importorskip("launch_ros", reason="needs launch and launch_ros, which apt gives a robot and PyPI lacks")

from handmesh_ros.msg import HandArray
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from support.camera_stand_in import hand_picture
from support.launching import add_program, launch, make_prefix
from support.ros_world import World
from tf2_msgs.msg import TFMessage

pytestmark = pytest.mark.timeout(240)

STARTED = "process started with pid"
VISER = find_spec("viser") is not None


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    return make_prefix(tmp_path / "prefix")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "hand.png"
    cv2.imwrite(str(path), cv2.cvtColor(hand_picture(), cv2.COLOR_RGB2BGR))
    return path


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("params_file:=/no/such.yaml", "/no/such.yaml: there is no such file"),
        ("hfov_deg:=wide", "hfov_deg:=wide: a number is needed"),
        ("view:=true view_port:=high", "view_port:=high: a number is needed") if VISER else ("view:=true", "pip install 'viser"),
        ("rviz:=true", "-rviz2 (or rviz:=false)"),
        ("use_sim_time:=yes", "true"),
        ("log_level:=loud", "debug"),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(world: World, prefix: Path, argument: str, reason: str) -> None:
    launched = launch(world, prefix, *argument.split())
    assert launched.wait() == 1
    assert reason in launched.log and STARTED not in launched.log


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("model:=nonsense", "camera:={picture}", "loop:=true"), "'nonsense'"),
        (("camera:={picture}", "camera_calibration:=/no/such.yaml"), "/no/such.yaml: cannot be read"),
    ],
)
def test_a_node_that_cannot_start_ends_all_with_an_error(
    world: World, prefix: Path, picture: Path, arguments: tuple[str, ...], reason: str
) -> None:
    launched = launch(world, prefix, *(argument.format(picture=picture) for argument in arguments))
    assert launched.wait() == 1
    assert reason in launched.log and launched.log.count(STARTED) == 2


def test_the_teleop_node_ends_its_launch_with_an_error(world: World, prefix: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("/**:\n  ros__parameters:\n    side: both\n")
    for parameters, reason in ((wrong, "'side'"), (tmp_path / "none.yaml", "there is no such file")):
        launched = launch(world, prefix, f"params_file:={parameters}", file="teleop.launch.py")
        assert launched.wait() == 1 and reason in launched.log


def test_a_managed_node_waits_to_be_configured(world: World, prefix: Path) -> None:
    launched = launch(world, prefix, "managed:=true")
    answer = lambda: world.call(GetState, "hand_node/get_state", GetState.Request()).current_state.id  # noqa: E731
    assert answer() == State.PRIMARY_STATE_UNCONFIGURED
    launched.interrupt()
    assert launched.wait() == 0


def test_one_picture_shows_its_hand_without_a_calibration_and_its_end_ends_nothing(world: World, prefix: Path, picture: Path) -> None:
    world.listen("hands", HandArray)
    launched = launch(world, prefix, f"camera:={picture}", "hfov_deg:=60")
    world.until(lambda: world.messages["hands"], "the only picture is answered")
    (hand,) = world.messages["hands"][0].hands
    assert not hand.metric
    launched.wait_for_log("process has finished cleanly")
    assert launched.running
    launched.interrupt()
    assert launched.wait() == 0


def test_two_cameras_side_by_side_share_no_frame(world: World, prefix: Path, picture: Path) -> None:
    world.listen("/tf", TFMessage)
    parents: dict[str, set[str]] = defaultdict(set)
    for namespace in ("left_cam", "right_cam"):
        launch(world, prefix, f"camera:={picture}", "loop:=true", "rate:=10", "hfov_deg:=60", f"namespace:={namespace}", "max_hands:=1")

    def both_seen() -> bool:
        for message in world.messages["/tf"]:
            for link in message.transforms:
                parents[link.child_frame_id].add(link.header.frame_id)
        return len({frame.split("/")[0] for frame in parents}) == 2

    world.until(both_seen, "both show their hand", patience_s=60)
    world.spin(1.0)
    both_seen()
    assert {len(frames) for frames in parents.values()} == {1}, "no frame has two parents"
    wrists = {frame: parents[frame] for frame in parents if frame.endswith("_hand_wrist")}
    assert {next(iter(frames)) for frames in wrists.values()} == {"left_cam/camera_optical_frame", "right_cam/camera_optical_frame"}


def test_rviz_opens_on_the_cameras_frame(world: World, prefix: Path, picture: Path, tmp_path: Path) -> None:
    add_program(prefix, "rviz2", "rviz2", f'#!/bin/sh\necho "$@" > {tmp_path}/opened\n')
    for number, (arguments, frame) in enumerate(
        [((f"camera:={picture}", "frame_id:=eye"), "eye"), ((f"camera:={picture}", "namespace:=robot"), "robot/camera_optical_frame")]
    ):
        launch(world, prefix, "rviz:=true", *arguments)
        opened = tmp_path / "opened"
        world.until(lambda: opened.is_file() and opened.read_text(), f"RViz is started, {number}")  # noqa: B023
        assert f"-f {frame} " in opened.read_text() and "hand.rviz" in opened.read_text()
        opened.unlink()


@pytest.mark.skipif(not VISER, reason="needs viser: pip install '.[view]'")
def test_a_page_that_cannot_be_served_ends_no_hand_node(world: World, prefix: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        launched = launch(world, prefix, "view:=true", f"view_port:={port}")
        launched.wait_for_log(f"port {port} of 127.0.0.1 cannot be opened")
        launched.wait_for_log("ready: model")
    launched.interrupt()
    assert launched.wait() == 0
