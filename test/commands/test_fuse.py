"""``handmesh fuse`` on what two cameras recorded, and what it says of wrong input."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from support.two_cameras import NAMES, hand_at, place_beside, two_views
from transforms3d.quaternions import mat2quat

from handmesh_ros.cli import main
from handmesh_ros.records import frame_record

LARGER = 1.06


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two_cameras")
    places = {name: place_beside(degrees) for name, degrees in zip(NAMES, (0.0, 50.0), strict=True)}
    lines: dict[str, list[str]] = defaultdict(list)
    for name, stamp_s, hand, _ in two_views(places, 30, np.random.default_rng(4), LARGER):
        lines[name].append(json.dumps(frame_record(len(lines[name]), stamp_s, [hand])))
    for name in NAMES:
        (folder / f"{name}.jsonl").write_text("\n".join(lines[name]) + "\n")
    cameras = {}
    for name, place in places.items():
        w, x, y, z = mat2quat(place.rotation).tolist()
        cameras[name] = {"translation": place.position.tolist(), "rotation": [x, y, z, w]}
    (folder / "cameras.yaml").write_text(json.dumps({"frame": "table", "cameras": cameras}))  # JSON is YAML
    return folder


def arguments(folder: Path, out: Path, *changed: str) -> list[str]:
    return ["fuse", str(folder / "cameras.yaml"), *(changed or [f"{name}={folder / name}.jsonl" for name in NAMES]), "--out", str(out)]


def test_two_recordings(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "fused.jsonl"
    assert main(arguments(folder, out)) == 0
    frames = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(frames) >= 28 and [frame["frame"] for frame in frames] == list(range(len(frames)))
    for frame in frames[5:]:
        (hand,) = frame["hands"]
        assert frame["frame_id"] == "table" and hand["cameras"] == list(NAMES) and hand["track_id"] == 1 and "keypoints" not in hand
        assert np.abs(np.array(hand["joints"]) - hand_at(frame["stamp"], LARGER)).max() < 0.02
    printed = capsys.readouterr().out
    assert "a hand seen by several cameras in" in printed and "disagreement" not in printed


def test_a_camera_that_was_moved_is_told_of(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    setup = json.loads((folder / "cameras.yaml").read_text())
    setup["cameras"][NAMES[1]]["translation"][1] += 0.05
    (tmp_path / "cameras.yaml").write_text(json.dumps(setup))
    hands = [f"{name}={folder / name}.jsonl" for name in NAMES]
    assert main(arguments(tmp_path, tmp_path / "fused.jsonl", *hands)) == 0
    assert "front and aside see the right hand 6 cm" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("hands", "told"),
    [
        (["front=front.jsonl"], "one camera alone"),
        (["front=front.jsonl", "above=aside.jsonl"], "extrinsics of camera above are missing; there are those of front, aside"),
        (["front=front.jsonl", "front=aside.jsonl"], "given twice"),
        (["front.jsonl", "aside=aside.jsonl"], "NAME=HANDS.jsonl"),
        (["front=front.jsonl", "aside=nowhere.jsonl"], "nowhere.jsonl"),
        (["front=front.jsonl", "aside=cameras.yaml"], "no frame as this version's handmesh run"),
        (["front=front.jsonl", "aside=later.jsonl"], "the cameras' stamps never meet (front 0.000 to 0.967 s, aside 100.011"),
        (["front=front.jsonl", "aside=guessed.jsonl"], "hands of aside have no metric scale"),
        (["front=front.jsonl", "aside=old.jsonl"], "there is no 'position_covariance' in it"),
    ],
)
def test_wrong_input_is_named(folder: Path, tmp_path: Path, hands: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = [json.loads(line) for line in (folder / "aside.jsonl").read_text().splitlines()]

    def write(name: str, change: object) -> None:
        lines = [
            json.dumps(record | {"stamp": record["stamp"] + 100.0} if change is None else _changed(record, change)) for record in recorded
        ]
        (folder / name).write_text("\n".join(lines))

    write("later.jsonl", None)
    write("guessed.jsonl", {"metric": False})
    write("old.jsonl", {"position_covariance"})
    given = [f"{name}={folder / path}" if equals else name for name, equals, path in (text.partition("=") for text in hands)]
    out = tmp_path / "fused.jsonl"
    assert main(arguments(folder, out, *given)) == 1
    assert told in capsys.readouterr().err
    assert not out.exists()


def _changed(record: dict, change: object) -> dict:
    hands = [hand | change if isinstance(change, dict) else {k: v for k, v in hand.items() if k not in change} for hand in record["hands"]]
    return record | {"hands": hands}


def test_an_input_is_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "front.jsonl").read_bytes()
    assert main(arguments(folder, folder / "front.jsonl")) == 1
    assert "would overwrite the input" in capsys.readouterr().err and (folder / "front.jsonl").read_bytes() == before
