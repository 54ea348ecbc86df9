"""``handmesh run`` on a video, a folder and a picture: what it writes, and what it says of wrong input."""

import json
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
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


@pytest.fixture
def pictures(tmp_path: Path, clip_frame: np.ndarray) -> Path:
    """A folder of one good picture and an odd file."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), clip_frame)
    (folder / "b.png").write_bytes(b"damaged")
    return folder


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


def test_with_json_the_summary_is_one_object_and_nothing_else(pictures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "hands.jsonl"
    assert main(["run", str(pictures), "--single", "--out", str(out), "--json"]) == 0
    figures = json.loads(capfd.readouterr().out)
    assert (figures["frames"], figures["frames_with_hand"], figures["frames_not_calibrated"]) == (1, 1, 1)
    assert [Path(part["what"]).name for part in figures["left_out"]] == ["b.png"] and figures["wrote"] == [str(out)]
    assert main(["run", str(pictures), "--single", "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")
    assert main(["run", "nowhere.mp4", "--quiet", "--json"]) == 1
    printed = capfd.readouterr()
    assert printed.out == "" and "nowhere.mp4" in printed.err


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
        ([str(CLIP), "--threads", "0"], "0 threads for a network; expected 1 to 16"),
        ([str(CLIP), "--threads", "100000"], "expected 1 to 16"),
        ([""], "empty"),
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


OUTPUTS_ONTO_SOMETHING = {
    "overlay onto the picture": ["a.png", "--overlay", "a.png"],
    "lines onto the picture": ["a.png", "--out", "a.png"],
    "onto a picture of the folder": [".", "--overlay", "a.png"],
    "onto the folder": [".", "--out", "."],
    "by a link": ["a.png", "--overlay", "link.png"],
    "onto the calibration": ["a.png", "--camera", "camera.yaml", "--out", "camera.yaml"],
    "both into one": ["a.png", "--out", "new.png", "--overlay", "new.png"],
}


@pytest.mark.parametrize("arguments", OUTPUTS_ONTO_SOMETHING.values(), ids=OUTPUTS_ONTO_SOMETHING)
def test_no_output_destroys_anything(
    arguments: list[str], pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(pictures)
    Path("link.png").symlink_to("a.png")
    shutil.copy(REPO / "config/demo/demo_camera.yaml", "camera.yaml")
    before = {path: path.read_bytes() for path in Path().iterdir()}
    assert main(["run", *arguments]) == 1
    assert {path: path.read_bytes() for path in Path().iterdir()} == before
    assert re.search("would overwrite the input|a folder|two outputs", capsys.readouterr().err)


def test_pictures_that_cannot_be_used_are_left_out_and_counted(
    pictures: Path, clip_frame: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(pictures / "large.png"), cv2.resize(clip_frame, (1280, 960)))
    calibration = ["--camera", str(REPO / "config/demo/demo_camera.yaml")]
    assert main(["run", str(pictures), "--single", *calibration]) == 0
    summary = capsys.readouterr().out
    assert "1 frames, a hand in 1" in summary
    assert re.search(r"1 left out, not a picture that can be read; it may be damaged: .*b\.png", summary)
    assert re.search(r"1 left out, .*640x480 pictures, the input has 1280x960.*large\.png", summary)
    (pictures / "a.png").unlink()
    assert main(["run", str(pictures), "--single", *calibration]) == 1
    assert re.search(r"no frame could be read[^$]*640x480[^$]*large\.png", capsys.readouterr().err)


def test_a_full_disk_says_why_and_leaves_the_former_file(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "hands.jsonl"
    out.write_text("former")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        assert main(["run", str(pictures), "--out", str(out)]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    error = capsys.readouterr().err
    assert "hands.jsonl: cannot be written: File too large" in error and out.read_text() == "former"


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_in_the_middle_it_says_what_is_left(how: signal.Signals, code: int, tmp_path: Path) -> None:
    arguments = [str(CLIP), "--out", str(tmp_path / "hands.jsonl"), "--overlay", str(tmp_path / "hands.mp4")]
    with subprocess.Popen(
        [sys.executable, "-m", "handmesh_ros.cli", "run", *arguments], cwd=REPO, stderr=subprocess.PIPE, text=True
    ) as run:
        deadline = time.monotonic() + 60
        while not any(part.stat().st_size > 5000 for part in tmp_path.glob("hands.part-*.jsonl")) and time.monotonic() < deadline:
            time.sleep(0.02)
        run.send_signal(how)
        _, error = run.communicate(timeout=60)
    assert run.returncode == code and "Traceback" not in error
    (lines,), (video,) = tmp_path.glob("*.jsonl"), tmp_path.glob("*.mp4")
    assert str(lines) in error and str(video) in error and "part" in lines.name
    assert [line["frame"] for line in read_lines(lines)] == list(range(len(read_lines(lines))))
    assert cv2.VideoCapture(str(video)).read()[0]
