"""Official checkpoints: parity with the published code, and what bad files are told."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from support.network_parts import FIXTURES, LAYOUTS, TEMPLATE, official_state
from support.paths import needs_shared

from handmesh_ros.cli import main
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_training.export.build import ModelCard, build_model
from handmesh_training.networks import MobRecon, TemplateLevels
from handmesh_training.official.checkpoint import CheckpointError, import_state, read_state
from handmesh_training.official.template_files import OfficialTemplateError, load_official_template

pytestmark = needs_shared

PARITY = 2e-5


@pytest.fixture(scope="module")
def levels() -> TemplateLevels:
    return load_official_template(TEMPLATE)


@pytest.fixture(scope="module")
def network(levels: TemplateLevels) -> MobRecon:
    return import_state(official_state(LAYOUTS[0]), levels)


@pytest.fixture(scope="module")
def published() -> dict[str, np.ndarray]:
    """What the official code gives for the fixture's weights: vertices in units of 0.2 m."""
    return dict(np.load(FIXTURES / "parity_densestack_dsconv_a.npz"))


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def test_torch_gives_what_the_official_code_gives(network: MobRecon, published: dict[str, np.ndarray]) -> None:
    with torch.no_grad():
        output = network(torch.from_numpy((published["image"] + 1) / 2))
    assert relative(output.vertices.numpy() / 0.2, published["verts"]) <= PARITY
    assert relative(output.keypoints.numpy(), published["joint_img"]) <= PARITY


def test_onnx_runtime_gives_what_the_official_code_gives(network: MobRecon, published: dict[str, np.ndarray]) -> None:
    session = ort.InferenceSession(build_model(network, ModelCard("a", "b", "c")).SerializeToString())
    results = [session.run(["vertices", "keypoints"], {"image": (image[None] + 1) / 2}) for image in published["image"]]
    assert relative(np.concatenate([v for v, _ in results]) / 0.2, published["verts"]) <= PARITY
    assert relative(np.concatenate([k for _, k in results]), published["joint_img"]) <= PARITY


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_fits_without_its_dead_parameters(layout: str, levels: TemplateLevels) -> None:
    state = official_state(layout)
    state["decoder3d.de_layer_conv.0.weight"] = torch.zeros(256, 256, 1)
    imported = import_state({f"module.{k}".removeprefix("module."): v for k, v in state.items()}, levels)
    assert imported.config.decoder == ("spiral" if "spiral" in layout else "dsconv")
    assert torch.equal(imported.encoder.latent.weight, state["backbone.mid_proj.0.weight"])


def test_both_spiral_layouts_are_one_network(levels: TemplateLevels) -> None:
    first, second = (official_state(layout) for layout in LAYOUTS[1:])
    second["backbone.conv.0.weight"] = first["backbone.reduce.0.weight"]
    a, b = import_state(first, levels), import_state(second, levels)
    image = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        torch.testing.assert_close(a(image).vertices, b(image).vertices)


def test_command_writes_a_model_that_keeps_the_contract(tmp_path: Path) -> None:
    checkpoint, out = tmp_path / "official.pt", tmp_path / "official.onnx"
    torch.save({"model_state_dict": official_state(LAYOUTS[0]), "epoch": 3}, checkpoint)
    assert main(["import-official", str(checkpoint), "--template", str(TEMPLATE), "--out", str(out)]) == 0
    model = MeshNetwork(out)
    assert model.faces.shape == (1538, 3)
    assert np.array_equal(model.faces, np.load(TEMPLATE / "right_faces.npy"))
    assert model.patch_size == 128
    assert "non-commercial" in model.licence
    assert model.reference_size_m == pytest.approx(0.095, abs=0.01)
    estimate = model.predict(np.full((1, 3, 128, 128), 0.3, np.float32))
    assert estimate.vertices.shape == (778, 3)


def test_joints_of_the_template_come_in_our_order(levels: TemplateLevels) -> None:
    from handmesh_training.official.template_files import _read_ply

    joints = levels.joint_regressor @ _read_ply(TEMPLATE / "template.ply")[0]
    bones = np.linalg.norm(joints[1:].reshape(5, 4, 3)[:, 1:] - joints[1:].reshape(5, 4, 3)[:, :-1], axis=2)
    assert np.all(bones > 0.015)
    assert np.all(bones < 0.05)
    mcp = joints[[5, 9, 13, 17]]
    across = np.diff(mcp @ (mcp[3] - mcp[0]))
    assert np.all(across > 0), "index, middle, ring and little must lie in this order across the palm"


def test_missing_and_unknown_keys_are_named(levels: TemplateLevels) -> None:
    state = official_state(LAYOUTS[0])
    del state["backbone.mid_proj.0.weight"]
    state["backbone.surprise.weight"] = torch.zeros(1)
    with pytest.raises(CheckpointError, match=r"backbone\.surprise\.weight.*1 missing \(encoder\.latent\.weight\)"):
        import_state(state, levels)


def test_wrong_shapes_and_damaged_numbers_are_named(levels: TemplateLevels) -> None:
    state = official_state(LAYOUTS[0])
    state["decoder3d.upsample"] = torch.zeros(50, 21)
    with pytest.raises(CheckpointError, match=r"decoder3d\.upsample is \(50, 21\), expected \(49, 21\)"):
        import_state(state, levels)
    state["decoder3d.upsample"] = torch.full((49, 21), float("nan"))
    with pytest.raises(CheckpointError, match=r"decoder3d\.upsample holds numbers that are not finite"):
        import_state(state, levels)


def test_other_networks_are_refused(levels: TemplateLevels) -> None:
    with pytest.raises(CheckpointError, match="not the tensors of a MobRecon network"):
        import_state({"layer1.0.conv1.weight": torch.zeros(64, 64, 3, 3)}, levels)


def test_files_that_are_no_checkpoints_are_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.pt"
    page.write_text("<html>Sign in to download</html>")
    with pytest.raises(CheckpointError, match="download it again"):
        read_state(page)
    with pytest.raises(CheckpointError, match="no such file"):
        read_state(tmp_path / "none.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(CheckpointError, match="no state dict"):
        read_state(tmp_path / "list.pt")


def test_checkpoint_that_would_run_code_does_not(tmp_path: Path) -> None:
    torch.save({"model_state_dict": _Dangerous(tmp_path / "ran")}, tmp_path / "bad.pt")
    with pytest.raises(CheckpointError):
        read_state(tmp_path / "bad.pt")
    assert not (tmp_path / "ran").exists()


class _Dangerous:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.path,))


@pytest.fixture
def template_copy(tmp_path: Path) -> Path:
    folder = tmp_path / "template"
    shutil.copytree(TEMPLATE, folder)
    for file in folder.iterdir():
        file.chmod(0o644)
    folder.chmod(0o755)
    return folder


def test_template_pickle_that_would_run_code_does_not(template_copy: Path, tmp_path: Path) -> None:
    (template_copy / "transform.pkl").write_bytes(pickle.dumps({"vertices": [_Dangerous(tmp_path / "ran")]}))
    with pytest.raises(OfficialTemplateError, match="may run code"):
        load_official_template(template_copy)
    assert not (tmp_path / "ran").exists()


def test_missing_template_files_are_listed(template_copy: Path) -> None:
    (template_copy / "j_reg.npy").unlink()
    with pytest.raises(OfficialTemplateError, match=r"j_reg\.npy missing"):
        load_official_template(template_copy)


def test_wrong_template_files_are_named(template_copy: Path) -> None:
    faces = np.load(template_copy / "right_faces.npy")
    np.save(template_copy / "right_faces.npy", faces[:, ::-1])
    with pytest.raises(OfficialTemplateError, match="other faces"):
        load_official_template(template_copy)
    np.save(template_copy / "right_faces.npy", faces)
    regressor = np.load(template_copy / "j_reg.npy")
    np.save(template_copy / "j_reg.npy", np.roll(regressor, 3, axis=0))
    with pytest.raises(OfficialTemplateError, match=r"j_reg\.npy.*finger tips"):
        load_official_template(template_copy)
    np.save(template_copy / "j_reg.npy", regressor[:, :-1])
    with pytest.raises(OfficialTemplateError, match=r"j_reg\.npy.*\(21, 777\)"):
        load_official_template(template_copy)


def test_finger_tips_are_told_by_place_not_by_row(template_copy: Path, levels: TemplateLevels) -> None:
    regressor = np.load(template_copy / "j_reg.npy")
    regressor[16:] = regressor[[20, 16, 17, 19, 18]]
    np.save(template_copy / "j_reg.npy", regressor)
    assert np.array_equal(load_official_template(template_copy).joint_regressor, levels.joint_regressor)


def test_bad_input_ends_the_command_with_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import-official", str(tmp_path / "no.pt"), "--template", str(TEMPLATE), "--out", str(tmp_path / "o.onnx")]) == 1
    assert "no such file" in capsys.readouterr().err
    assert not (tmp_path / "o.onnx").exists()
