"""lifted: landmark network and decoder in one file."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.paths import REPO

from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.provision.compose import JOINT_SIGMA_M, KEYPOINT_SIGMA, ComposeError, compose_lifted

DECODER = REPO / "models" / "lifted_decoder.onnx"


def landmark_stand_in(path: Path) -> Path:
    """A landmark network with the real one's face: every output a linear function of the picture's mean, of a hand's size."""
    rng = np.random.default_rng(0)
    constants = []
    nodes = [helper.make_node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=0)]
    for name, width, scale, offset in (
        ("landmarks", 63, 40.0, 112.0), ("presence", 1, 0.1, 0.5), ("handedness", 1, 0.1, 0.5), ("world_landmarks", 63, 0.1, 0.0),
    ):  # fmt: skip
        matrix = (scale * rng.normal(size=(3, width))).astype(np.float32)
        constants += [numpy_helper.from_array(matrix, f"{name}_m"), numpy_helper.from_array(np.array([offset], np.float32), f"{name}_o")]
        nodes.append(helper.make_node("MatMul", ["mean", f"{name}_m"], [f"{name}_x"]))
        nodes.append(helper.make_node("Add", [f"{name}_x", f"{name}_o"], [name]))
    outputs = {"landmarks": 63, "presence": 1, "handedness": 1, "world_landmarks": 63}
    graph = helper.make_graph(
        nodes, "stand_in", [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 224, 224))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, width)) for name, width in outputs.items()], constants,
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), str(path))
    return path


@pytest.fixture
def parts(tmp_path):
    landmark, lifted = landmark_stand_in(tmp_path / "landmark.onnx"), tmp_path / "lifted.onnx"
    compose_lifted(landmark, DECODER, lifted)
    return landmark, lifted


def test_says_what_the_parts_say_one_after_the_other(parts):
    landmark, lifted = parts
    image = np.random.default_rng(1).random((1, 3, 224, 224), np.float32)
    names = ["landmarks", "presence", "handedness", "world_landmarks"]
    marks, presence, handedness, world = ort.InferenceSession(str(landmark)).run(names, {"image": image})
    inputs = {"landmarks": marks.reshape(1, 21, 3) / np.float32(224), "world_landmarks": world.reshape(1, 21, 3)}
    vertices, joints = ort.InferenceSession(str(DECODER)).run(["vertices", "joints"], inputs)
    estimate = MeshNetwork(lifted).predict(image)
    assert (estimate.keypoints == inputs["landmarks"][0, :, :2]).all(), "keypoints are the landmark network's own"
    assert np.abs(estimate.vertices - vertices[0]).max() < 1e-6 and np.abs(estimate.joints - joints[0]).max() < 1e-6
    assert np.isclose(estimate.score, presence.item()) and np.isclose(estimate.right_probability, handedness.item())


def test_keeps_the_mesh_network_contract(parts):
    network = MeshNetwork(parts[1])
    assert (network.keypoint_sigma, network.joint_sigma_m) == (KEYPOINT_SIGMA, JOINT_SIGMA_M)
    assert (network.name, network.licence, network.patch_size, network.crop_scale) == ("lifted", "Apache-2.0", 224, 2.0)
    assert network.faces.shape == (1534, 3) and network.faces.max() == 777
    assert 0.075 < network.reference_size_m < 0.11
    metadata = ort.InferenceSession(str(parts[1])).get_modelmeta().custom_metadata_map
    assert metadata["handmesh_contract"] == "1" and metadata["training"]


def test_is_the_same_file_every_time(parts, tmp_path):
    again = tmp_path / "again.onnx"
    compose_lifted(parts[0], DECODER, again)
    assert again.read_bytes() == parts[1].read_bytes()


def test_wrong_parts_are_named(tmp_path):
    landmark = landmark_stand_in(tmp_path / "landmark.onnx")
    with pytest.raises(ComposeError, match=r"landmark\.onnx.*vertices"):
        compose_lifted(landmark, landmark, tmp_path / "out.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ComposeError, match=r"broken\.onnx"):
        compose_lifted(tmp_path / "broken.onnx", DECODER, tmp_path / "out.onnx")
    bare = onnx.load(str(DECODER))
    del bare.metadata_props[:]
    onnx.save(bare, str(tmp_path / "bare.onnx"))
    with pytest.raises(ComposeError, match=r"metadata .*faces"):
        compose_lifted(landmark, tmp_path / "bare.onnx", tmp_path / "out.onnx")
