"""Recordings of ROS with hands in them: everything that was there is there as it was, and the hands are those of ``handmesh run``."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs rosbags and mcap (pip install '.[bags]')")

from mcap.reader import make_reader
from rosbags.highlevel import AnyReader
from support.bags import write_bag
from support.lerobot_sets import clip_frames
from support.paths import REPO

from handmesh_ros.annotation.clips import Clip, Settings, annotate_clip, annotate_row, row_of
from handmesh_ros.cli import main
from handmesh_ros.perception.camera import Camera

CAMERA = Camera.from_yaml(REPO / "config" / "demo" / "demo_camera.yaml")
FRAMES = [frame[..., ::-1].copy() for frame in clip_frames(40, 8)]
ONE_HAND = Settings(max_hands=1)
ADDED = {"/hands", "/hands_raw", "/mesh", "/mesh_faces", "/right/palm_pose", "/right/grasp", "/right/joint_states", "/right/openxr"}
Stored = tuple[Any, ...]


def bag(folder: Path, **kind: Any) -> Path:
    return write_bag(folder, FRAMES, CAMERA, other_topics=["/chatter"], **kind)


def file_of(folder: Path) -> Path:
    (file,) = (path for path in folder.iterdir() if path.suffix != ".yaml")
    return file


def stored(path: Path) -> Counter[Stored]:
    """Everything that an MCAP says of each of its messages."""
    with path.open("rb") as file:
        return Counter(
            (channel.topic, channel.message_encoding, tuple(channel.metadata.items()), schema.name, schema.encoding, schema.data,
             message.log_time, message.publish_time, message.sequence, message.data)
            for schema, channel, message in make_reader(file, validate_crcs=True).iter_messages()
            if schema is not None
        )  # fmt: skip


def by_rosbags(path: Path) -> list[tuple[str, int, Any]]:
    with AnyReader([path]) as reader:
        return [(link.topic, time_ns, reader.deserialize(data, link.msgtype)) for link, time_ns, data in reader.messages()]


def test_a_copy_has_every_message_as_it_was_and_the_hands_of_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording, copy, run = file_of(bag(tmp_path / "bag")), tmp_path / "new" / "copy.mcap", tmp_path / "run.mcap"
    content = recording.read_bytes()
    assert main(["annotate", str(recording), "--topic", "/camera/image_raw", "--out", str(copy), "--max-hands", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["clips"], figures["frames"], figures["failed"], figures["wrote"]) == (1, len(FRAMES), [], [str(copy)])
    assert recording.read_bytes() == content
    before, after = stored(recording), stored(copy)
    assert before - after == Counter(), "each message with its times, number, definition and QoS profiles"
    added = list((after - before).elements())
    assert {topic for topic, *_ in added} == ADDED | {"/tf"}
    arrivals = [time_ns for topic, time_ns, _ in by_rosbags(recording) if topic == "/camera/image_raw"]
    assert sorted({message[6] for message in added}) == arrivals
    assert main(["run", str(recording), "--mcap", str(run), "--max-hands", "1"]) == 0
    ours, theirs = ([message for topic, _, message in by_rosbags(path) if topic == "/hands"] for path in (copy, run))
    assert len(ours) == len(theirs) == len(FRAMES) and sum(len(message.hands) for message in ours) >= 6
    for one, other in zip(ours, theirs, strict=True):
        assert vars(one.header.stamp) == vars(other.header.stamp) and one.header.frame_id == other.header.frame_id == "camera_link"
        for hand, same in zip(one.hands, other.hands, strict=True):
            assert hand.metric and hand.track_id == same.track_id and hand.score == same.score
            np.testing.assert_array_equal([joint.position.z for joint in hand.joints], [joint.position.z for joint in same.joints])


def test_sqlite_becomes_mcap_with_the_definitions(tmp_path: Path) -> None:
    folder, copy = bag(tmp_path / "bag", storage="sqlite3", compressed=True), tmp_path / "copy.mcap"
    result = annotate_clip(Clip(str(folder), str(copy)), ONE_HAND)
    assert result.frames == 8 and not result.uncalibrated and result.account == ""
    with AnyReader([folder]) as reader:
        before = Counter((link.topic, link.msgtype, time_ns, data) for link, time_ns, data in reader.messages())
    with AnyReader([copy]) as reader:
        after = Counter((link.topic, link.msgtype, time_ns, data) for link, time_ns, data in reader.messages())
        assert all(link.msgdef.data for link in reader.connections)
    assert before - after == Counter() and len(list((after - before).elements())) >= 8


def test_what_breaks_off_is_copied_up_to_the_break_and_told(tmp_path: Path) -> None:
    whole = file_of(bag(tmp_path / "bag"))
    broken, copy = tmp_path / "broken.mcap", tmp_path / "copy.mcap"
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    result = annotate_clip(Clip(str(broken), str(copy)), ONE_HAND)
    assert 0 < result.frames < len(FRAMES) and result.left_out == 1
    assert f"what comes after frame {result.frames - 1}" in result.account and "broken.mcap" in result.account
    kept = stored(copy) & stored(whole)
    assert sum(topic == "/camera/image_raw" for topic, *_ in kept) == result.frames


def test_a_folder_has_a_copy_of_each_of_its_recordings_and_a_bad_one_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given, out = tmp_path / "given", tmp_path / "given" / "out"
    bag(given / "morning" / "run1")
    (given / "old.bag").write_bytes(b"#ROSBAG V2.0")
    empty = write_bag(given / "nobody", FRAMES[:1], stamps_ns=[0], topic="/empty/image_raw")
    arguments = ["annotate", str(given), "--out", str(out), "--max-hands", "1", "--processes", "2", "--topic", "/camera/image_raw"]
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert "3 clips, 0 of them done before, 2 failed; 8 frames" in printed.out and "not calibrated" not in printed.out
    assert "rosbags-convert" in printed.err and f"{empty}: there is no topic /camera/image_raw" in printed.err
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*")) == [
        ".annotation", ".annotation/settings.json", "morning/run1.mcap"
    ]  # fmt: skip


def test_nothing_is_overwritten_and_what_is_wrong_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, copy = bag(tmp_path / "bag"), tmp_path / "copy.mcap"
    copy.write_bytes(b"mine")
    for given, out, told in (
        (folder, copy, "copy.mcap: is there already"),
        (file_of(folder), file_of(folder), "is there already"),
        (folder, tmp_path / "out", "give --out a name that ends in .mcap"),
        (REPO / "config" / "demo" / "demo.mp4", tmp_path / "new.mcap", "no ROS recording"),
    ):
        assert main(["annotate", str(given), "--out", str(out)]) == 1
        assert told in capsys.readouterr().err
    assert copy.read_bytes() == b"mine"
    first, twice = tmp_path / "first.mcap", Clip(str(tmp_path / "first.mcap"), str(tmp_path / "twice.mcap"))
    assert annotate_clip(Clip(str(folder), str(first)), ONE_HAND).frames == len(FRAMES)
    assert "has hands already (topic /hands)" in annotate_row(row_of(twice, ONE_HAND))["failure"]
    small = Clip(str(write_bag(tmp_path / "small", [FRAMES[0][::2, ::2]], CAMERA)), str(tmp_path / "small.mcap"))
    assert re.search(r"no frame could be read\n  1 left out, .*another resolution", annotate_row(row_of(small, ONE_HAND))["failure"])
    assert not list(tmp_path.glob("*.part-*")) and not Path(small.out).exists()
