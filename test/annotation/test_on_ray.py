"""Ray Data on a local cluster of two workers, one of them killed in the middle of a clip."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs the extra 'ray'")
pytest.importorskip("ray.data", reason="needs the extra 'ray'")

import ray
from support.lerobot_sets import clip_frames, write_video
from support.paths import REPO

from handmesh_ros.annotation.clips import Clip, Settings
from handmesh_ros.annotation.on_ray import annotate_on_ray

CAMERA = REPO / "config" / "demo" / "demo_camera.yaml"
CLIPS, FRAMES = 6, 40


def worker_of(path: Path) -> int | None:
    """The process that holds a file open."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(link.exists() and link.samefile(path) for link in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:
            continue
    return None


def kill_one(out: Path, killed: list[int]) -> None:
    """Kills the worker that has written some frames of a clip."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        for part in out.glob("*.part-*"):
            if part.stat().st_size > 10_000 and (worker := worker_of(part)) is not None:
                os.kill(worker, signal.SIGKILL)
                killed.append(worker)
                return
        time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker in /proc")
@pytest.mark.timeout(600)
def test_every_clip_is_annotated_once_though_a_worker_is_killed(tmp_path: Path) -> None:
    out = tmp_path / "hands"
    out.mkdir()
    for n in range(CLIPS):
        write_video(tmp_path / f"{n}.mp4", clip_frames(40 + n, FRAMES))
    (tmp_path / "broken.mp4").write_bytes(b"\0" * 1000)
    broken = Clip(str(tmp_path / "broken.mp4"), str(out / "broken.jsonl"))
    clips = [Clip(str(tmp_path / f"{n}.mp4"), str(out / f"{n}.jsonl")) for n in range(CLIPS)]
    environment = {"env_vars": {"PYTHONPATH": os.pathsep.join([str(REPO), str(REPO / "test")])}}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=environment)
    killed: list[int] = []
    killer = threading.Thread(target=kill_one, args=(out, killed))
    try:
        killer.start()
        results = annotate_on_ray([*clips, broken], Settings(calibration=str(CAMERA), max_hands=1))
    finally:
        killer.join()
        ray.shutdown()
    assert killed, "nobody was killed: the test says nothing"
    failed = [result for result in results if result.failure]
    assert [result.path for result in failed] == [broken.path], "it does not keep the others from being done"
    done = [(result.out, result.frames, result.done_before) for result in results if not result.failure]
    assert done == [(clip.out, FRAMES, False) for clip in clips]
    for clip in clips:
        frames = [json.loads(line)["frame"] for line in Path(clip.out).read_text().splitlines()]
        assert frames == list(range(FRAMES))
    assert sorted(path.name for path in out.iterdir()) == [f"{n}.jsonl" for n in range(CLIPS)]
