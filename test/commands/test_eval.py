"""``handmesh eval`` on a tiny set in FreiHAND's layout: table, JSON and plot."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.crop_folder import made_up_labels, write_crops
from support.paths import REPO
from support.tiny_mesh_network import open_hand, write_tiny_mesh_network

from handmesh_ros.cli import main


@pytest.fixture
def freihand(tmp_path: Path) -> Path:
    folder = tmp_path / "FreiHAND"
    (folder / "evaluation" / "rgb").mkdir(parents=True)
    joints = open_hand() + [0.0, 0.06, 0.6]  # its middle on the optical axis
    K = [[480.0, 0, 112], [0, 480, 112], [0, 0, 1]]
    for index in range(2):
        cv2.imwrite(str(folder / "evaluation" / "rgb" / f"{index:08d}.jpg"), np.full((224, 224, 3), 128, np.uint8))
    vertices = joints[[0, 5, 9, 17]]
    for name, value in (("K", K), ("xyz", joints.tolist()), ("verts", vertices.tolist())):
        (folder / f"evaluation_{name}.json").write_text(json.dumps([value, value]))
    return folder


def test_table_json_and_plot(freihand: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, plot = write_tiny_mesh_network(tmp_path / "tiny.onnx"), tmp_path / "pck.png"
    arguments = ["eval", "freihand", str(freihand), "--model", str(model)]
    assert main([*arguments, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["samples"] == 2
    # The network answers this very hand; only the small turn of its crop's viewing ray is left.
    assert figures["PA-MPJPE mm"] < 0.01 and figures["PA-MPVPE mm"] < 0.01
    assert figures["F@5 mm"] == 1.0
    assert figures["MPJPE mm"] < 6
    assert main([*arguments, "--quiet", "--plot", str(plot)]) == 0
    printed = capsys.readouterr().out
    assert "PA-MPJPE mm" in printed and "MobRecon, GhostStack" in printed
    assert cv2.imread(str(plot)) is not None


def test_an_empty_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_tiny_mesh_network(tmp_path / "tiny.onnx")
    assert main(["eval", "freihand", str(tmp_path), "--model", str(model)]) == 1
    assert str(tmp_path) in capsys.readouterr().err


def test_two_networks_on_a_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = cv2.VideoCapture(str(REPO / "config" / "demo" / "demo.mp4"))
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(8):
        ok, frame = video.read()
        assert ok
        cv2.imwrite(str(frames / f"{index}.png"), frame)
    blind = write_tiny_mesh_network(tmp_path / "blind.onnx", score=0.0)
    assert main(["eval", "video", str(frames), "--model", str(blind), "--against", "lifted"]) == 0
    printed = capsys.readouterr().out
    rows = {line[:40].strip(): line[40:].split() for line in printed.splitlines()}
    assert rows["frames with a hand"] == ["0", "8"]
    assert "frames lost that lifted keeps: 8 (0, 1, 2, 3, 4, 5, 6, 7)" in printed
    assert float(rows["joints' acceleration, mm a frame^2"][1]) > 0


def test_false_alarms_of_two_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    room = tmp_path / "room.png"
    cv2.imwrite(str(room), np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8))
    eager = write_tiny_mesh_network(tmp_path / "eager.onnx", score=0.55)
    careful = write_tiny_mesh_network(tmp_path / "careful.onnx", score=0.1)
    assert main(["eval", "nohands", str(room), "--model", str(eager), "--against", str(careful)]) == 0
    printed = capsys.readouterr().out
    assert "20 crops without a hand" in printed
    rows = {line[:24].strip(): line.split()[-2:] for line in printed.splitlines()}
    assert rows["would carry a track on"] == ["100.0%", "0.0%"]
    assert rows["would begin a track (s"] == ["0.0%", "0.0%"]
    assert main(["eval", "nohands", str(tmp_path / "nowhere"), "--model", str(eager), "--against", str(careful)]) == 1
    assert "nowhere" in capsys.readouterr().err


def test_sources_belong_to_crops(freihand: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_tiny_mesh_network(tmp_path / "tiny.onnx")
    assert main(["eval", "freihand", str(freihand), "--source", "subhi", "--model", str(model)]) == 1
    assert "only data sets of kind 'crops' have sources" in capsys.readouterr().err


def write_people(shared: Path, *, second_opinion: bool) -> None:
    """One crop of each source that is left out, and one of another."""
    people = {"real_hands": ["subhi"], "real_hands_more": ["others"], "real_hands_wide": ["intel_asl", "shikha", "golf"]}
    rng = np.random.default_rng(0)
    for folder, sources in people.items():
        labels = made_up_labels(len(sources)) | {"source": np.arange(len(sources)), "source_names": np.array(sources)}
        looks = np.concatenate([labels["uv"], rng.normal(0, 5, (len(sources), 21, 1))], axis=2)
        write_crops(shared / folder, labels | ({"landmarks_2020": looks, "landmarks_2020_mirror": looks} if second_opinion else {}))


def test_networks_on_left_out_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for folder, sources in (
        ("real_hands", ["subhi"]),
        ("real_hands_more", ["others"]),
        ("real_hands_wide", ["intel_asl", "shikha", "golf"]),
    ):
        labels = made_up_labels(len(sources)) | {"source": np.arange(len(sources)), "source_names": np.array(sources)}
        looks = np.concatenate([labels["uv"], rng.normal(0, 5, (len(sources), 21, 1))], axis=2)
        write_crops(tmp_path / folder, labels | {"landmarks_2020": looks, "landmarks_2020_mirror": looks})
    (tmp_path / "negatives").mkdir()
    cv2.imwrite(str(tmp_path / "negatives" / "0.jpg"), np.full((64, 64, 3), 90, np.uint8))
    tiny, sheets = write_tiny_mesh_network(tmp_path / "tiny.onnx"), tmp_path / "sheets"
    arguments = ["eval", "people", str(tmp_path), "--models", str(tiny)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "4 hands of left-out people" in printed and "golf (1)" in printed and "others" not in printed
    assert main([*arguments, "--json", "--sheets", str(sheets)]) == 0
    found = json.loads(capsys.readouterr().out)["figures"]
    assert list(found) == ["tiny", "MediaPipe"]
    assert found["tiny"]["side right, %"]["all sources alike"] == 50
    assert found["MediaPipe"]["pictures without a hand, none found, %"] == {"negatives/*.jpg": 100}
    assert sorted(path.name for path in sheets.iterdir()) == [f"tiny_{name}.png" for name in ("golf", "intel_asl", "shikha", "subhi")]


def test_models_of_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_people(tmp_path, second_opinion=True)
    (tmp_path / "other").mkdir()
    models = [str(write_tiny_mesh_network(folder / "tiny.onnx")) for folder in (tmp_path, tmp_path / "other")]
    assert main(["eval", "people", str(tmp_path), "--models", *models]) == 1
    assert "several models are called tiny" in capsys.readouterr().err


def test_labels_without_the_second_opinion_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_people(tmp_path, second_opinion=False)
    assert main(["eval", "people", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "python -m handmesh_training.labels.opinions" in message and "give that file as opinions" in message


def test_both_hands_on_one_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    (clips / "demo.mp4").symlink_to(REPO / "config" / "demo" / "demo.mp4")
    tiny = write_tiny_mesh_network(tmp_path / "tiny.onnx", score=0.0)
    assert main(["eval", "sides", str(clips), "--models", str(tiny)]) == 0
    assert "0 of 0, 0.00 s" in capsys.readouterr().out
    assert main(["eval", "sides", str(tmp_path), "--models", str(tiny)]) == 1
    assert "no clips" in capsys.readouterr().err
