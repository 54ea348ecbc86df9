"""A small builder of ONNX graphs: nodes and constants by value, so that exporters read like the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

EXPORT_OPSET = 17
ENCODER_SCOPE = "encoder/"  # begins the names of the nodes that quantization may touch
EXPORT_IR_VERSION = 8  # of ONNX 1.12 and later; onnxruntime 1.13 and later reads it


class GraphBuilder:
    """Collects nodes and constants. Values are names; equal constants are stored once.

    Args:
        half_weights: store float constants of 256 numbers and more as float16 with a Cast, which the runtime folds away at loading:
            half the file, the arithmetic stays float32.
        integer: the graph will be quantized. Exporters then choose the forms that ONNX Runtime's integer kernels are fast at.
    """

    def __init__(self, half_weights: bool = False, integer: bool = False) -> None:
        self.half_weights = half_weights
        self.integer = integer
        self.scope = ""  # begins the names of the nodes added from now on
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._initializers: list[TensorProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._sides: dict[str, int] = {}

    def set_side(self, x: str, side: int) -> str:
        """Note that a feature map is square with this side; convolutions and nodes hand it on. Returns ``x``."""
        self._sides[x] = side
        return x

    def side(self, x: str) -> int:
        """Side of a feature map."""
        return self._sides[x]

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; returns the output's name."""
        return self.nodes(op, inputs, 1, **attributes)[0]

    def nodes(self, op: str, inputs: Sequence[str], outputs: int, **attributes: Any) -> list[str]:
        """Add a node with several outputs."""
        number = len(self._nodes)
        names = [f"{op}_{number}_{i}" if outputs > 1 else f"{op}_{number}" for i in range(outputs)]
        self._nodes.append(helper.make_node(op, list(inputs), names, name=f"{self.scope}{op}_{number}", **attributes))
        if inputs and inputs[0] in self._sides:
            self._sides |= dict.fromkeys(names, self._sides[inputs[0]])
        return names

    def constant(self, value: NDArray[Any] | Sequence[float] | float) -> str:
        """A constant; floating point becomes float32, integers int64."""
        array = np.asarray(value)
        array = np.ascontiguousarray(array, np.float32 if array.dtype.kind == "f" else np.int64).reshape(array.shape)
        half = self.half_weights and array.dtype == np.float32 and array.size >= 256
        stored = array.astype(np.float16) if half else array
        key = (str(stored.dtype), stored.shape, stored.tobytes())
        if key not in self._constants:
            name = f"constant_{len(self._constants)}"
            self._initializers.append(numpy_helper.from_array(stored, name))
            self._constants[key] = self.node("Cast", name, to=TensorProto.FLOAT) if half else name
        return self._constants[key]

    def conv(
        self, x: str, weight: NDArray[Any], bias: NDArray[Any] | None = None, *, stride: int = 1, groups: int = 1, relu: bool = False,
        pad: int | list[int] | None = None,
    ) -> str:  # fmt: skip
        """Convolution with (out, in / groups, k, k) weights, padded to keep the size unless ``pad`` says otherwise: one number for
        all sides, or top, left, bottom, right."""
        k = weight.shape[2]
        pad = k // 2 if pad is None else pad
        pads = pad if isinstance(pad, list) else [pad] * 4
        inputs = [x, self.constant(weight)] + ([] if bias is None else [self.constant(bias)])
        y = self.node("Conv", *inputs, kernel_shape=[k, k], strides=[stride] * 2, pads=pads, group=groups)
        self.set_side(y, self._sides[x] // stride)
        return self.node("Relu", y) if relu else y

    def reshape(self, x: str, *shape: int) -> str:
        return self.node("Reshape", x, self.constant(np.array(shape)))

    def clip(self, x: str, low: float, high: float) -> str:
        return self.node("Clip", x, self.constant(float(low)), self.constant(float(high)))

    def output(self, name: str, x: str, shape: Sequence[int]) -> None:
        """Declare a float32 output of the graph."""
        self._nodes.append(helper.make_node("Identity", [x], [name], name=f"output_{name}"))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))

    def model(self, name: str, input_name: str, input_shape: Sequence[int], metadata: Mapping[str, str]) -> onnx.ModelProto:
        """The finished, checked model."""
        image = helper.make_tensor_value_info(input_name, TensorProto.FLOAT, list(input_shape))
        graph = helper.make_graph(self._nodes, name, [image], self._outputs, self._initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", EXPORT_OPSET)], ir_version=EXPORT_IR_VERSION)
        model.producer_name = "handmesh_ros"
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model
