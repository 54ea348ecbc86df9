"""What a training configuration may say, and how two are told apart."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from support.paths import REPO

from handmesh_training.trainer.config import TrainConfigError, TrainingStage, differences, read_config

SHIPPED = REPO / "config" / "train" / "mobrecon.yaml"


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = SHIPPED.read_text()
    assert old in text
    path = tmp_path / "changed.yaml"
    path.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize("name", ["lite", "mobrecon", "ghost"])
def test_committed_configurations_can_be_read(name: str) -> None:
    config = read_config(REPO / "config" / "train" / f"{name}.yaml")
    assert config.steps == sum(stage.steps for stage in config.stages) > 1000
    assert (REPO / config.network).is_file()
    assert "subhi" in config.stages[0].leave_out


def test_faults_are_named_with_file_and_place(tmp_path: Path) -> None:
    with pytest.raises(TrainConfigError, match="no such configuration"):
        read_config(tmp_path / "none.yaml")
    with pytest.raises(TrainConfigError, match=r"changed.yaml: unknown keys oot; known are .*work"):
        read_config(changed(tmp_path, "\nout:", "\noot:"))
    with pytest.raises(TrainConfigError, match=r"stages.steps must be int, got 'many'"):
        read_config(changed(tmp_path, "stages:  # ", "stages:\n  - {steps: many, rate: 1.0}  # "))
    with pytest.raises(TrainConfigError, match=r"renders.people must be bool, got 1"):
        read_config(changed(tmp_path, "people: true", "people: 1"))
    with pytest.raises(TrainConfigError, match=r"losses.unknown keys verts"):
        read_config(changed(tmp_path, "losses: {", "losses: {verts: 1.0, "))
    with pytest.raises(TrainConfigError, match="missing 1 required positional argument: 'work'"):
        read_config(changed(tmp_path, "\nwork:", "\n#work:"))
    empty = tmp_path / "empty.yaml"
    empty.write_text("")
    with pytest.raises(TrainConfigError, match="must be a mapping"):
        read_config(empty)


def test_differences_name_what_matters_and_leave_out_what_does_not() -> None:
    config = read_config(SHIPPED)
    assert differences(config, asdict(config)) == []
    assert differences(config, asdict(replace(config, threads=7, save_every=1))) == []
    found = differences(config, asdict(replace(config, stages=(TrainingStage(5, 0.1),), crop_scale=9.0)))
    assert len(found) == 2
    assert "crop_scale: 2.0 here, 9.0 there" in found[0]


def test_a_record_from_before_a_field_was_there_means_its_default() -> None:
    config = read_config(SHIPPED)
    older = asdict(config)
    del older["weight_decay"]
    assert differences(config, older) == []
    assert differences(replace(config, weight_decay=0.5), older) == ["weight_decay: 0.5 here, 0.01 there"]
