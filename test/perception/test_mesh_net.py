"""The mesh network contract: what keeps it runs, what breaks it is refused with the reason."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.tiny_mesh_network import FACES, METADATA, open_hand, write_tiny_mesh_network

from handmesh_ros.perception.crop import CropRegion
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.perception.onnx_session import ModelContractError
from handmesh_ros.provision import model_path


def grey_patch(size: int = 32) -> np.ndarray:
    return np.full((1, 3, size, size), 0.5, np.float32)


def test_estimate_of_a_network_that_keeps_the_contract(tmp_path: Path) -> None:
    network = MeshNetwork(write_tiny_mesh_network(tmp_path / "tiny.onnx"))
    assert (network.patch_size, network.name, network.crop_scale, network.reference_size_m) == (32, "tiny", 2.0, 0.095)
    np.testing.assert_array_equal(network.faces, FACES)
    estimate = network.predict(grey_patch())
    np.testing.assert_allclose(estimate.joints, open_hand(), atol=1e-6)
    assert estimate.keypoints.shape == (21, 2)
    assert estimate.score == pytest.approx(0.99) and estimate.right_probability == pytest.approx(0.99)
    assert estimate.finite


def test_score_and_side_are_optional(tmp_path: Path) -> None:
    estimate = MeshNetwork(write_tiny_mesh_network(tmp_path / "tiny.onnx", score=None, right_probability=None)).predict(grey_patch())
    assert estimate.score == 1.0
    assert estimate.right_probability is None


@pytest.mark.parametrize("part", ["vertices", "joints", "keypoints", "score", "right_probability"])
def test_not_a_number_is_seen(tmp_path: Path, part: str) -> None:
    estimate = MeshNetwork(write_tiny_mesh_network(tmp_path / "tiny.onnx")).predict(grey_patch())
    assert not replace(estimate, **{part: getattr(estimate, part) * np.nan}).finite


@pytest.mark.parametrize("output", ["vertices", "joints", "keypoints"])
def test_a_missing_output_is_named(tmp_path: Path, output: str) -> None:
    with pytest.raises(ModelContractError, match=f"tiny.onnx.*{output}"):
        MeshNetwork(write_tiny_mesh_network(tmp_path / "tiny.onnx", left_out=[output]))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("handmesh_contract", "2"),
        ("faces", "not base64!"),
        ("faces", "AAAA"),
        ("reference_size_m", "-0.1"),
        ("reference_size_m", "nan"),
        ("crop_scale", "wide"),
        ("crop_box", "thumb"),
        ("keypoint_sigma", "0"),
        ("joint_sigma_m", "4 mm"),
    ],
)
def test_wrong_metadata_is_named(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ModelContractError, match=key):
        MeshNetwork(write_tiny_mesh_network(tmp_path / "tiny.onnx", metadata={**METADATA, key: value}))


def test_how_far_off_a_network_is_comes_from_its_file(tmp_path: Path) -> None:
    """2 % of a hand that takes half of a crop of 300 px; without metadata what was once assumed of all."""
    region = CropRegion(np.array([100.0, 100.0]), 300.0)
    keypoints = np.full((21, 2), 0.5)
    keypoints[[3, 4]] = (0.25, 0.5), (0.75, 0.6)
    for noise, expected in (({"keypoint_sigma": "0.02", "joint_sigma_m": "0.008"}, (3.0, 0.008)), ({}, (1.5, 0.004))):
        network = MeshNetwork(write_tiny_mesh_network(tmp_path / "tiny.onnx", keypoints=keypoints, metadata=METADATA | noise))
        sigma_px = network.keypoint_sigma_px(network.predict(grey_patch()), region)
        assert (sigma_px, network.joint_sigma_m) == pytest.approx(expected)


@pytest.mark.parametrize("model", ["mobrecon", "mobrecon_lite", "lifted"])
def test_the_shipped_networks_say_how_far_off_they_are(model: str) -> None:
    network = MeshNetwork(model_path(model))
    assert network.keypoint_sigma is not None and 0.01 < network.keypoint_sigma < 0.04
    assert 0.005 < network.joint_sigma_m < 0.015


@pytest.mark.parametrize("key", ["handmesh_contract", "faces", "reference_size_m", "crop_scale"])
def test_missing_metadata_is_named(tmp_path: Path, key: str) -> None:
    metadata = {name: value for name, value in METADATA.items() if name != key}
    with pytest.raises(ModelContractError, match=key):
        MeshNetwork(write_tiny_mesh_network(tmp_path / "tiny.onnx", metadata=metadata))


def test_faces_beyond_the_vertices_are_refused(tmp_path: Path) -> None:
    import base64

    faces = base64.b64encode(np.array([[0, 1, 9]], np.uint16).tobytes()).decode()
    with pytest.raises(ModelContractError, match="vertex 9"):
        MeshNetwork(write_tiny_mesh_network(tmp_path / "tiny.onnx", metadata={**METADATA, "faces": faces}))


def test_a_wrong_number_of_joints_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelContractError, match=r"\(1, 20, 3\)"):
        MeshNetwork(write_tiny_mesh_network(tmp_path / "tiny.onnx", joints=open_hand()[:20]))


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"joints": open_hand() * np.nan}, "holds NaN, infinity"),
        ({"keypoints": np.full((21, 2), np.inf)}, "'keypoints' holds NaN, infinity"),
        ({"score": np.nan}, "'score' holds NaN"),
        ({"right_probability": np.nan}, "'side' holds NaN"),
        ({"nan_at": 0.0}, "'vertices' holds NaN"),  # for black pictures only
        ({"score": 99.9}, "'score' is 99.9, expected a probability"),
        ({"right_probability": -3.0}, "'side' is -3, expected a probability"),
        ({"joints": 1000 * open_hand()}, "are they metres"),
        ({"keypoints": np.linspace(0, 63, 42).reshape(21, 2)}, "fractions of the crop, not pixels"),
        ({"keypoints": np.zeros((20, 2))}, r"'keypoints' is \(1, 20, 2\), expected \(1, 21, 2\)"),
        ({"size": 4}, "4 pixels a side, expected 16 to 1024"),
        ({"size": 40_000}, "40000 pixels a side, expected 16 to 1024"),
    ],
)
def test_a_network_whose_answers_no_hand_can_be_made_of_is_refused(tmp_path: Path, broken: dict, reason: str) -> None:
    with pytest.raises(ModelContractError, match=rf"mine\.onnx: .*{reason}"):
        MeshNetwork(write_tiny_mesh_network(tmp_path / "mine.onnx", **broken))


def test_a_probability_may_be_off_by_half_precision(tmp_path: Path) -> None:
    assert MeshNetwork(write_tiny_mesh_network(tmp_path / "tiny.onnx", score=1.0004)).gives_score


def test_a_file_that_is_missing_or_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelContractError, match="no such model file"):
        MeshNetwork(tmp_path / "missing.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(ModelContractError, match=r"text\.onnx"):
        MeshNetwork(tmp_path / "text.onnx")


def test_metadata_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = write_tiny_mesh_network(tmp_path / "tiny.onnx")
    content = path.read_bytes()
    assert content.count(b"Apache-2.0") == 1
    path.write_bytes(content.replace(b"Apache-2.0", b"\xff\xfeache-2.0"))
    with pytest.raises(ModelContractError, match=r"tiny\.onnx: .* no text"):
        MeshNetwork(path)
