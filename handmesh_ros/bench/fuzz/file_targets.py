"""Every file that the package reads by itself, damaged. TFLite files and wheels are not among them: they are read after their checksum."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from handmesh_ros.bench.fuzz import file_seeds
from handmesh_ros.bench.fuzz.mutations import Damage, damaged, damaged_text
from handmesh_ros.bench.fuzz.trial import FuzzTarget, FuzzTrial, file_trial
from handmesh_ros.files import clip_file, required_file

MOST_FRAMES = 20  # that are read of a damaged film or recording


def _one_file(
    name: str, make_seeds: Callable[[Path], list[bytes]], read: Callable[[Path], Any], damage: Damage
) -> Callable[[Path], FuzzTrial]:
    """Prepares the trial of a file of this name."""
    return lambda folder: file_trial(folder / name, make_seeds(folder), read, damage)


def _camera(path: Path) -> None:
    from handmesh_ros.perception.camera import Camera

    Camera.from_yaml(path)


def _hand_sizes(path: Path) -> None:
    from handmesh_ros.perception.size.hand_size import HandSizes

    HandSizes().load(path)


def _extrinsics(path: Path) -> None:
    from handmesh_ros.fusion.extrinsics import CameraSetup

    CameraSetup.read(path)


def _manifest(path: Path) -> None:
    from handmesh_ros.provision.manifest import read_manifest

    read_manifest(path)


def _picture(path: Path) -> None:
    from handmesh_ros.sources import read_picture

    read_picture(path)


def _film(path: Path) -> None:
    from handmesh_ros.sources import open_source

    with contextlib.closing(open_source(str(path))) as source:
        list(itertools.islice(source, MOST_FRAMES))


def _recording(path: Path) -> None:
    from handmesh_ros.recordings.recognition import open_input

    with contextlib.closing(open_input(str(path), "/camera/image_raw")) as source:
        list(itertools.islice(source, MOST_FRAMES))


def _hands(path: Path) -> None:
    from handmesh_ros.records import read_frames

    list(read_frames(path))


def _truth(path: Path) -> None:
    from handmesh_ros.demo.report import Truth

    Truth.read(path)


def _data_set(kind: str, levels: int = 0) -> Callable[[Path], None]:
    """Reads the data set whose folder lies so many levels above the file's."""

    def read(path: Path) -> None:
        from handmesh_ros.evaluation.datasets import read_dataset

        list(read_dataset(kind, path.parents[levels]))

    return read


def _lerobot(path: Path) -> None:
    from handmesh_ros.annotation.lerobot import LeRobotDataset

    data = LeRobotDataset.read(path.parents[1])
    data.clips(data.camera_key(None), path.parent)


def _freihand(folder: Path) -> FuzzTrial:
    """Its three files, of which one is damaged."""
    for name, shape in (("K", (3, 3)), ("verts", (778, 3))):
        (folder / f"evaluation_{name}.json").write_bytes(file_seeds.freihand_labels(shape))
    return file_trial(folder / "evaluation_xyz.json", [file_seeds.freihand_labels((21, 3))], _data_set("freihand"), damaged_text)


def _ho3d(folder: Path) -> FuzzTrial:
    (folder / "train.txt").write_text("ABF10/0000\n")
    return file_trial(folder / "train" / "ABF10" / "meta" / "0000.pkl", [file_seeds.ho3d_labels()], _data_set("ho3d", 3))


def _lerobot_set(folder: Path) -> FuzzTrial:
    (folder / "meta").mkdir()
    lines = b'{"episode_index": 0, "tasks": ["wave"], "length": 30}\n{"episode_index": 1, "tasks": ["wave"], "length": 30}\n'
    (folder / "meta" / "episodes.jsonl").write_bytes(lines)
    return file_trial(folder / "meta" / "info.json", [file_seeds.lerobot_info()], _lerobot, damaged_text)


def _seeds(*contents: bytes) -> Callable[[Path], list[bytes]]:
    return lambda _: list(contents)


FILE_TARGETS = (
    FuzzTarget("calibration", 6, _one_file(
        "camera.yaml", lambda _: [clip_file("demo_camera.yaml").read_bytes(), file_seeds.FISHEYE], _camera, damaged_text)),
    FuzzTarget("hand sizes", 6, _one_file("sizes.yaml", _seeds(file_seeds.HAND_SIZES), _hand_sizes, damaged_text)),
    FuzzTarget("extrinsics", 6, _one_file("cameras.yaml", _seeds(file_seeds.EXTRINSICS), _extrinsics, damaged_text)),
    FuzzTarget("manifest", 1, _one_file(
        "manifest.yaml", lambda _: [required_file("models/manifest.yaml").read_bytes()], _manifest, damaged_text)),
    FuzzTarget("picture", 8, _one_file("picture.jpg", lambda _: file_seeds.pictures(), _picture, damaged)),
    FuzzTarget("film", 2, _one_file("film.mp4", file_seeds.videos, _film, damaged)),
    FuzzTarget("recording, mcap", 2, _one_file(
        "bag.mcap", lambda folder: [file_seeds.recording(folder, "mcap")], _recording, damaged), ("rosbags", "mcap")),
    FuzzTarget("recording, sqlite3", 2, _one_file(
        "bag.db3", lambda folder: [file_seeds.recording(folder, "sqlite3")], _recording, damaged), ("rosbags", "mcap")),
    FuzzTarget("hands", 6, _one_file("hands.jsonl", _seeds(file_seeds.hands_lines()), _hands, damaged_text)),
    FuzzTarget("truth of the demo", 3, _one_file(
        "truth.npz", lambda _: [clip_file("demo_truth.npz").read_bytes()], _truth, damaged)),
    FuzzTarget("labels of crops", 3, _one_file("labels.npz", _seeds(file_seeds.crop_labels()), _data_set("crops"), damaged)),
    FuzzTarget("labels of FreiHAND", 3, _freihand),
    FuzzTarget("labels of HO3D", 3, _ho3d),
    FuzzTarget("LeRobot data set", 3, _lerobot_set),
)  # fmt: skip
