"""Pictures without hands: what is read, and that nothing broken gets in."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.paths import SHARED, needs_shared

from handmesh_ros.evaluation.datasets import DatasetError
from handmesh_training.labels.negatives import read_negatives


def write_folder(folder: Path) -> None:
    for number, (height, width) in enumerate([(40, 40), (80, 80)]):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((height, width, 3), (10, 20, 200), np.uint8))
    listed = [{"name": "0.png", "source": "lego"}, {"name": "1.png", "source": "intel_asl"}]
    (folder / "negatives.json").write_text(json.dumps(listed))


def test_pictures_come_at_the_side_that_is_asked_for(tmp_path: Path) -> None:
    write_folder(tmp_path)
    negatives = read_negatives(tmp_path, 64)
    assert negatives.pictures.shape == (2, 64, 64, 3)
    assert (negatives.pictures == (200, 20, 10)).all()  # RGB
    assert negatives.names.tolist() == ["0.png", "1.png"]
    assert negatives.validation.tolist() == [False, True]


def test_what_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"negatives.json: missing"):
        read_negatives(tmp_path, 64)
    write_folder(tmp_path)
    (tmp_path / "0.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"0.png: a picture that negatives.json lists cannot be read"):
        read_negatives(tmp_path, 64)
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((40, 50, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"0.png: 50x40 pixels, must be square"):
        read_negatives(tmp_path, 64)
    (tmp_path / "negatives.json").write_text('[{"name": "0.png"}]')
    with pytest.raises(DatasetError, match=r"negatives.json: not a list of pictures with 'name' and 'source'"):
        read_negatives(tmp_path, 64)
    (tmp_path / "negatives.json").write_text("[]")
    with pytest.raises(DatasetError, match=r"negatives.json: lists no picture"):
        read_negatives(tmp_path, 64)


@needs_shared
def test_the_shared_pictures_are_whole() -> None:
    negatives = read_negatives(SHARED / "negatives", 16)
    assert negatives.pictures.shape == (393, 16, 16, 3)
    assert negatives.validation.sum() == 40
