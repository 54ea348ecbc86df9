"""The reader of TFLite files: what it finds in real ones, what it says of damaged ones."""

import numpy as np
import pytest
from support.tflite_sources import tflite_bytes

from handmesh_ros.provision.tflite import TfliteError, read_tflite


def test_finds_the_graph_of_the_landmark_network() -> None:
    model = read_tflite(tflite_bytes("hand_landmark"))
    assert [model.tensors[i].shape for i in model.inputs] == [(1, 224, 224, 3)]
    assert [model.tensors[i].shape for i in model.outputs] == [(1, 63), (1, 1), (1, 1), (1, 63)]
    first = next(operator for operator in model.operators if operator.kind == "CONV_2D")
    assert first.options["padding"] == "SAME"
    assert (first.options["stride_h"], first.options["stride_w"]) == (2, 2)
    assert first.options["activation"] == "RELU6"
    assert (first.options["dilation_h"], first.options["dilation_w"]) == (1, 1)  # the format's default, not stored


def test_constants_have_their_shape_and_are_sane_numbers() -> None:
    model = read_tflite(tflite_bytes("palm_detection"))
    constants = [tensor for tensor in model.tensors if tensor.data is not None]
    halves = [tensor for tensor in constants if tensor.dtype == np.float16]
    assert len(halves) > 100
    for tensor in constants:
        assert tensor.data is not None
        assert tensor.data.shape == tensor.shape
    assert all(np.isfinite(tensor.data).all() for tensor in halves if tensor.data is not None)


def test_every_input_of_an_operator_was_computed_before() -> None:
    model = read_tflite(tflite_bytes("palm_detection"))
    known = {i for i, tensor in enumerate(model.tensors) if tensor.data is not None} | set(model.inputs)
    for operator in model.operators:
        assert set(operator.inputs) <= known
        known |= set(operator.outputs)
    assert set(model.outputs) <= known


@pytest.mark.parametrize("content", [b"", b"TFL3", b"PK\x03\x04 a zip file", b"<html>not found</html>" * 100])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(TfliteError, match="not a TFLite file"):
        read_tflite(content)


@pytest.mark.parametrize("size", [8, 40, 1000, 100_000, 5_000_000])
def test_truncated_files_are_refused(size: int) -> None:
    with pytest.raises(TfliteError, match="damaged"):
        read_tflite(tflite_bytes("hand_landmark")[:size])
