"""The 2020 network's opinion beside labels of the old format: what is added, and that labels are never mixed without a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.crop_folder import SIDE, made_up_labels, write_crops
from support.paths import SHARED, needs_shared

from handmesh_ros.evaluation.datasets import DatasetError
from handmesh_ros.perception.crop import CropRegion
from handmesh_ros.provision import ModelError
from handmesh_training.labels.crops import RealCrops, load_real_crops
from handmesh_training.labels.network_2020 import FILE_IN_SHARED, Network2020
from handmesh_training.labels.opinions import Opinions, add_opinions, fused_joints, main


def with_2020(labels: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    looks = np.concatenate([labels["uv"], labels["z"][..., None]], axis=-1)
    return labels | {"landmarks_2020": looks, "landmarks_2020_mirror": looks + np.float32([1, 0, 0])}


def old_crops(folder: Path, count: int = 3) -> RealCrops:
    write_crops(folder / "old", made_up_labels(count))
    return load_real_crops(folder, folders=["old"])


def test_labels_that_hold_the_opinion_need_no_file(tmp_path: Path) -> None:
    labels = with_2020(made_up_labels(4))
    write_crops(tmp_path / "new", labels)
    crops = load_real_crops(tmp_path, folders=["new"])
    np.testing.assert_allclose(crops.looks_2020[:, 1], labels["landmarks_2020_mirror"])
    assert fused_joints(crops).joints.shape == (4, 21, 3)


def test_a_folder_of_the_old_format_is_named_with_the_command_that_mends_it(tmp_path: Path) -> None:
    write_crops(tmp_path / "new", with_2020(made_up_labels(2)))
    old_crops(tmp_path)
    crops = load_real_crops(tmp_path, folders=["new", "old"])
    with pytest.raises(DatasetError, match=r"3 crops of old lack .*'python -m handmesh_training.labels.opinions --folders old --out"):
        fused_joints(crops)


def test_the_file_adds_what_labels_lack(tmp_path: Path) -> None:
    crops, path = old_crops(tmp_path), tmp_path / "runs" / "opinions.npz"
    looks = np.random.default_rng(0).uniform(0, SIDE, (3, 2, 21, 3))
    with pytest.raises(DatasetError, match=r"opinions.npz: missing; 'python -m handmesh_training.labels.opinions --out"):
        fused_joints(crops, path)
    Opinions(crops.names[::-1], crops.keypoints[::-1], looks[::-1]).write(path)
    assert np.isfinite(fused_joints(crops, path).joints).all()
    Opinions(crops.names[:2], crops.keypoints[:2], looks[:2]).write(path)
    with pytest.raises(DatasetError, match="1 crops of old lack"):
        fused_joints(crops, path)


def test_opinions_of_other_labels_are_refused(tmp_path: Path) -> None:
    crops, path = old_crops(tmp_path), tmp_path / "opinions.npz"
    Opinions(crops.names, crops.keypoints + [0.5, 0], np.zeros((3, 2, 21, 3))).write(path)
    with pytest.raises(DatasetError, match=r"opinions.npz: was made when old/someone/00000.jpg had other labels; delete it"):
        fused_joints(crops, path)
    Opinions(crops.names, crops.keypoints, np.zeros((3, 21, 3))).write(path)
    with pytest.raises(DatasetError, match=r"opinions.npz: not a file of opinions \(shapes"):
        fused_joints(crops, path)
    path.write_bytes(b"PK\x03\x04 half a file")
    with pytest.raises(DatasetError, match=r"opinions.npz: not a file of opinions"):
        fused_joints(crops, path)


def test_the_missing_network_says_where_it_is_to_be_had(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old_crops(tmp_path)
    assert main(["--shared", str(tmp_path), "--folders", "old", "--out", str(tmp_path / "opinions.npz")]) == 1
    message = capsys.readouterr().err
    assert f"{tmp_path / FILE_IN_SHARED}: MediaPipe's landmark network of 2020 is missing" in message
    assert "npm pack @mediapipe/hands@0.1.1606863095" in message
    (tmp_path / "another.tflite").write_bytes(b"another network")
    with pytest.raises(ModelError, match=r"another.tflite: not MediaPipe's landmark network of 2020"):
        Network2020(tmp_path / "another.tflite")


@needs_shared
def test_looks_are_mapped_back(tmp_path: Path) -> None:
    """The mirror image of a picture gives the mirrored landmarks in the other order, and a turned region the same ones."""
    network = Network2020(SHARED / FILE_IN_SHARED)
    crops = load_real_crops(SHARED, sources=["golf"], folders=["real_hands_wide"]).take(np.arange(1))
    picture, side = crops.read_picture(0), int(crops.side[0])
    middle, size = np.full(2, (side - 1) / 2), 1.1 * side
    seen = network.looks(picture, CropRegion(middle, size))
    hand = float(crops.hand_size[0])
    assert np.linalg.norm(seen[..., :2] - crops.keypoints[0], axis=-1).mean() < 0.06 * hand
    flipped = network.looks(np.ascontiguousarray(picture[:, ::-1]), CropRegion(middle, size))[::-1]
    flipped[..., 0] = side - flipped[..., 0]
    np.testing.assert_allclose(flipped, seen, atol=0.02 * hand)
    turned = network.looks(picture, CropRegion(middle, size, angle=0.1))
    assert np.linalg.norm(turned[..., :2] - seen[..., :2], axis=-1).mean() < 0.04 * hand


@needs_shared
def test_a_run_adds_to_the_file_and_looks_at_nothing_twice(tmp_path: Path) -> None:
    network, path = Network2020(SHARED / FILE_IN_SHARED), tmp_path / "opinions.npz"
    first, second = (load_real_crops(SHARED, sources=[name], folders=["real_hands_wide"]).take(np.arange(2)) for name in ("golf", "vmouse"))
    add_opinions(first, network, path)
    before = Opinions.read(path)
    add_opinions(first, network, path)
    add_opinions(second, network, path)
    after = Opinions.read(path)
    assert after.names.tolist() == [*first.names, *second.names]
    np.testing.assert_array_equal(after.looks[:2], before.looks)
    assert np.abs(after.looks[..., :2].mean(1) - after.keypoints).mean() < 0.06 * first.hand_size.mean()
