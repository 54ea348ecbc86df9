"""Validation shows what training never sees, and together they show everything."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from support.paths import SHARED, needs_shared

from handmesh_training.renders.assets import AssetError, load_assets
from handmesh_training.renders.batch import Studio, render_batch
from handmesh_training.renders.sampling import sample_skin
from handmesh_training.renders.split import HELD_OUT_ENVIRONMENTS, HELD_OUT_POSES, in_part, is_held_out

ASSETS = SHARED / "assets"


def test_parts_divide_the_names_without_remainder() -> None:
    names = ["env_forest_3.jpg", "env_park_3.jpg", "lab_7.jpg", "room_25_1.jpg", "room_2_5.jpg", "room_3_152849900907_25.jpg"]
    training, validation = (in_part(part, "background", names) for part in ("training", "validation"))
    assert validation == ["env_forest_3.jpg", "room_25_1.jpg"]
    assert sorted(training + validation) == names == in_part("all", "background", names)
    with pytest.raises(ValueError, match="validation"):
        in_part("test", "pose", ["OK"])  # type: ignore[arg-type]


@needs_shared
def test_the_held_out_things_exist_and_are_as_many_as_meant() -> None:
    poses = json.loads((ASSETS / "hand" / "poses.json").read_text())["poses"]
    assert set(HELD_OUT_POSES) <= set(poses)
    assert all((ASSETS / "environments" / f"{name}.npz").is_file() for name in HELD_OUT_ENVIRONMENTS)
    files = [entry["file"] for entry in json.loads((ASSETS / "backgrounds" / "backgrounds.json").read_text())["images"]]
    photographs = [name for name in files if not name.startswith("env_")]
    assert 0.12 < np.mean([is_held_out("background", name) for name in photographs]) < 0.18


@needs_shared
def test_training_and_validation_share_no_picture_light_pose_or_skin() -> None:
    torch.set_num_threads(1)
    training, validation = (Studio.load(ASSETS, part=part) for part in ("training", "validation"))
    assert (len(training.poses), len(validation.poses)) == (30, 5)
    assert not set(training.poses) & set(validation.poses)
    for field in ("irradiance", "backgrounds"):
        seen, unseen = (getattr(studio.assets, field).flatten(1) for studio in (training, validation))
        assert not any((seen == row).all(1).any() for row in unseen)
    rows = [set(sample_skin(np.random.default_rng(0), studio.assets, 500).textures.flatten().tolist()) for studio in (training, validation)]
    assert rows == [{0, 1, 4, 5}, {2, 3}]
    drawn = render_batch(validation, np.random.default_rng(0), 2, size=64)
    assert drawn.mask.any()


@needs_shared
def test_a_folder_without_the_held_out_environments_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "hand").symlink_to(ASSETS / "hand")
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "park.npz").symlink_to(ASSETS / "environments" / "park.npz")
    with pytest.raises(AssetError, match="validation"):
        load_assets(tmp_path, part="validation")
