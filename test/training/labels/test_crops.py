"""Folders of real crops: what is read, and that nothing broken gets in or is lost without a word."""

from pathlib import Path

import numpy as np
import pytest
from support.crop_folder import SIDE, made_up_labels, write_crops
from support.paths import SHARED, needs_shared

from handmesh_ros.evaluation.datasets import DatasetError
from handmesh_training.labels.crops import VALIDATION_SOURCES, load_real_crops


def test_two_looks_become_one_opinion_with_its_doubt(tmp_path: Path) -> None:
    labels = made_up_labels(3, right=0.2)
    write_crops(tmp_path / "mine", labels)
    crops = load_real_crops(tmp_path, folders=["mine"])
    assert list(crops.names) == [f"mine/someone/{row:05d}.jpg" for row in range(3)]
    np.testing.assert_allclose(crops.keypoints, labels["uv"] + [1, 0], atol=1e-5)
    np.testing.assert_allclose(crops.keypoint_gap, 2, atol=1e-5)
    np.testing.assert_allclose(crops.world_looks[:, 1], labels["world_mirror"])
    assert crops.lacks_2020.all()
    assert crops.is_left.all()
    assert not crops.validation.any()
    assert crops.read_picture(1).shape == (SIDE, SIDE, 3)
    np.testing.assert_allclose(crops.hand_size, np.ptp(labels["uv"], axis=1).max(1), atol=1e-5)


def test_folders_join_and_sources_are_chosen_by_name(tmp_path: Path) -> None:
    write_crops(tmp_path / "one", made_up_labels(3))
    other = made_up_labels(4) | {"source": np.array([0, 1, 1, 1]), "source_names": np.array(["somebody", "someone_else"])}
    write_crops(tmp_path / "elsewhere" / "two", other)
    folders = ["one", tmp_path / "elsewhere" / "two"]
    assert sorted(load_real_crops(tmp_path, folders=folders).source.tolist()) == ["somebody"] + ["someone"] * 3 + ["someone_else"] * 3
    assert set(load_real_crops(tmp_path, leave_out=["someone"], folders=folders).source.tolist()) == {"somebody", "someone_else"}
    chosen = load_real_crops(tmp_path, sources=["someone_else"], folders=folders)
    assert list(chosen.names) == [f"two/someone/{row:05d}.jpg" for row in (1, 2, 3)]
    assert chosen.read_picture(2).shape == (SIDE, SIDE, 3)
    with pytest.raises(DatasetError, match=r"there is no source nobody; there are somebody, someone, someone_else"):
        load_real_crops(tmp_path, leave_out=["nobody"], folders=folders)
    with pytest.raises(DatasetError, match="no crop is left"):
        load_real_crops(tmp_path, sources=["someone"], leave_out=["someone"], folders=folders)


def test_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    for parent in ("here", "there"):
        write_crops(tmp_path / parent / "mine", made_up_labels(1))
    with pytest.raises(DatasetError, match="several folders of crops called mine"):
        load_real_crops(tmp_path, folders=["here/mine", "there/mine"])


@pytest.mark.parametrize("field", ["uv", "uv_mirror", "world", "right", "content", "stability", "mirror_gap"])
def test_labels_that_are_not_finite_are_skipped_named_and_counted(tmp_path: Path, field: str) -> None:
    labels = made_up_labels(4)
    labels[field][2] = np.nan
    write_crops(tmp_path / "mine", labels)
    (tmp_path / "mine" / "someone" / "00000.jpg").unlink()
    with pytest.warns(UserWarning, match=r"2 real crops are skipped, the first is .*00000.jpg: missing"):
        crops = load_real_crops(tmp_path, folders=["mine"])
    assert list(crops.names) == ["mine/someone/00001.jpg", "mine/someone/00003.jpg"]
    assert crops.skipped == (
        f"{tmp_path}/mine/someone/00000.jpg: missing",
        f"{tmp_path}/mine/someone/00002.jpg: its labels are not finite",
    )


def test_broken_labels_are_refused_with_their_path(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"mine.labels.npz: missing; give the folder"):
        load_real_crops(tmp_path, folders=["mine"])

    def refused(labels: dict[str, np.ndarray], message: str) -> None:
        write_crops(tmp_path / "mine", labels)
        with pytest.raises(DatasetError, match=rf"mine.labels.npz: {message}"):
            load_real_crops(tmp_path, folders=["mine"])

    labels = made_up_labels(3)
    refused(labels | {"uv": labels["uv"][:, :20]}, r"uv has the shape \(3, 20, 2\), expected \(3, 21, 2\)")
    refused(labels | {"landmarks_2020": labels["uv"]}, r"landmarks_2020 has the shape \(3, 21, 2\), expected \(3, 21, 3\)")
    refused(labels | {"right": labels["right"][:2]}, r"right has the shape \(2,\), expected \(3,\)")
    refused(labels | {"source": np.array([0, 0, 5])}, "source names entry 5 of source_names, which has 1")
    without = {name: value for name, value in labels.items() if name not in ("world", "split")}
    refused(without, "lacks split, world")
    (tmp_path / "mine" / "labels.npz").write_bytes(b"PK\x03\x04 half a file")
    with pytest.raises(DatasetError, match=r"labels.npz: not labels of crops"):
        load_real_crops(tmp_path, folders=["mine"])


def test_pictures_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    write_crops(tmp_path / "mine", made_up_labels(2))
    (tmp_path / "mine" / "someone" / "00000.jpg").write_bytes(b"no picture")
    write_crops(tmp_path / "other", made_up_labels(1) | {"side": np.array([50])})
    with np.load(tmp_path / "other" / "labels.npz") as archive:
        np.savez(tmp_path / "other" / "labels.npz", **{**archive, "side": np.array([SIDE])})
    crops = load_real_crops(tmp_path, folders=["mine", "other"])
    with pytest.raises(DatasetError, match=r"00000.jpg: missing or not a picture"):
        crops.read_picture(0)
    assert crops.read_picture(1).shape == (SIDE, SIDE, 3)
    with pytest.raises(DatasetError, match=r"other.someone.00000.jpg: 50x50 pixels, its labels say 64x64"):
        crops.read_picture(2)


def test_whole_sources_are_for_validation(tmp_path: Path) -> None:
    names = np.array(["someone", "golf"])
    write_crops(tmp_path / "mine", made_up_labels(3) | {"source": np.array([0, 1, 0]), "source_names": names, "split": np.array([0, 0, 1])})
    assert load_real_crops(tmp_path, folders=["mine"]).validation.tolist() == [False, True, True]


@needs_shared
def test_the_shared_crops_are_whole() -> None:
    crops = load_real_crops(SHARED)
    assert len(crops) == 4687 + 562 + 4721
    assert crops.skipped == ()
    left_out = np.isin(crops.source, VALIDATION_SOURCES)
    assert left_out.sum() == 1194 + 648
    assert crops.validation[left_out].all()
    assert crops.validation[~left_out].sum() == 529 - 122  # 122 of subhi
    assert 0.2 < crops.is_left.mean() < 0.4
    # The hand takes half of the picture.
    assert np.abs(crops.hand_size / crops.side - 0.5).max() < 0.1
    for row in range(0, len(crops), 500):
        assert crops.read_picture(row).shape == (crops.side[row], crops.side[row], 3)
