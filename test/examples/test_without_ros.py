"""The examples without ROS, as a user starts them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.paths import REPO

from handmesh_ros.perception.mesh_net import MeshNetwork

EXAMPLES = REPO / "examples"
FRAMES = 8


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some frames of the demo clip with a right hand in them."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    source = cv2.VideoCapture(str(REPO / "config" / "demo" / "demo.mp4"))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, (640, 480))
    source.set(cv2.CAP_PROP_POS_FRAMES, 50)
    for _ in range(FRAMES):
        writer.write(source.read()[1])
    writer.release()
    return path


def run(name: str, *arguments: str | Path) -> str:
    """What the example prints."""
    environment = {**os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_track_video(clip: Path) -> None:
    lines = run("track_video.py", clip).splitlines()
    assert len(lines) == FRAMES
    for line in lines:
        found = re.fullmatch(r"right 1 \[(.*)\] m", line)
        assert found, line
        x, y, z = map(float, found[1].split())
        assert abs(x) < 0.3 and abs(y) < 0.3 and 0.2 < z < 1.5


def test_the_readme_shows_what_is_run() -> None:
    """The first Python block of README.md is the marked part of track_video.py."""
    marked = re.search(r"# \[begin\]\n(.*)# \[end\]\n", _text("examples/track_video.py"), re.S)
    shown = re.search(r"```python\n(.*?)```", _text("README.md"), re.S)
    assert marked and shown and shown[1] == marked[1]


def _text(name: str) -> str:
    return (REPO / name).read_text(encoding="utf-8")


def test_retarget_dex(clip: Path, tmp_path: Path) -> None:
    printed = run("retarget_dex.py", clip, tmp_path / "hands.npz")
    with np.load(tmp_path / "hands.npz") as file:
        hands = file["points"]
        angles = file.get("angles")
    assert hands.shape == (FRAMES, 21, 3) and str(hands.shape) in printed
    np.testing.assert_array_equal(hands[:, 0], 0)
    assert 0.05 < np.linalg.norm(hands[0, 9]) < 0.15, "wrist to middle knuckle, metres"
    if find_spec("dex_retargeting") is None:
        assert "pip install dex-retargeting" in printed
    else:
        assert angles.shape == (FRAMES, 20) and float(printed.split("fingertips are ")[1].split(" mm")[0]) < 10


def test_own_network(clip: Path, tmp_path: Path) -> None:
    printed = run("own_network.py", clip, tmp_path / "own.onnx")
    assert "right hand, 4 vertices" in printed
    network = MeshNetwork(tmp_path / "own.onnx")
    assert network.name == "own" and network.patch_size == 64 and network.gives_score


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_short_and_says_what_to_expect(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert 30 <= len(text.splitlines()) <= 80
    assert "\nExpect " in text.split('"""')[1]
    assert f"[{path.name}]({path.name})" in _text("examples/README.md")
