"""Converts a TFLite convolutional network to ONNX: same numbers, images as NCHW instead of NHWC.

The mapping is operator by operator; images are kept as NCHW throughout and turned back only where a RESHAPE reads their memory order.
Weights stored as float16 become float32 constants (exact). The result depends on the input bytes alone, so it has a checksum of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from handmesh_ros.provision.tflite import Operator, TfliteError, TfliteModel, read_tflite

OPSET = 13
IR_VERSION = 7  # the version that came with opset 13, so that older ONNX Runtimes of robots load the files


def tflite_to_onnx(content: bytes, input_name: str, output_names: Sequence[str], name: str) -> bytes:
    """Convert the bytes of a ``.tflite`` file into the bytes of an ``.onnx`` file.

    Args:
        content: the TFLite file.
        input_name: name of the one input in the result, float32 (1, C, H, W).
        output_names: names of the outputs in the result, in the file's order.
        name: name of the graph.

    Raises:
        TfliteError: damaged file, or a network with something that this conversion does not know.
    """
    model = read_tflite(content)
    if len(model.inputs) != 1 or len(model.outputs) != len(output_names):
        raise TfliteError(f"expected one input and {len(output_names)} outputs, found {len(model.inputs)} and {len(model.outputs)}")
    serialized: bytes = _Converter(model, input_name, output_names).convert(name).SerializeToString(deterministic=True)
    return serialized


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """TFLite's SAME padding (before, after) along one axis: an odd total puts the larger part behind."""
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def _nchw(shape: Sequence[int]) -> tuple[int, ...]:
    return (shape[0], shape[3], shape[1], shape[2]) if len(shape) == 4 else tuple(shape)


class _Converter:
    def __init__(self, model: TfliteModel, input_name: str, output_names: Sequence[str]) -> None:
        self.model = model
        self.names = {index: f"t{index}" for index in range(len(model.tensors))}
        self.names[model.inputs[0]] = input_name
        self.names.update(zip(model.outputs, output_names, strict=True))
        self.constants = {index: tensor.data for index, tensor in enumerate(model.tensors) if tensor.data is not None}
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def convert(self, graph_name: str) -> onnx.ModelProto:
        handlers: dict[str, Callable[[Operator], None]] = {
            "ADD": self._add, "CONCATENATION": self._concatenation, "CONV_2D": self._convolution,
            "DEPTHWISE_CONV_2D": self._convolution, "DEQUANTIZE": self._dequantize, "FULLY_CONNECTED": self._fully_connected,
            "LOGISTIC": self._logistic, "MAX_POOL_2D": self._max_pool, "MEAN": self._mean, "PAD": self._pad, "PRELU": self._prelu,
            "RESHAPE": self._reshape, "RESIZE_BILINEAR": self._resize,
        }  # fmt: skip
        for operator in self.model.operators:
            handlers[operator.kind](operator)
        graph = helper.make_graph(
            self.nodes, graph_name, [self._value(self.model.inputs[0])], [self._value(i) for i in self.model.outputs], self.initializers
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="handmesh_ros")
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        return model

    # -- parts -----------------------------------------------------------------------------------------------------------------
    def _shape(self, index: int) -> tuple[int, ...]:
        return self.model.tensors[index].shape

    def _value(self, index: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(self.names[index], TensorProto.FLOAT, _nchw(self._shape(index)))

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        self.initializers.append(numpy_helper.from_array(value.copy(order="C"), name))
        return name

    def _node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=f"{kind}_{len(self.nodes)}", **attributes))
        return output

    def _emit(self, kind: str, inputs: Sequence[str], operator: Operator, **attributes: Any) -> None:
        """Append the node that computes the operator's output, followed by the activation fused into the operator."""
        output = self.names[operator.outputs[0]]
        activation = operator.options.get("activation")
        if activation is None:
            self._node(kind, inputs, output, **attributes)
            return
        linear = self._node(kind, inputs, output + "_linear", **attributes)
        if activation == "RELU":
            self._node("Relu", [linear], output)
        else:
            limits = [self._constant(output + "_low", np.array(0, np.float32)), self._constant(output + "_high", np.array(6, np.float32))]
            self._node("Clip", [linear, *limits], output)

    # -- operators -------------------------------------------------------------------------------------------------------------
    def _dequantize(self, operator: Operator) -> None:
        source = operator.inputs[0]
        if source not in self.constants or self.constants[source].dtype != np.float16:
            raise TfliteError("DEQUANTIZE of anything but a float16 constant is not supported")
        self.constants[operator.outputs[0]] = self.constants[source].astype(np.float32)

    def _convolution(self, operator: Operator) -> None:
        options, (source, weight, bias) = operator.options, operator.inputs
        kernel = self.constants[weight]
        depthwise = operator.kind == "DEPTHWISE_CONV_2D"
        # Ordinary kernels are stored (out, h, w, in), depthwise ones (1, h, w, channels).
        kernel = kernel.transpose(3, 0, 1, 2) if depthwise else kernel.transpose(0, 3, 1, 2)
        output = self.names[operator.outputs[0]]
        names = [self.names[source], self._constant(output + "_weight", kernel), self._constant(output + "_bias", self.constants[bias])]
        size = kernel.shape[2:]
        self._emit(
            "Conv", names, operator, kernel_shape=size, group=self._shape(source)[3] if depthwise else 1,
            **self._window(operator, size, (options["dilation_h"], options["dilation_w"])),
            dilations=[options["dilation_h"], options["dilation_w"]],
        )  # fmt: skip

    def _window(self, operator: Operator, kernel: Sequence[int], dilation: tuple[int, int] = (1, 1)) -> dict[str, Any]:
        """The attributes ``strides`` and ``pads`` of a sliding window."""
        options = operator.options
        strides = [options["stride_h"], options["stride_w"]]
        pads = [(0, 0), (0, 0)]
        if options["padding"] == "SAME":
            sizes = self._shape(operator.inputs[0])[1:3]
            pads = [same_padding(*axis) for axis in zip(sizes, kernel, strides, dilation, strict=True)]
        return {"strides": strides, "pads": [pads[0][0], pads[1][0], pads[0][1], pads[1][1]]}

    def _max_pool(self, operator: Operator) -> None:
        kernel = [operator.options["filter_h"], operator.options["filter_w"]]
        self._emit("MaxPool", [self.names[operator.inputs[0]]], operator, kernel_shape=kernel, **self._window(operator, kernel))

    def _prelu(self, operator: Operator) -> None:
        # x * a + relu(x) * (1 - a), both products as 1x1 depthwise convolutions: ONNX Runtime runs those in its blocked layout, whereas
        # its PRelu forces a change of layout before and after, which doubles the palm detector's time.
        source, slope = self.names[operator.inputs[0]], self.constants[operator.inputs[1]].reshape(-1, 1, 1, 1)
        output = self.names[operator.outputs[0]]
        positive = self._node("Relu", [source], output + "_positive")
        parts = [
            self._node("Conv", [x, self._constant(name + "_weight", factor)], name, kernel_shape=[1, 1], group=len(slope))
            for x, factor, name in ((source, slope, output + "_a"), (positive, 1 - slope, output + "_b"))
        ]
        self._node("Add", parts, output)

    def _add(self, operator: Operator) -> None:
        self._emit("Add", [self.names[i] for i in operator.inputs], operator)

    def _logistic(self, operator: Operator) -> None:
        self._emit("Sigmoid", [self.names[operator.inputs[0]]], operator)

    def _pad(self, operator: Operator) -> None:
        amounts = self.constants[operator.inputs[1]].astype(np.int64)[[0, 3, 1, 2]]
        pads = self._constant(self.names[operator.outputs[0]] + "_pads", amounts.T.reshape(-1))
        self._emit("Pad", [self.names[operator.inputs[0]], pads], operator, mode="constant")

    def _resize(self, operator: Operator) -> None:
        if not operator.options["half_pixel_centers"]:
            raise TfliteError("RESIZE_BILINEAR without half pixel centres is not supported")
        source, target = self._shape(operator.inputs[0]), self._shape(operator.outputs[0])
        scales = np.array([1, 1, target[1] / source[1], target[2] / source[2]], np.float32)
        names = [self.names[operator.inputs[0]], "", self._constant(self.names[operator.outputs[0]] + "_scales", scales)]
        self._emit("Resize", names, operator, mode="linear", coordinate_transformation_mode="half_pixel")

    def _reshape(self, operator: Operator) -> None:
        source, output = operator.inputs[0], self.names[operator.outputs[0]]
        target = self._shape(operator.outputs[0])
        if len(target) == 4:
            raise TfliteError("RESHAPE into an image is not supported")
        name = self.names[source]
        if len(self._shape(source)) == 4:
            name = self._node("Transpose", [name], output + "_nhwc", perm=[0, 2, 3, 1])
        self._emit("Reshape", [name, self._constant(output + "_shape", np.array(target, np.int64))], operator)

    def _concatenation(self, operator: Operator) -> None:
        axis, rank = operator.options["axis"], len(self._shape(operator.outputs[0]))
        axis = (0, 2, 3, 1)[axis] if rank == 4 else axis
        self._emit("Concat", [self.names[i] for i in operator.inputs], operator, axis=axis)

    def _mean(self, operator: Operator) -> None:
        if sorted(self.constants[operator.inputs[1]].tolist()) != [1, 2] or operator.options["keep_dims"]:
            raise TfliteError("MEAN is supported over the whole image only")
        output = self.names[operator.outputs[0]]
        pooled = self._node("GlobalAveragePool", [self.names[operator.inputs[0]]], output + "_pooled")
        self._node("Flatten", [pooled], output, axis=1)

    def _fully_connected(self, operator: Operator) -> None:
        source, weight, bias = operator.inputs
        output = self.names[operator.outputs[0]]
        if len(self._shape(source)) != 2:
            raise TfliteError("FULLY_CONNECTED is supported on vectors only")
        parameters = [self._constant(output + "_weight", self.constants[weight]), self._constant(output + "_bias", self.constants[bias])]
        self._emit("Gemm", [self.names[source], *parameters], operator, transB=1)
