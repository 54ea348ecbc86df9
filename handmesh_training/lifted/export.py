"""Writes the trained corrector and decoder as one ONNX file, ``models/lifted_decoder.onnx``, for compose_lifted to join."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from handmesh_ros.hand import INDEX_MCP, JOINT_COUNT, LITTLE_MCP, WRIST
from handmesh_ros.provision.tflite_to_onnx import IR_VERSION, OPSET
from handmesh_training.lifted.network import FINGER_ROOTS, JOINT_PARENTS_OR_WRIST, Lifted, SpiralBlock
from handmesh_training.networks.spiral_operators import DSConv
from handmesh_training.template import HandTemplate


def export_decoder(network: Lifted, template: HandTemplate, path: str | Path, training: str) -> None:
    """Write the decoder with inputs ``landmarks`` (1, 21, 3), fractions of the patch, and ``world_landmarks`` (1, 21, 3), metres.

    Outputs ``vertices`` (1, 778, 3) and ``joints`` (1, 21, 3). Metadata: faces, reference_size_m, licence, training.
    Operator set and file version are those of the landmark network, which it is joined to.
    The graph is written by hand: it needs no exporter, is small, and gathers vertices as ONNX Runtime likes them.
    """
    graph = _Graph()
    joints = _corrector(graph, network)
    vertices, found = _decoder(graph, network, joints)
    graph.node("Identity", [vertices], out="vertices")
    graph.node("Identity", [found], out="joints")
    shapes = {"landmarks": (1, JOINT_COUNT, 3), "world_landmarks": (1, JOINT_COUNT, 3)}
    outputs = {"vertices": (1, len(template.regressor[0]), 3), "joints": (1, JOINT_COUNT, 3)}
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "lifted_decoder",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="handmesh_ros",
    )
    faces = base64.b64encode(template.faces[0].astype(np.uint16).tobytes()).decode()
    helper.set_model_props(
        model, {"faces": faces, "reference_size_m": f"{template.reference_size_m:.6f}", "licence": "Apache-2.0", "training": training}
    )
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


class _Graph:
    """Collects nodes and constants and names them."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: object) -> str:
        array = values.detach().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
        array = array.astype(np.float32) if array.dtype.kind == "f" else array.astype(np.int64)
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, kind: str, inputs: list[str], out: str | None = None, **attributes: Any) -> str:
        name = out or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def take(self, values: str, indices: object, axis: int) -> str:
        return self.node("Gather", [values, self.constant(indices)], axis=axis)

    def reshape(self, values: str, shape: tuple[int, ...]) -> str:
        return self.node("Reshape", [values, self.constant(np.array(shape))])

    def sum(self, values: str, axis: int, keep: bool = True) -> str:
        return self.node("ReduceSum", [values, self.constant(np.array([axis]))], keepdims=int(keep))

    def times(self, values: str, factor: float) -> str:
        return self.node("Mul", [values, self.constant(np.float32(factor))])

    def root_of(self, squares: str, floor: float) -> str:
        return self.node("Sqrt", [self.node("Max", [squares, self.constant(np.float32(floor))])])

    def linear(self, values: str, layer: torch.nn.Linear) -> str:
        product = self.node("MatMul", [values, self.constant(layer.weight.T)])
        return self.node("Add", [product, self.constant(layer.bias)])

    def unit(self, vectors: str) -> str:
        squares = self.sum(self.node("Mul", [vectors, vectors]), 2)
        return self.node("Div", [vectors, self.root_of(squares, 1e-12)])


def _corrector(g: _Graph, network: Lifted) -> str:
    corrector = network.corrector
    picture = g.node("Sub", ["landmarks", g.take("landmarks", [WRIST], 1)])
    flat = g.take(picture, [0, 1], 2)
    centred = g.node("Sub", [flat, g.node("ReduceMean", [flat], axes=[1], keepdims=1)])
    squares = g.sum(g.node("Mul", [centred, centred]), 2)
    spread = g.root_of(g.node("ReduceMean", [squares], axes=[1], keepdims=1), 1e-8)
    picture = g.node("Div", [picture, spread])
    relative = g.node("Sub", ["world_landmarks", g.take("world_landmarks", [WRIST], 1)])
    roots = g.take(relative, list(FINGER_ROOTS), 1)
    lengths = g.root_of(g.sum(g.node("Mul", [roots, roots]), 2), 1e-5**2)
    mean = g.node("ReduceMean", [lengths], axes=[1], keepdims=1)
    base = g.node("Mul", [relative, g.node("Div", [g.constant(corrector.root_lengths), mean])])
    count = 3 * JOINT_COUNT
    values = g.node(
        "Concat", [g.reshape(picture, (1, count)), g.times(g.reshape(base, (1, count)), 1 / float(corrector.root_lengths))], axis=1
    )
    for layer in corrector.layers:
        values = g.linear(values, layer) if isinstance(layer, torch.nn.Linear) else g.node("Relu", [values])
    joints = g.node("Add", [base, g.times(g.reshape(values, (1, JOINT_COUNT, 3)), 0.01)])
    return g.node("Sub", [joints, g.take(joints, [WRIST], 1)])


def _decoder(g: _Graph, network: Lifted, joints: str) -> tuple[str, str]:
    decoder = network.decoder
    axes = _palm_axes(g, joints)
    local = g.node("MatMul", [joints, axes])
    count = 3 * JOINT_COUNT
    flat = g.reshape(local, (1, count))
    base = g.node("Add", [g.node("MatMul", [flat, g.constant(decoder.linear_base)]), g.constant(decoder.linear_offset)])
    bones = g.reshape(g.node("Sub", [local, g.take(local, JOINT_PARENTS_OR_WRIST, 1)]), (1, count))
    values = g.node("Concat", [g.times(flat, 10), g.times(bones, 30)], axis=1)
    for layer in decoder.embed:
        values = g.linear(values, layer) if isinstance(layer, torch.nn.Linear) else g.node("Relu", [values])
    # From here on rows are vertices, without the batch of one.
    rows = g.node("MatMul", [g.constant(decoder.lift), g.reshape(values, (JOINT_COUNT, decoder.features))])
    for block in decoder.blocks:
        assert isinstance(block, SpiralBlock)
        corners = g.take(rows, block.upsampling.columns, 0)
        rows = g.sum(g.node("Mul", [corners, g.constant(block.upsampling.weights[..., None])]), 1, keep=False)
        rows = g.node("Relu", [_dsconv(g, rows, block.convolution)])
    residual = g.times(_dsconv(g, rows, decoder.head), 0.01)
    vertex_count = decoder.regressor.shape[1]
    vertices = g.node("Add", [g.reshape(base, (1, vertex_count, 3)), g.reshape(residual, (1, vertex_count, 3))])
    found = g.node("MatMul", [g.constant(decoder.regressor), vertices])
    wrist = g.take(found, [WRIST], 1)
    back = g.node("Transpose", [axes], perm=[0, 2, 1])
    return tuple(g.node("MatMul", [g.node("Sub", [part, wrist]), back]) for part in (vertices, found))  # type: ignore[return-value]


def _dsconv(g: _Graph, rows: str, layer: DSConv) -> str:
    around = g.take(rows, layer.spiral, 0)
    return g.linear(g.sum(g.node("Mul", [around, g.constant(layer.taps.T)]), 1, keep=False), layer.mix)


def _palm_axes(g: _Graph, joints: str) -> str:
    """(1, 3, 3) as network.palm_axes."""
    roots = g.node("ReduceMean", [g.take(joints, list(FINGER_ROOTS), 1)], axes=[1], keepdims=1)
    x = g.unit(g.node("Sub", [roots, g.take(joints, [WRIST], 1)]))
    across = g.node("Sub", [g.take(joints, [INDEX_MCP], 1), g.take(joints, [LITTLE_MCP], 1)])
    along = g.sum(g.node("Mul", [across, x]), 2)
    y = g.unit(g.node("Sub", [across, g.node("Mul", [along, x])]))
    first = g.node("Mul", [g.take(x, [1, 2, 0], 2), g.take(y, [2, 0, 1], 2)])
    second = g.node("Mul", [g.take(x, [2, 0, 1], 2), g.take(y, [1, 2, 0], 2)])
    z = g.node("Sub", [first, second])
    return g.node("Transpose", [g.node("Concat", [x, y, z], axis=1)], perm=[0, 2, 1])
