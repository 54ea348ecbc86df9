"""The readers, on tiny made-up sets in the official layouts."""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from handmesh_ros.evaluation.datasets import MANO_TO_OURS, DatasetError, read_dataset, read_plain_pickle
from handmesh_ros.hand import Side

K = np.array([[500.0, 0, 112], [0, 500, 112], [0, 0, 1]])
JOINTS = np.random.default_rng(1).uniform(-0.1, 0.1, (21, 3)) + [0, 0, 0.6]


def write_picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = np.zeros((224, 224, 3), np.uint8)
    picture[..., 2] = 200  # red
    cv2.imwrite(str(path), picture)


def write_freihand(folder: Path) -> None:
    write_picture(folder / "evaluation/rgb/00000000.jpg")
    for name, value in (("K", K), ("xyz", JOINTS), ("verts", np.zeros((778, 3)))):
        (folder / f"evaluation_{name}.json").write_text(json.dumps([value.tolist()]))


def test_freihand(tmp_path: Path) -> None:
    write_freihand(tmp_path)
    (sample,) = read_dataset("freihand", tmp_path)
    np.testing.assert_allclose(sample.joints, JOINTS)
    np.testing.assert_allclose(sample.keypoints[3], 500 * JOINTS[3, :2] / JOINTS[3, 2] + 112)
    assert sample.vertices is not None and sample.vertices.shape == (778, 3)
    red, green, blue = sample.read_picture()[100, 100]
    assert red > 150 and green < 50 and blue < 50


def test_freihand_with_unequal_lists_is_refused(tmp_path: Path) -> None:
    write_freihand(tmp_path)
    (tmp_path / "evaluation_xyz.json").write_text("[]")
    with pytest.raises(DatasetError, match="1, 0 and 1"):
        list(read_dataset("freihand", tmp_path))


def test_ho3d_is_turned_and_reordered(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("ABC/0001\nABC/0002\n")
    write_picture(tmp_path / "train/ABC/rgb/0001.png")
    meta = tmp_path / "train/ABC/meta"
    meta.mkdir(parents=True)
    mano = np.empty((21, 3))
    mano[list(MANO_TO_OURS)] = JOINTS * (1, -1, -1)
    (meta / "0001.pkl").write_bytes(pickle.dumps({"handJoints3D": mano, "camMat": K}))
    (meta / "0002.pkl").write_bytes(pickle.dumps({"handJoints3D": None, "camMat": K}))
    (sample,) = read_dataset("ho3d", tmp_path)
    np.testing.assert_allclose(sample.joints, JOINTS)
    assert sample.path.name == "0001.png"


def test_crops(tmp_path: Path) -> None:
    write_picture(tmp_path / "a/0.jpg")
    uv = np.zeros((2, 21, 2), np.float32)
    np.savez(tmp_path / "labels.npz", names=["a/0.jpg", "a/1.jpg"], uv=uv, right=[0.9, 0.1], source=[0, 0], source_names=["a"])
    first, second = read_dataset("crops", tmp_path)
    assert (first.side, second.side) == (Side.RIGHT, Side.LEFT)
    with pytest.raises(DatasetError, match=r"1\.jpg"):
        second.read_picture()


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return (print, ("boo",))

    (tmp_path / "evil.pkl").write_bytes(pickle.dumps({"handJoints3D": Evil()}))
    with pytest.raises(DatasetError, match="print"):
        read_plain_pickle(tmp_path / "evil.pkl")


@pytest.mark.parametrize("kind", ["freihand", "ho3d", "crops"])
def test_another_folder_is_named(kind: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=str(tmp_path)):
        list(read_dataset(kind, tmp_path))


def test_unknown_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="'coco'"):
        read_dataset("coco", tmp_path)


@pytest.mark.parametrize("labels", ['[[["a", 1, 2]]]', "[[[1, 2], [3]]]", "[null]", f"[[{10**400}]]"])
def test_freihand_with_labels_that_are_none_is_refused(labels: str, tmp_path: Path) -> None:
    write_freihand(tmp_path)
    (tmp_path / "evaluation_xyz.json").write_text(labels)
    with pytest.raises(DatasetError, match="sample 0"):
        list(read_dataset("freihand", tmp_path))
