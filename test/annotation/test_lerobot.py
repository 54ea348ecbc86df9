"""Hands in LeRobot data sets of either layout: every row gets the hand of its own picture, and nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="needs the extra 'datasets'")
pytest.importorskip("av", reason="needs the extra 'datasets'")

import pyarrow.parquet as pq
from support.lerobot_sets import EPISODES, KEY, make_dataset
from support.paths import REPO

from handmesh_ros.annotation.clips import Clip
from handmesh_ros.annotation.episodes import EpisodePart, episode_frames
from handmesh_ros.annotation.lerobot import LeRobotDataset, LeRobotError
from handmesh_ros.cli import main
from handmesh_ros.sources import SourceError

CAMERA = REPO / "config" / "demo" / "demo_camera.yaml"
TRUTH = REPO / "config" / "demo" / "demo_truth.npz"


def annotate(root: Path, out: Path, *more: str) -> int:
    return main(["annotate", str(root), "--out", str(out), "--camera", str(CAMERA), "--max-hands", "1", "--processes", "2", *more])


@pytest.mark.parametrize(("version", "images", "mesh"), [("v3.0", False, True), ("v2.1", False, False), ("v3.0", True, False)])
def test_every_row_has_the_hand_of_its_picture(tmp_path: Path, version: str, images: bool, mesh: bool) -> None:
    root, out = make_dataset(tmp_path / "set", version, images), tmp_path / "out"
    assert annotate(root, out, *(["--mesh"] if mesh else [])) == 0
    before = pq.read_table(root / "data") if version == "v3.0" else pq.read_table(sorted((root / "data").rglob("*.parquet")))
    after = pq.read_table(sorted((out / "data").rglob("*.parquet")))
    assert after.select(before.column_names).equals(before)
    with np.load(TRUTH) as file:
        truth = np.concatenate([file["joints"][first : first + count] for first, count in EPISODES])
    joints = np.array(after["hand.right.joints"].to_pylist(), float)
    assert joints.shape == (31, 21, 3)
    seen = ~np.isnan(joints).any((1, 2))
    assert seen.mean() > 0.9
    # A row off by one frame would be as near; a row of another episode would not.
    error = np.abs(joints - truth)[seen][..., :2].max((1, 2))
    assert np.median(error) < 0.03
    score = np.array(after["hand.right.score"].to_pylist())
    np.testing.assert_array_equal(score > 0, seen)
    assert set(np.array(after["hand.right.metric"].to_pylist())[seen]) == {True}
    assert not np.array(after["hand.left.metric"].to_pylist()).any()
    features = json.loads((out / "meta" / "info.json").read_text())["features"]
    for name in set(after.column_names) - set(before.column_names):
        shape = np.array(after[name].to_pylist()[0]).shape or (1,)
        assert features[name]["shape"] == list(shape), name
    assert ("hand.right.vertices" in features) is mesh
    if mesh:
        vertices = np.array(after["hand.right.vertices"].to_pylist(), float)[seen]
        assert np.abs(vertices.mean(1) - joints[seen].mean(1)).max() < 0.05
    if not images:
        (video,) = (path for path in (out / "videos").rglob("*.mp4") if path.name.endswith("000.mp4"))
        assert video.stat().st_ino == (root / video.relative_to(out)).stat().st_ino
    assert not list(out.rglob("*.part*")) and not (out / ".annotation").exists()


def test_an_interrupted_run_goes_on_and_a_finished_one_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = make_dataset(tmp_path / "set", "v3.0"), tmp_path / "out"
    video = root / "videos" / KEY / "chunk-000" / "file-000.mp4"
    whole = video.read_bytes()
    video.write_bytes(whole[: len(whole) // 2])  # as if the disk had gone in the middle
    assert annotate(root, out) == 1
    assert "again does the failed ones anew" in capsys.readouterr().err and not (out / "meta").exists()
    video.write_bytes(whole)
    dataset = LeRobotDataset.read(root)
    first = dataset.clips(KEY, out)[0]
    done = json.dumps({"frame": 0, "stamp": 0.0, "hands": []}) + "\n"
    Path(first.out).write_text(done * EPISODES[0][1])
    assert annotate(root, out) == 0
    assert "3 clips, 1 of them done before" in capsys.readouterr().out
    after = pq.read_table(sorted((out / "data").rglob("*.parquet")))
    assert not any(after["hand.right.score"].to_pylist()[: EPISODES[0][1]]), "what was done is not done again"
    assert annotate(root, out) == 1
    assert "is complete already" in capsys.readouterr().err
    assert annotate(out, tmp_path / "twice") == 1
    assert "has hands already" in capsys.readouterr().err


def test_a_part_of_a_video_is_that_part(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "set", "v3.0")
    separate = make_dataset(tmp_path / "separate", "v2.1")
    for one, other in zip(LeRobotDataset.read(root).clips(KEY, tmp_path), LeRobotDataset.read(separate).clips(KEY, tmp_path), strict=True):
        assert one.episode is not None and other.episode is not None
        a, b = ([frame.rgb for frame in episode_frames(Path(clip.path), clip.episode)] for clip in (one, other) if clip.episode)
        assert len(a) == len(b) == one.episode.length
        # Encoded anew, pictures differ a little; the next frame differs more.
        differences = [np.abs(x.astype(int) - y).mean() for x, y in zip(a, b, strict=True)]
        assert max(differences) < 2.0


def clip_of(root: Path) -> Clip:
    return LeRobotDataset.read(root).clips(KEY, root)[0]


def test_what_is_wrong_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_dataset(tmp_path / "set", "v3.0")
    with pytest.raises(SourceError, match="holds 31 of the 99 frames of episode 0"):
        list(episode_frames(Path(clip_of(root).path), EpisodePart(0, 99, 30.0)))
    info = json.loads((root / "meta" / "info.json").read_text())

    def changed(**fields: object) -> LeRobotDataset:
        (root / "meta" / "info.json").write_text(json.dumps(info | fields))
        return LeRobotDataset.read(root)

    several = {**info["features"], "observation.images.wrist": info["features"][KEY]}
    with pytest.raises(LeRobotError, match=f"which camera. Give --camera-key, one of {KEY}, observation.images.wrist"):
        changed(features=several).camera_key(None)
    with pytest.raises(LeRobotError, match="there is no observation"):
        changed(features=several).camera_key("observation.images.top")
    with pytest.raises(LeRobotError, match="a data set without pictures"):
        changed(features={name: feature for name, feature in info["features"].items() if name != KEY}).camera_key(None)
    with pytest.raises(LeRobotError, match=r"layout v1\.6"):
        changed(codebase_version="v1.6")
    (root / "meta" / "info.json").write_text("{")
    assert annotate(root, tmp_path / "out") == 1
    assert "not what LeRobot writes" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        {"features": 3}, {"features": {KEY: {}}}, {"fps": "many"}, {"video_path": "{nothing}"}, {"video_path": "{episode_index"},
        {"chunks_size": 0},
    ],
)  # fmt: skip
def test_a_damaged_description_is_named(change: dict[str, object], tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "set", "v2.1", False)
    path = root / "meta" / "info.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(LeRobotError, match=r"set.*LeRobot|no table"):
        data = LeRobotDataset.read(root)
        data.clips(data.camera_key(None), tmp_path)
