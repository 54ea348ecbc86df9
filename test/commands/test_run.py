"""``handmesh run`` on a video, a folder and a picture: what it writes, and what it says of wrong input."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.paths import REPO

from handmesh_ros.cli import main

CLIP = REPO / "config" / "demo" / "demo.mp4"


@pytest.fixture(scope="module")
def clip_frame() -> np.ndarray:
    capture = cv2.VideoCapture(str(CLIP))
    capture.set(cv2.CAP_PROP_POS_FRAMES, 50)
    return capture.read()[1]


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, overlay = tmp_path / "hands.jsonl", tmp_path / "overlay.mp4"
    short = tmp_path / "short.mp4"
    source, writer = cv2.VideoCapture(str(CLIP)), cv2.VideoWriter(str(short), cv2.VideoWriter.fourcc(*"mp4v"), 30, (640, 480))
    for _ in range(60):
        writer.write(source.read()[1])
    writer.release()
    camera = REPO / "config" / "demo" / "demo_camera.yaml"
    assert main(["run", str(short), "--camera", str(camera), "--out", str(out), "--overlay", str(overlay)]) == 0
    lines = read_lines(out)
    assert [line["frame"] for line in lines] == list(range(60))
    assert lines[30]["stamp"] == pytest.approx(1.0)
    hand = lines[50]["hands"][0]
    assert {"side", "score", "track_id", "state", "joints", "keypoints", "size_m", "metric"} < set(hand)
    assert 0.5 < hand["side_score"] <= 1 and (np.linalg.eigvalsh(hand["position_covariance"]) > 0).all()
    assert np.shape(hand["joints"]) == (21, 3) and np.shape(hand["keypoints"]) == (21, 2)
    assert hand["side"] == "right" and hand["state"] == "tracking" and hand["metric"] is True
    assert cv2.VideoCapture(str(overlay)).get(cv2.CAP_PROP_FRAME_COUNT) == 60
    summary = capsys.readouterr().out
    assert "60 frames" in summary and str(out) in summary


def test_a_picture_is_taken_by_itself(tmp_path: Path, clip_frame: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    picture, out, overlay = tmp_path / "hand.png", tmp_path / "hands.jsonl", tmp_path / "overlay.png"
    cv2.imwrite(str(picture), clip_frame)
    assert main(["run", str(picture), "--out", str(out), "--overlay", str(overlay)]) == 0
    (line,) = read_lines(out)
    assert line["hands"][0]["track_id"] == 0 and line["hands"][0]["metric"] is False
    assert np.abs(cv2.imread(str(overlay)).astype(int) - clip_frame).max() > 50
    assert "not calibrated" in capsys.readouterr().out


def test_a_folder_of_pictures_of_several_sizes(tmp_path: Path, clip_frame: np.ndarray) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), clip_frame)
    cv2.imwrite(str(folder / "b.png"), cv2.resize(clip_frame, (800, 600)))
    out, overlay = tmp_path / "hands.jsonl", tmp_path / "overlay.mp4"
    assert main(["run", str(folder), "--single", "--out", str(out), "--overlay", str(overlay)]) == 0
    assert [len(line["hands"]) for line in read_lines(out)] == [1, 1]
    assert main(["run", str(folder), "--out", str(out)]) == 0
    assert len(read_lines(out)) == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nowhere.mp4"], "nowhere.mp4"),
        ([str(CLIP), "--model", "nonesuch"], "nonesuch"),
        ([str(CLIP), "--model", "missing.onnx"], "missing.onnx"),
        ([str(CLIP), "--overlay", "out.gif"], "out.gif"),
        ([str(CLIP), "--camera", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_wrong_input_is_named(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *arguments]) == 1
    assert named in capsys.readouterr().err


def test_a_calibration_for_another_size_is_refused(tmp_path: Path, clip_frame: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "large.png"), cv2.resize(clip_frame, (1280, 960)))
    assert main(["run", str(tmp_path / "large.png"), "--camera", str(REPO / "config/demo/demo_camera.yaml")]) == 1
    assert "640x480" in capsys.readouterr().err


def test_the_calibration_is_read_once_a_run(tmp_path: Path, clip_frame: np.ndarray) -> None:
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), clip_frame)
    calibration = REPO / "config" / "demo" / "demo_camera.yaml"
    program = f"""
import sys
opened = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
from handmesh_ros.cli import main
assert main(["run", {str(tmp_path)!r}, "--camera", {str(calibration)!r}]) == 0
print(opened.count({str(calibration)!r}))
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True, timeout=60)
    assert result.stdout.splitlines()[-1] == "1", result.stderr
