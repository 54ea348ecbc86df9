"""A training from start to finish at its smallest: real renders, real crops, the shipped network; stopped, gone on, and exported."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from support.paths import REPO, SHARED, needs_shared

from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_training.networks import TemplateLevels
from handmesh_training.networks.checkpoint import load_network
from handmesh_training.template import HandTemplate
from handmesh_training.trainer import loop
from handmesh_training.trainer.config import TrainConfigError

LANDMARK_MODEL = REPO / "models" / "hand_landmark.onnx"
pytestmark = [
    needs_shared,
    pytest.mark.skipif(not LANDMARK_MODEL.is_file(), reason=f"{LANDMARK_MODEL} is missing: make models"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real crops of two sources (12 of them), the renders that all runs share, no fitted meshes."""
    root = tmp_path_factory.mktemp("training")
    for folder, source in (("real_hands", "subhi"), ("real_hands_more", "derick")):
        shutil.copytree(SHARED / folder / source, root / folder / source)
        with np.load(SHARED / folder / "labels.npz") as archive:
            labels = dict(archive)
        rows = [k for k, name in enumerate(labels["names"]) if str(name).startswith(source)][:6]
        count = len(labels["names"])
        chosen = {key: value[rows] if len(value) == count else value for key, value in labels.items()}
        np.savez(root / folder / "labels.npz", **chosen)
    nobody = {"local_rotations": (0, 27, 3, 3), "bone_scale": (0, 27, 3), "rotation": (0, 3, 3)}
    np.savez(
        root / "fits.npz", names=np.zeros(0, "U1"), good=np.zeros(0, bool), **{name: np.zeros(shape) for name, shape in nobody.items()}
    )
    return root


@pytest.fixture
def config(root: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes a configuration of a tiny run."""

    def write(**changes: object) -> Path:
        values = {
            "network": str(REPO / "config/networks/mobrecon_lite.yaml"), "landmark_weights": str(LANDMARK_MODEL), "frozen_blocks": 5,
            "out": str(tmp_path / "tiny.onnx"), "work": str(tmp_path / "work"), "assets": str(SHARED / "assets"),
            "real_hands": str(root), "real_fits": str(root / "fits.npz"),
            "renders": [{"folder": str(root / "renders"), "count": 8, "size": 96, "seed": 1}],
            "validation_renders": [{"folder": str(root / "validation"), "count": 4, "size": 96, "seed": 2, "part": "validation"}],
            "stages": [{"steps": 3, "rate": 0.001, "leave_out": ["subhi"]}, {"steps": 2, "rate": 0.0005}],
            "batch": {"renders": 3, "real": 2, "empty": 1}, "threads": 1, "save_every": 1, "warmup_steps": 2,
        }  # fmt: skip
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump({**values, **changes}))
        return path

    return write


def weights(work: Path) -> dict[str, torch.Tensor]:
    return load_network(work / "network.pt", TemplateLevels.from_hand_template(HandTemplate.load()))[0].state_dict()


@pytest.mark.timeout(300)
def test_a_run_ends_with_a_model_and_goes_on_where_it_was_stopped(
    config: Callable[..., Path], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = config(work=str(tmp_path / "whole"))
    errors = loop.main(whole, root)
    assert set(errors) == {"validation", "subhi"}
    assert errors["validation"].joints_pa_mm > 0
    assert errors["subhi"].pictures == 6
    with (tmp_path / "whole" / "validation.csv").open() as file:
        assert [(row["step"], row["set"]) for row in csv.DictReader(file)] == [("3", "validation"), ("3", "subhi"), ("5", "validation")]
    assert (tmp_path / "whole" / "validation_subhi.png").stat().st_size > 10_000

    model = MeshNetwork(tmp_path / "tiny.onnx")
    assert (model.patch_size, model.crop_scale, model.name, model.licence) == (128, 1.5, "tiny", "Apache-2.0")
    noise = errors["validation"]  # of the last set of renders
    assert (model.keypoint_sigma, model.joint_sigma_m) == pytest.approx((noise.keypoint_sigma, noise.joint_sigma_m), rel=0.05)
    estimate = model.predict(np.random.default_rng(0).random((1, 3, 128, 128), np.float32))
    assert estimate.vertices.shape == (778, 3)

    # The same run, killed in its fourth step. Its validations would say the same, and take most of the time.
    monkeypatch.setattr(loop.Run, "_validate", lambda run, *_: run.errors.update(errors))
    stopped = config(work=str(tmp_path / "stopped"))
    step = loop.Run._step

    def killed(self: loop.Run, labels: object, number: int) -> dict[str, torch.Tensor]:
        if number == 3:
            raise KeyboardInterrupt
        return step(self, labels, number)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Run, "_step", killed)
        with pytest.raises(KeyboardInterrupt):
            loop.main(stopped, root)
    assert not (tmp_path / "stopped" / "network.pt").is_file()
    loop.main(stopped, root)
    expected = weights(tmp_path / "whole")
    for name, value in weights(tmp_path / "stopped").items():
        torch.testing.assert_close(value, expected[name], atol=1e-5, rtol=1e-4)
    # It learnt something: only the frozen blocks are as they were.
    template = HandTemplate.load()
    start = loop.build_network(loop.read_config(whole), root, template, TemplateLevels.from_hand_template(template)).state_dict()
    same = {name for name, value in start.items() if torch.equal(value, expected[name])}
    assert "encoder.blocks.4.expand.weight" in same
    assert not any(name.startswith(("encoder.blocks.5", "head", "decoder.operators")) for name in same)

    # Another run can begin with what this one ended with.
    levels = TemplateLevels.from_hand_template(template)
    begun = loop.build_network(loop.read_config(config(begin_with=str(tmp_path / "tiny.pt"))), root, template, levels).state_dict()
    for name, value in begun.items():
        torch.testing.assert_close(value, expected[name], atol=1e-3, rtol=1e-3)
    wider = tmp_path / "wider.yaml"
    wider.write_text((REPO / "config/networks/mobrecon_lite.yaml").read_text().replace("96, 64, 32, 24, 16", "96, 64, 32, 24, 8"))
    begun = loop.build_network(
        loop.read_config(config(begin_with=str(tmp_path / "tiny.pt"), network=str(wider))), root, template, levels
    ).state_dict()
    torch.testing.assert_close(begun["encoder.up.top.conv.weight"], expected["encoder.up.top.conv.weight"], atol=1e-3, rtol=1e-3)
    with pytest.raises(TrainConfigError, match=r"tiny\.pt: has the encoder 'landmark', .*ghost.yaml asks for 'ghost'"):
        ghost = config(begin_with=str(tmp_path / "tiny.pt"), network=str(REPO / "config/networks/mobrecon_ghost.yaml"), landmark_weights="")
        loop.build_network(loop.read_config(ghost), root, template, levels)

    # A checkpoint of another configuration is refused with the difference.
    with pytest.raises(TrainConfigError, match=r"state.pt: belongs to another configuration(.|\n)*crop_scale: 2.0 here, 1.5 there"):
        loop.main(config(work=str(tmp_path / "stopped"), crop_scale=2.0), root)
    (tmp_path / "stopped" / "state.pt").write_bytes(b"half a file")
    with pytest.raises(TrainConfigError, match="not a checkpoint of this run"):
        loop.main(stopped, root)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"assets": "nowhere"}, "nowhere: there is no such folder"),
        ({"landmark_weights": "nowhere.onnx"}, "nowhere.onnx: the landmark network is missing"),
        ({"network": "nowhere.yaml"}, "nowhere.yaml: there is no such network description"),
        ({"real_fits": "nowhere.npz"}, "nowhere.npz: missing; 'python -m handmesh_training.labels.fit' makes it"),
        ({"renders": [{"folder": "people", "count": 8, "people": True}]}, "fits.npz: holds no good fit of a person"),
        ({"network": str(REPO / "config/networks/mobrecon_ghost.yaml"), "landmark_weights": ""}, "frozen_blocks is 5, but the encoder is"),
        ({"looks": 2}, "looks is 2: patches can be remembered on a CPU, with all blocks"),
        ({"negatives": "nowhere"}, r"nowhere.negatives\.json: missing"),
        ({"mesh_teacher": "nowhere.onnx"}, "nowhere.onnx: "),
    ],
)
def test_what_is_missing_is_named(config: Callable[..., Path], root: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loop.main(config(**changes), root)
