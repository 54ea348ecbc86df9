"""Frames out of recordings that rosbags wrote: each storage and kind of image, and everything that can be wrong with a recording."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs rosbags and mcap (pip install '.[bags]')")

from support.bags import BEGIN_NS, PERIOD_NS, write_bag

from handmesh_ros.bench.fuzz.mutations import damaged
from handmesh_ros.perception.camera import Camera
from handmesh_ros.recordings.bag_source import BagSource
from handmesh_ros.recordings.recognition import is_bag
from handmesh_ros.sources import SourceError

CAMERA = Camera.from_hfov(64, 48, 70)
FRAMES = [np.full((48, 64, 3), value, np.uint8) for value in range(10, 70)]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("compressed", [False, True])
def test_pictures_stamps_calibration_and_transforms_come_out_as_they_went_in(tmp_path: Path, storage: str, compressed: bool) -> None:
    folder = write_bag(tmp_path / "bag", FRAMES[:5], CAMERA, storage, compressed)
    source = BagSource(folder, "/camera/image_raw")
    frames = list(source)
    assert is_bag(folder) and source.frame_count == 5 and source.rate == pytest.approx(1e9 / PERIOD_NS, rel=0.01)
    assert [frame.number for frame in frames] == list(range(5)) and source.left_out == []
    assert [frame.stamp_s for frame in frames] == pytest.approx([1e-9 * (BEGIN_NS + k * PERIOD_NS) for k in range(5)], abs=1e-6)
    for frame, expected in zip(frames, FRAMES, strict=False):
        np.testing.assert_array_equal(frame.rgb, expected)
        assert frame.camera is not None and frame.frame_id == "camera_link"
        np.testing.assert_allclose(frame.camera.K, CAMERA.K)
    assert [[message.topic for message in frame.transforms] for frame in frames] == [["/tf_static", "/tf"], *[["/tf"]] * 4]
    source.close()


def test_a_single_file_is_a_recording_too_and_its_only_camera_needs_no_name(tmp_path: Path) -> None:
    (file,) = write_bag(tmp_path / "bag", FRAMES[:3], CAMERA, "sqlite3").glob("*.db3")
    assert is_bag(file) and len(list(BagSource(file))) == 3


@pytest.mark.parametrize("topic", ["/camera/color", None])
def test_a_topic_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path, topic: str | None) -> None:
    folder = write_bag(tmp_path / "bag", FRAMES[:2], topic="/a/image_raw", other_topics=["/chatter"])
    if topic is None:
        assert BagSource(folder).topic == "/a/image_raw"
        return
    with pytest.raises(SourceError, match=r"no topic /camera/color.*(?s:.)*/a/image_raw  sensor_msgs/msg/Image  2 messages"):
        BagSource(folder, topic)
    with pytest.raises(SourceError, match="/chatter has messages of type std_msgs/msg/String"):
        BagSource(folder, "chatter")


def test_without_calibration_frames_have_no_camera_and_the_source_says_why(tmp_path: Path) -> None:
    source = BagSource(write_bag(tmp_path / "bag", FRAMES[:2]))
    assert [frame.camera for frame in source] == [None, None]
    assert source.uncalibrated == "the recording has no /camera/camera_info"


def test_frames_of_another_size_than_the_calibration_s_are_left_out_and_named(tmp_path: Path) -> None:
    small = np.zeros((24, 32, 3), np.uint8)
    source = BagSource(write_bag(tmp_path / "bag", [FRAMES[0], small, FRAMES[2]], CAMERA))
    assert [frame.number for frame in source] == [0, 2]
    (left_out,) = source.left_out
    assert left_out.what == "frame 1" and "32 x 24" in left_out.why and "another resolution" in left_out.why


def test_sizes_may_change_where_no_calibration_says_otherwise(tmp_path: Path) -> None:
    source = BagSource(write_bag(tmp_path / "bag", [FRAMES[0], np.zeros((24, 32, 3), np.uint8)]))
    assert [frame.rgb.shape for frame in source] == [(48, 64, 3), (24, 32, 3)]


def test_frames_that_come_twice_or_late_are_left_out_as_the_node_leaves_them_out(tmp_path: Path) -> None:
    stamps = [BEGIN_NS, BEGIN_NS + 2 * PERIOD_NS, BEGIN_NS + PERIOD_NS, BEGIN_NS + 2 * PERIOD_NS, BEGIN_NS + 3 * PERIOD_NS]
    source = BagSource(write_bag(tmp_path / "bag", FRAMES[:5], CAMERA, stamps_ns=stamps))
    assert [frame.number for frame in source] == [0, 1, 4]
    assert ["after a newer one" in why or "same stamp" in why for _, why in source.left_out] == [True, True]


def test_a_recording_that_was_never_finished_is_read_up_to_the_break(tmp_path: Path) -> None:
    noise = list(np.random.default_rng(0).integers(0, 255, (60, 120, 160, 3), np.uint8))
    (whole,) = write_bag(tmp_path / "bag", noise, Camera.from_hfov(160, 120, 70)).glob("*.mcap")
    for share, name in ((0.6, "half.mcap"), (0.99, "nearly.mcap")):
        broken = tmp_path / name
        broken.write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
        source = BagSource(broken)
        frames = list(source)
        assert 0 < len(frames) <= 60 and source.frame_count == len(frames)
        np.testing.assert_array_equal(frames[-1].rgb, noise[len(frames) - 1])
        assert source.left_out[-1].what == f"what comes after frame {len(frames) - 1}" and name in source.left_out[-1].why


def test_a_folder_without_its_metadata_is_read_piece_by_piece(tmp_path: Path) -> None:
    folder = write_bag(tmp_path / "bag", FRAMES[:3], CAMERA)
    (folder / "metadata.yaml").unlink()
    source = BagSource(folder)
    assert is_bag(folder) and len(list(source)) == 3 and "metadata" in source.left_out[-1].why


def test_what_is_no_recording_is_refused_with_the_reason(tmp_path: Path) -> None:
    for name, content, reason in (
        ("empty.mcap", b"", "empty"),
        ("text.mcap", b"hello" * 99, "no message can be read"),
        ("text.db3", b"hello" * 99, "text.db3"),
        ("old.bag", b"#ROSBAG V2.0", "rosbags-convert"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(SourceError, match=reason):
            BagSource(path)
    folder = write_bag(tmp_path / "bag", FRAMES[:2])
    (file,) = folder.glob("*.mcap")
    shutil.move(file, tmp_path / "elsewhere.mcap")
    with pytest.raises(SourceError, match="missing"):
        BagSource(folder)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_recording_is_read_in_part_or_refused(storage: str, tmp_path: Path) -> None:
    (file,) = (path for path in write_bag(tmp_path / "bag", FRAMES[:2], CAMERA, storage).iterdir() if path.suffix in (".mcap", ".db3"))
    content, path = file.read_bytes(), tmp_path / f"alone{file.suffix}"
    refused = 0
    for number in range(40):  # random, but the same ones each time: most raised errors of six kinds
        path.write_bytes(damaged(content, np.random.default_rng(number)))
        try:
            list(BagSource(path, "/camera/image_raw"))
        except SourceError as error:
            assert path.name in str(error)
            refused += 1
    assert refused
