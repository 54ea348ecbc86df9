"""Mesh networks as ONNX files, damaged: bytes of the file, and sound files of networks that are not."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np

from handmesh_ros.bench.fuzz.file_seeds import open_palm
from handmesh_ros.bench.fuzz.mutations import damaged
from handmesh_ros.bench.fuzz.trial import FuzzTarget, FuzzTrial, file_trial
from handmesh_ros.perception.mesh_net import CONTRACT_VERSION, MeshNetwork
from handmesh_ros.perception.onnx_session import LONGEST_TRIAL_S

ODD_VALUES = (np.nan, np.inf, -np.inf, 1e38, -1.0, 0.0, 1000.0)
ODD_TEXTS = ("", "0", "-1", "nan", "inf", "1e400", "2", "palm", "x" * 5000, "\0", "AAAA", "//8=")
OPERATIONS = ("Identity", "Neg", "Sqrt", "Log", "Exp", "Reciprocal", "Round", "Softmax", "NoSuchThing", "Cast", "Loop", "If", "Transpose")


def small_network() -> bytes:
    """A network that keeps the contract and answers every picture with one hand."""
    from onnx import TensorProto, helper, numpy_helper

    joints = (open_palm().joints - open_palm().joints[0]).astype(np.float32)
    answers = {"vertices": joints, "joints": joints, "keypoints": 0.5 + joints[:, :2], "score": np.full(1, 0.99), "side": np.full(1, 0.99)}
    nodes = [helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0), helper.make_node("Mul", ["mean", "none"], ["nothing"])]
    tensors, outputs = [numpy_helper.from_array(np.array(0.0, np.float32), "none")], []
    for name, value in answers.items():
        tensors.append(numpy_helper.from_array(value[None].astype(np.float32), f"{name}_value"))
        nodes.append(helper.make_node("Add", [f"{name}_value", "nothing"], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, value[None].shape))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 32, 32))
    graph = helper.make_graph(nodes, "small", [image], outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.uint16)
    helper.set_model_props(model, {
        "handmesh_contract": CONTRACT_VERSION, "faces": base64.b64encode(faces.tobytes()).decode(), "reference_size_m": "0.095",
        "crop_scale": "2.0", "name": "small", "licence": "Apache-2.0", "training": "none",
    })  # fmt: skip
    return bytes(model.SerializeToString())


def unsound(content: bytes, rng: np.random.Generator) -> bytes:
    """The file of a network in which a number, a shape, an operation, a name or its metadata is another; or damaged bytes."""
    from onnx import ModelProto, numpy_helper

    if rng.random() < 0.5:
        return damaged(content, rng)
    model = ModelProto.FromString(content)
    graph = model.graph
    for _ in range(rng.integers(1, 4)):
        kind = rng.integers(6)
        if kind == 0:
            tensor = graph.initializer[rng.integers(len(graph.initializer))]
            values = numpy_helper.to_array(tensor).copy()
            values.flat[rng.integers(values.size)] = ODD_VALUES[rng.integers(len(ODD_VALUES))]
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        elif kind == 1:
            entry = model.metadata_props[rng.integers(len(model.metadata_props))]
            entry.value = ODD_TEXTS[rng.integers(len(ODD_TEXTS))]
        elif kind == 2:
            graph.node[rng.integers(len(graph.node))].op_type = OPERATIONS[rng.integers(len(OPERATIONS))]
        elif kind == 3:
            places = [*graph.input, *graph.output]
            shape = places[rng.integers(len(places))].type.tensor_type.shape.dim
            if shape:
                shape[rng.integers(len(shape))].dim_value = int(rng.choice([0, 1, -1, 31, 224, 40000, 2**40]))
        elif kind == 4:
            node = graph.node[rng.integers(len(graph.node))]
            (node.input if rng.random() < 0.5 else node.output)[0] = str(rng.choice(["image", "mean", "", "joints", "nowhere"]))
        else:
            (graph.output if rng.random() < 0.7 else graph.node).pop()
            if not (len(graph.output) and len(graph.node)):
                break
    return bytes(model.SerializeToString())


def _network(folder: Path) -> FuzzTrial:
    return file_trial(folder / "network.onnx", [small_network()], MeshNetwork, unsound)


# A network may take its time, and is refused when it takes too much of it (SECURITY.md).
MODEL_TARGETS = (FuzzTarget("mesh network", 4, _network, ("onnx",), hang_s=LONGEST_TRIAL_S + 5.0),)
