"""Reads a TFLite model file into plain dataclasses: enough of the format to convert a convolutional network.

A TFLite file is one FlatBuffer, laid out by TensorFlow's ``schema.fbs`` (version 3). A FlatBuffer table begins with a signed offset
back to its vtable, which lists where in the table each field lies (0: absent, take the default). Everything is little endian.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import HandmeshError

T = TypeVar("T")

# Numbers of schema.fbs.
OPERATORS = {
    0: "ADD", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 6: "DEQUANTIZE", 9: "FULLY_CONNECTED", 14: "LOGISTIC",
    17: "MAX_POOL_2D", 22: "RESHAPE", 23: "RESIZE_BILINEAR", 34: "PAD", 40: "MEAN", 54: "PRELU",
}  # fmt: skip
DTYPES = {0: "<f4", 1: "<f2", 2: "<i4", 3: "u1", 4: "<i8", 9: "i1"}
ACTIVATIONS = {0: None, 1: "RELU", 3: "RELU6"}
PADDINGS = {0: "SAME", 1: "VALID"}

# Operator -> its option fields as (name, field number, struct format, default).
OptionField = tuple[str, int, str, int]
OPTIONS: dict[str, tuple[OptionField, ...]] = {
    "ADD": (("activation", 0, "b", 0),),
    "CONCATENATION": (("axis", 0, "i", 0), ("activation", 1, "b", 0)),
    "CONV_2D": (
        ("padding", 0, "b", 0), ("stride_w", 1, "i", 0), ("stride_h", 2, "i", 0), ("activation", 3, "b", 0),
        ("dilation_w", 4, "i", 1), ("dilation_h", 5, "i", 1),
    ),
    "DEPTHWISE_CONV_2D": (
        ("padding", 0, "b", 0), ("stride_w", 1, "i", 0), ("stride_h", 2, "i", 0), ("multiplier", 3, "i", 0),
        ("activation", 4, "b", 0), ("dilation_w", 5, "i", 1), ("dilation_h", 6, "i", 1),
    ),
    "FULLY_CONNECTED": (("activation", 0, "b", 0), ("weights_format", 1, "b", 0)),
    "MAX_POOL_2D": (
        ("padding", 0, "b", 0), ("stride_w", 1, "i", 0), ("stride_h", 2, "i", 0), ("filter_w", 3, "i", 0), ("filter_h", 4, "i", 0),
        ("activation", 5, "b", 0),
    ),
    "MEAN": (("keep_dims", 0, "?", 0),),
    "RESIZE_BILINEAR": (("align_corners", 2, "?", 0), ("half_pixel_centers", 3, "?", 0)),
}  # fmt: skip


class TfliteError(HandmeshError, ValueError):
    """The bytes are not a TFLite model that this reader understands."""


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of the graph; ``data`` is its constant value, None where the graph computes it. Images are NHWC."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    data: NDArray[Any] | None


@dataclass(frozen=True)
class Operator:
    """One operation: tensor indices in and out (-1: an optional input left out) and its options by name."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any]


@dataclass(frozen=True)
class TfliteModel:
    """The first subgraph of a model, operators in order of execution."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class _Table:
    """A FlatBuffer table at a byte position."""

    def __init__(self, buffer: bytes, position: int) -> None:
        self.buffer = buffer
        self.position = position
        self.vtable = position - self._unpack("i", position)
        self.vtable_size = self._unpack("H", self.vtable)

    def _unpack(self, form: str, position: int) -> Any:
        return struct.unpack_from("<" + form, self.buffer, position)[0]

    def _field(self, number: int) -> int:
        """Byte position of a field, 0 where it is absent."""
        slot = 4 + 2 * number
        offset = self._unpack("H", self.vtable + slot) if slot < self.vtable_size else 0
        return self.position + offset if offset else 0

    def scalar(self, number: int, form: str, default: int = 0) -> Any:
        position = self._field(number)
        return self._unpack(form, position) if position else default

    def table(self, number: int) -> _Table | None:
        position = self._field(number)
        return _Table(self.buffer, position + self._unpack("I", position)) if position else None

    def _vector(self, number: int) -> tuple[int, int]:
        """Position of the first element and the count."""
        position = self._field(number)
        if not position:
            return 0, 0
        start = position + self._unpack("I", position)
        return start + 4, self._unpack("I", start)

    def array(self, number: int, dtype: str) -> NDArray[Any]:
        start, count = self._vector(number)
        return np.frombuffer(self.buffer, dtype, count, start) if count else np.empty(0, dtype)

    def text(self, number: int) -> str:
        return self.array(number, "u1").tobytes().decode("utf-8")

    def tables(self, number: int, read: Callable[[_Table], T]) -> tuple[T, ...]:
        start, count = self._vector(number)
        positions = range(start, start + 4 * count, 4)
        return tuple(read(_Table(self.buffer, position + self._unpack("I", position))) for position in positions)


def read_tflite(content: bytes) -> TfliteModel:
    """Parse the bytes of a ``.tflite`` file. Raises TfliteError for anything else."""
    if content[4:8] != b"TFL3":
        raise TfliteError("not a TFLite file: the identifier TFL3 is missing")
    try:
        return _read_model(content)
    except (struct.error, IndexError, ValueError, KeyError, TypeError, OverflowError, MemoryError, RecursionError) as error:
        raise TfliteError(f"damaged or unsupported TFLite file: {error}") from error


def _read_model(content: bytes) -> TfliteModel:
    model = _Table(content, struct.unpack_from("<I", content)[0])
    kinds = model.tables(1, _operator_kind)
    buffers = model.tables(4, lambda table: table.array(0, "u1"))
    graph = model.tables(2, lambda table: table)[0]
    return TfliteModel(
        tensors=graph.tables(0, lambda table: _read_tensor(table, buffers)),
        operators=graph.tables(3, lambda table: _read_operator(table, kinds)),
        inputs=tuple(graph.array(1, "<i4").tolist()),
        outputs=tuple(graph.array(2, "<i4").tolist()),
    )


def _operator_kind(table: _Table) -> str:
    # Old files keep the number in a byte field, new ones in a wider field; the larger of the two is right.
    number = max(table.scalar(0, "b"), table.scalar(3, "i"))
    if number not in OPERATORS:
        raise TfliteError(f"operator number {number} is not supported")
    return OPERATORS[number]


def _read_tensor(table: _Table, buffers: tuple[NDArray[Any], ...]) -> Tensor:
    shape = tuple(table.array(0, "<i4").tolist())
    dtype = np.dtype(DTYPES[table.scalar(1, "b")])
    raw = buffers[table.scalar(2, "I")]
    return Tensor(table.text(3), shape, dtype, raw.view(dtype).reshape(shape) if raw.size else None)


def _read_operator(table: _Table, kinds: tuple[str, ...]) -> Operator:
    kind = kinds[table.scalar(0, "I")]
    fields = table.table(4)
    options: dict[str, Any] = {}
    for name, number, form, default in OPTIONS.get(kind, ()):
        options[name] = fields.scalar(number, form, default) if fields else default
    if "activation" in options:
        options["activation"] = ACTIVATIONS[options["activation"]]
    if "padding" in options:
        options["padding"] = PADDINGS[options["padding"]]
    return Operator(kind, tuple(table.array(1, "<i4").tolist()), tuple(table.array(2, "<i4").tolist()), options)
