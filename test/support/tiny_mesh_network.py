"""A real, very small ONNX mesh network for tests: it keeps the contract, or breaks it where a test asks for that."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FACES = np.array([[0, 1, 2], [0, 2, 3]], np.uint16)
METADATA = {
    "handmesh_contract": "1",
    "faces": base64.b64encode(FACES.tobytes()).decode(),
    "reference_size_m": "0.095",
    "crop_scale": "2.0",
    "name": "tiny",
    "licence": "Apache-2.0",
    "training": "none",
}


def open_hand() -> np.ndarray:
    """(21, 3) a flat right hand, back to the camera, fingers up: crop axes, metres, wrist at the origin, wrist to middle mcp 0.095."""
    joints = np.zeros((21, 3), np.float32)
    for finger, (x, length) in enumerate([(-0.05, 0.02), (-0.025, 0.025), (0.0, 0.028), (0.022, 0.025), (0.042, 0.02)]):
        base_y = -0.03 if finger == 0 else -np.sqrt(0.095**2 - x**2)
        for k in range(4):
            joints[1 + 4 * finger + k] = (x, base_y - k * length, 0.0)
    return joints


def write_tiny_mesh_network(
    path: Path,
    *,
    size: int = 32,
    joints: np.ndarray | None = None,
    keypoints: np.ndarray | None = None,
    score: float | None = 0.99,
    right_probability: float | None = 0.99,
    left_out: Sequence[str] = (),
    metadata: dict[str, str] | None = None,
    nan_at: float | None = None,
) -> Path:
    """Write a network that answers the same hand for every picture (plus 0 x the picture's mean, so that it depends on its input).

    Args:
        nan_at: what it answers for pictures whose mean is within 0.1 of this is no number.
    """
    joints = open_hand() if joints is None else joints.astype(np.float32)
    if keypoints is None:  # without perspective; the hand fills the middle half of the crop
        keypoints = 0.5 + (joints[:, :2] - joints[:, :2].mean(axis=0)) / 0.4
    vertices = joints[[0, 5, 9, 17]]
    values = {"vertices": vertices, "joints": joints, "keypoints": keypoints.astype(np.float32)}
    if score is not None:
        values["score"] = np.array([score], np.float32)
    if right_probability is not None:
        values["side"] = np.array([right_probability], np.float32)
    nodes = [helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0)]
    constants = [numpy_helper.from_array(np.array(0.0, np.float32), "zero")]
    if nan_at is None:
        nodes.append(helper.make_node("Mul", ["mean", "zero"], ["nothing"]))
    else:  # 0 x sqrt(|mean - nan_at| - 0.1)
        constants += [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in (("at", nan_at), ("within", 0.1))]
        steps = (
            ("Sub", ["mean", "at"], "off"),
            ("Abs", ["off"], "far"),
            ("Sub", ["far", "within"], "outside"),
            ("Sqrt", ["outside"], "root"),
            ("Mul", ["root", "zero"], "nothing"),
        )
        nodes += [helper.make_node(operation, sources, [result]) for operation, sources, result in steps]
    outputs = []
    for name, value in values.items():
        if name in left_out:
            continue
        constants.append(numpy_helper.from_array(value[None], f"{name}_value"))
        nodes.append(helper.make_node("Add", [f"{name}_value", "nothing"], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, value[None].shape))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, size, size))
    graph = helper.make_graph(nodes, "tiny", [image], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, METADATA if metadata is None else metadata)
    onnx.save(model, str(path))
    return path
