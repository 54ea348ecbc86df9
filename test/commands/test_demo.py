"""The demo as its user runs it: three processes, real DDS, the project's own clip."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.paths import REPO

from handmesh_ros.demo.processes import Processes


def handmesh(folder: Path, *arguments: str) -> subprocess.Popen:
    """The command as it is installed, started elsewhere than in the checkout and without anything sourced."""
    environment = {key: value for key, value in os.environ.items() if key not in ("AMENT_PREFIX_PATH", "PYTHONPATH")}
    command = [str(Path(sys.executable).with_name("handmesh")), *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=_hear_ctrl_c
    )


def _hear_ctrl_c() -> None:
    """Shells start what runs in the background deaf to Ctrl-C, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.timeout(240)
def test_the_demo_clip_is_tracked_drawn_and_measured(tmp_path: Path) -> None:
    demo = handmesh(tmp_path, "demo", "--out", str(tmp_path))
    output, _ = demo.communicate(timeout=200)
    assert demo.returncode == 0, output
    rows = json.loads((tmp_path / "demo.json").read_text())
    frames = len(np.load(REPO / "config" / "demo" / "demo_truth.npz")["stamp_s"])
    assert rows["frames sent by the camera"] == frames
    # A busy machine leaves frames out, as it should; how many is for make bench to say.
    assert rows["frames answered by the node"] >= 0.1 * frames
    assert rows["hands followed (track ids)"] <= 3
    assert rows["PA-MPJPE, mm"] < 15
    assert rows["frames with a hand while none is there"] <= 8
    capture = cv2.VideoCapture(str(tmp_path / "demo.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) >= 0.9 * frames
    drawn = sum(_is_drawn(capture.read()[1]) for _ in range(int(capture.get(cv2.CAP_PROP_FRAME_COUNT))))
    assert drawn >= 0.9 * rows["frames with a hand"], "every frame with a hand shows it"
    picture = cv2.imread(str(tmp_path / "demo.png"))
    assert picture is not None and picture.shape == (480, 640, 3)
    assert _is_drawn(picture)
    clip = cv2.VideoCapture(str(REPO / "config" / "demo" / "demo.mp4"))
    assert not any(_is_drawn(clip.read()[1]) for _ in range(60))


def _is_drawn(picture: np.ndarray) -> bool:
    """Whether a mesh lies over the picture: far more blue than room and sleeve have."""
    blue, _, red = (channel.astype(int) for channel in cv2.split(picture))
    return bool((blue - red > 45).sum() > 6000)


def test_ctrl_c_ends_every_process_of_the_demo(tmp_path: Path) -> None:
    demo = handmesh(tmp_path, "demo", "--out", str(tmp_path))
    time.sleep(6)
    children = [int(pid) for pid in Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()]
    assert len(children) >= 2
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=20)
    assert demo.returncode == 130 and "Traceback" not in output
    assert not [pid for pid in children if _alive(pid)]


def test_what_sigterm_does_is_the_commands_to_say(tmp_path: Path) -> None:
    """So that it ends with 143 (``cli.EXIT_CODES``), also while the demo's processes run."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with Processes(tmp_path):
        assert {number: signal.getsignal(number) for number in before} == before
    assert {number: signal.getsignal(number) for number in before} == before


@pytest.mark.skipif(find_spec("viser") is None, reason="needs viser: pip install '.[view]'")
def test_the_page_is_served_until_ctrl_c_however_often_it_is_pressed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "handmesh_ros.cli", "demo", "--view", "--port", str(port), "--model", "mobrecon_lite"]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=_hear_ctrl_c) as demo:
        try:
            assert demo.stdout is not None
            said = ""
            while "http://" not in said:
                line = demo.stdout.readline()
                assert line, said
                said += line
            with urllib.request.urlopen(f"http://localhost:{port}", timeout=60) as page:
                assert page.status == 200
            children = [int(pid) for pid in Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()]
            assert len(children) == 3
        finally:
            demo.send_signal(signal.SIGINT)
        time.sleep(0.2)
        demo.send_signal(signal.SIGINT)
        output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130 and "Traceback" not in output
    assert not [pid for pid in children if _alive(pid)]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(("arguments", "named"), [(["nowhere.mp4"], "nowhere.mp4"), (["--seconds", "-1"], "--seconds must be positive")])
def test_what_cannot_be_is_named(arguments: list[str], named: str, tmp_path: Path) -> None:
    demo = handmesh(tmp_path, "demo", *arguments, "--out", str(tmp_path))
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert named in output and "Traceback" not in output
