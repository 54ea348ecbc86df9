"""A folder of videos: one file of hands for each, whole or not at all."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.lerobot_sets import clip_frames, write_video
from support.paths import REPO

from handmesh_ros.annotation.clips import Clip, Counts, Settings, annotate_clip, annotate_row, row_of
from handmesh_ros.cli import main

CAMERA = REPO / "config" / "demo" / "demo_camera.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_video(folder / "a" / "open.mp4", clip_frames(40, 12))
    write_video(folder / "turn.mp4", clip_frames(200, 8))
    (folder / "notes.txt").write_text("no clip")
    return folder


def frames_of(path: Path) -> list[int]:
    return [json.loads(line)["frame"] for line in path.read_text().splitlines()]


def test_every_video_has_its_file_and_a_broken_one_is_named(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["annotate", str(folder), "--out", str(tmp_path), "--camera", str(CAMERA), "--processes", "2", "--max-hands", "1"]
    broken = folder / "broken.mp4"
    broken.write_bytes(b"\0" * 1000)
    try:
        assert main(arguments) == 1
    finally:
        broken.unlink()
    printed = capsys.readouterr()
    assert printed.err.count("broken.mp4") == 1 and "3 clips, 0 of them done before, 1 failed" in printed.out
    assert frames_of(tmp_path / "a" / "open.mp4.jsonl") == list(range(12)) and frames_of(tmp_path / "turn.mp4.jsonl") == list(range(8))
    (tmp_path / "turn.mp4.jsonl").unlink()
    assert main(arguments) == 0
    assert "2 clips, 1 of them done before, 0 failed; 8 frames" in capsys.readouterr().out
    assert main([*arguments, "--model", "mobrecon_lite"]) == 1
    assert "begun with other settings" in capsys.readouterr().err


def test_a_clip_whose_worker_was_killed_is_done_anew(folder: Path, tmp_path: Path) -> None:
    clip = Clip(str(folder / "turn.mp4"), str(tmp_path / "turn.jsonl"))
    remains = tmp_path / "turn.part-ab12.jsonl"
    remains.write_text("half a li")
    told: list[Counts] = []
    result = annotate_clip(clip, Settings(calibration=str(CAMERA), max_hands=1), told.append)
    assert result.frames == 8 and result.with_hand >= 7 and not remains.exists()
    assert told == [Counts(8, result.with_hand, 0)]
    again = annotate_row(row_of(clip, Settings()))
    assert again["done_before"] and json.loads(json.dumps(again)) == again


def test_nothing_to_annotate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    for given, told in (
        (tmp_path / "empty", "nor a folder with videos"),
        (tmp_path / "nowhere", "no such folder"),
        (tmp_path, "is the input"),
    ):
        assert main(["annotate", str(given), "--out", str(tmp_path)]) == 1
        assert told in capsys.readouterr().err
    assert main(["annotate", str(tmp_path / "empty"), "--out", str(tmp_path), "--processes", "0"]) == 1
    assert "--processes 0" in capsys.readouterr().err
    for given in (["", "--out", str(tmp_path)], [str(tmp_path), "--out", ""]):
        with pytest.raises(SystemExit):
            main(["annotate", *given])
        assert "the name is empty" in capsys.readouterr().err


def test_stopped_in_the_middle_it_leaves_nothing_half_done(tmp_path: Path) -> None:
    given, out = tmp_path / "given", tmp_path / "out"
    given.mkdir()
    (given / "long.mp4").symlink_to(REPO / "config" / "demo" / "demo.mp4")
    command = [sys.executable, "-m", "handmesh_ros.cli", "annotate", str(given), "--out", str(out)]
    with subprocess.Popen(command, cwd=REPO, stderr=subprocess.PIPE, text=True) as annotate:
        deadline = time.monotonic() + 60
        while not any(part.stat().st_size for part in out.glob("*.part-*")) and time.monotonic() < deadline:
            time.sleep(0.02)
        annotate.send_signal(signal.SIGTERM)
        _, error = annotate.communicate(timeout=60)
    assert (annotate.returncode, error) == (143, "stopped\n")
    assert [path.name for path in out.iterdir()] == [".annotation"]
