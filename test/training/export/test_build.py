"""The restructured ONNX graph of every part equals torch; precisions, metadata, quantization and the bench's own figures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from support.network_parts import made_up_levels, randomize
from support.paths import SHARED, needs_shared

from benchmarks.networks.model_files import ModelFile, naive_export, smooth_patches
from benchmarks.networks.speed import memory_mb, network_speeds, speed_table
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_training.export.build import PARITY, ExportError, ModelCard, build_model, export_network, parity
from handmesh_training.export.quantize import CalibrationError, accuracy_change, quantize, real_hand_patches, share_ranges
from handmesh_training.networks import MobRecon, NetworkConfig
from handmesh_training.networks.checkpoint import NetworkFileError, load_network, save_network

LEVELS = made_up_levels((12, 25, 50))
SMALL = {"decoder_channels": (256, 48, 16), "patch_size": 64}
CARD = ModelCard("small", "Apache-2.0", "random weights", crop_scale=1.5)


def network(*parts: str, heads: bool = False) -> MobRecon:
    config = NetworkConfig(*parts, presence=heads, side=heads, **SMALL)  # type: ignore[arg-type]
    made = randomize(MobRecon(config, LEVELS))
    assert isinstance(made, MobRecon)
    return made


def test_the_file_says_how_far_off_the_network_is_where_that_is_known(tmp_path: Path) -> None:
    made = network("dense", "mapreg", "grid", "dsconv")
    for card, expected in ((CARD, (None, 0.004)), (replace(CARD, keypoint_sigma=0.0234, joint_sigma_m=0.00716), (0.023, 0.0072))):
        export_network(made, tmp_path / "noise.onnx", card)
        read = MeshNetwork(tmp_path / "noise.onnx")
        assert (read.keypoint_sigma, read.joint_sigma_m) == expected


@pytest.mark.parametrize(
    "parts",
    [
        ("dense", "mapreg", "grid", "dsconv"),
        ("ghost", "mapreg", "grid", "spiral"),
        ("ghost", "heatmap", "heatmap", "dsconv"),
        ("ghost", "soft_argmax", "heatmap", "spiral_lstm"),
        ("ghost", "direct", "grid", "dsconv"),
        ("resnet18", "soft_argmax", "grid", "dsconv"),
        ("resnet50", "mapreg", "grid", "dsconv"),
    ],
    ids="-".join,
)
def test_graph_equals_torch_in_both_forms(parts: tuple[str, ...]) -> None:
    made = network(*parts, heads=True)
    for precision in ("fp32", "int8"):  # int8: the float graph before quantization
        differences = parity(made, build_model(made, CARD, precision))
        assert set(differences) == {"vertices", "joints", "keypoints", "score", "side"}
        assert max(differences.values()) <= PARITY


def test_upsampling_with_and_without_copies_equals_torch() -> None:
    levels = made_up_levels((12, 25, 50))
    levels.upsampling[1][:12] = np.eye(25, dtype=np.float32)[5:17]
    made = randomize(MobRecon(NetworkConfig("ghost", **SMALL), levels))  # type: ignore[arg-type]
    assert isinstance(made, MobRecon)
    assert max(parity(made, build_model(made, CARD)).values()) <= PARITY


def test_file_keeps_the_contract(tmp_path: Path) -> None:
    made = network("ghost", heads=True)
    report = export_network(made, tmp_path / "small.onnx", CARD)
    model = MeshNetwork(tmp_path / "small.onnx")
    assert (model.patch_size, model.name, model.licence, model.crop_scale) == (64, "small", "Apache-2.0", 1.5)
    assert model.reference_size_m == LEVELS.size_m
    assert np.array_equal(model.faces, LEVELS.faces)
    patch = smooth_patches(1, 64)[0]
    estimate = model.predict(patch)
    with torch.no_grad():
        expected = made(torch.from_numpy(patch))
    np.testing.assert_allclose(estimate.vertices, expected.vertices[0], atol=1e-4 * float(expected.vertices.abs().max()))
    assert estimate.score == pytest.approx(float(torch.sigmoid(expected.presence_side[0, 0])), abs=1e-4)
    assert estimate.right_probability == pytest.approx(float(torch.sigmoid(expected.presence_side[0, 1])), abs=1e-4)
    assert report.size_bytes == (tmp_path / "small.onnx").stat().st_size


def test_half_weights_halve_the_file_and_stay_close(tmp_path: Path) -> None:
    made = network("ghost")
    full = export_network(made, tmp_path / "full.onnx", CARD)
    half = export_network(made, tmp_path / "half.onnx", CARD, "fp16")
    assert half.size_bytes < 0.6 * full.size_bytes
    assert 0 < max(half.parity.values()) < 2e-2


def test_network_in_training_mode_is_refused() -> None:
    with pytest.raises(ExportError, match="training mode"):
        build_model(network("ghost").train(), CARD)


def test_quantized_model_has_integer_convolutions_metadata_and_a_measured_change() -> None:
    made = network("ghost")
    patches = smooth_patches(12, 64)
    full = build_model(made, CARD, "int8")
    reduced = quantize(full, patches[:8])
    onnx.checker.check_model(reduced)
    assert {p.key: p.value for p in reduced.metadata_props} == {p.key: p.value for p in full.metadata_props}
    eight_bit = {i.name for i in reduced.graph.initializer if i.data_type == onnx.TensorProto.INT8 and len(i.dims) == 4}
    assert len(eight_bit) > 50
    assert len(reduced.SerializeToString()) < 0.4 * len(full.SerializeToString())
    change = accuracy_change(full, reduced, patches[8:])
    assert change.patches == 4
    size_mm = 1e3 * float(np.abs(_run(full, patches[8])["vertices"]).max())
    assert 0 < change.vertices_mm[0] < 0.2 * size_mm
    same = accuracy_change(full, full, patches[8:])
    assert same.joints_mm == same.vertices_mm == same.keypoints == (0.0, 0.0)


def test_parts_of_a_concatenation_share_a_range_unless_it_costs_more_than_a_bit() -> None:
    names = ["wide", "close", "narrow"]
    concat = onnx.helper.make_node("Concat", names, ["whole"], name="encoder/Concat_0", axis=1)
    graph = onnx.helper.make_graph([concat], "g", [], [])
    ranges = {"wide": (0.0, 4.0), "close": (0.0, 2.5), "narrow": (0.0, 1.0), "whole": (0.0, 4.0)}
    shared = share_ranges(onnx.helper.make_model(graph), ranges)
    assert shared == ranges | {"close": (0.0, 4.0)}


def _run(model: onnx.ModelProto, patch: np.ndarray) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(model.SerializeToString())
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": patch}), strict=True))


@needs_shared
def test_calibration_patches_are_upright_right_hands_of_the_wanted_size() -> None:
    patches = real_hand_patches(SHARED / "real_hands", 3, 128, 1.3)
    assert [p.shape for p in patches] == [(1, 3, 128, 128)] * 3
    assert all(p.dtype == np.float32 and 0 <= p.min() < p.max() <= 1 for p in patches)


def test_calibration_without_pictures_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"labels\.npz missing"):
        real_hand_patches(tmp_path, 3, 128, 1.3)
    with pytest.raises(ExportError, match="--calibration"):
        export_network(network("ghost"), tmp_path / "x.onnx", CARD, "int8")


def test_trained_network_comes_back_from_its_file(tmp_path: Path) -> None:
    made = network("ghost")
    save_network(tmp_path / "net.pt", made, "a test")
    back, training = load_network(tmp_path / "net.pt", LEVELS)
    assert (back.config, training) == (made.config, "a test")
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(back(image).vertices, made(image).vertices)
    with pytest.raises(NetworkFileError, match="another template"):
        load_network(tmp_path / "net.pt", made_up_levels((13, 25, 50)))
    torch.save({"model_state_dict": {}}, tmp_path / "official.pt")
    with pytest.raises(NetworkFileError, match="import-official"):
        load_network(tmp_path / "official.pt", LEVELS)


def test_naive_export_computes_the_same(tmp_path: Path) -> None:
    made = network("ghost")
    patch = smooth_patches(1, 64)[0]
    naive = _run(onnx.load_from_string(naive_export(made)), patch)
    ours = _run(build_model(made, CARD), patch)
    for name, value in naive.items():
        np.testing.assert_allclose(value, ours[name], atol=1e-4 * float(np.abs(value).max()))


def test_bench_measures_and_prints_rows(tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    export_network(network("ghost"), path, CARD)
    naive = ModelFile("small", "naive", path, 1_000_000, 5_000_000)
    rows = network_speeds([naive, ModelFile("other", "file", path, None, None)], threads=(1,), rounds=3, openvino=False)
    assert [r.file.name for r in rows] == ["small", "other"]
    assert rows[0].median_ms <= rows[0].p99_ms
    assert rows[0].cpu_ms is not None
    assert rows[0].gflops == pytest.approx(2e6 / rows[0].cpu_ms / 1e6)
    assert rows[1].gflops is None
    assert rows[0].peak_share is not None and 0 < rows[0].peak_share < 1
    text = speed_table(rows).splitlines()
    assert len(text) == 3
    assert "1.00" in text[1]


def test_a_forward_pass_needs_less_than_200_mb(tmp_path: Path) -> None:
    made = randomize(MobRecon(NetworkConfig("dense"), made_up_levels()))
    assert isinstance(made, MobRecon)
    export_network(made, tmp_path / "dense.onnx", CARD)
    loaded, run = memory_mb(tmp_path / "dense.onnx")
    assert 30 < loaded < 200  # the weights are 33 MB
    assert 0 <= run < 200  # little, as memory freed after loading is used again
