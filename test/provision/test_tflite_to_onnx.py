"""The conversion gives the numbers that TensorFlow Lite's own runtime gives for the same file."""

import hashlib

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from support.tflite_sources import outputs, tflite_bytes

from handmesh_ros.provision.store import default_store
from handmesh_ros.provision.tflite import TfliteError
from handmesh_ros.provision.tflite_to_onnx import OPSET, same_padding, tflite_to_onnx

NETWORKS = [("palm_detection", False), ("palm_detection", True), ("hand_landmark", False), ("hand_landmark", True)]
# Landmarks and boxes in pixels, probabilities, metres; palm scores are logits.
TOLERANCE = {"boxes": 2e-3, "scores": 2e-3, "landmarks": 2e-3, "presence": 1e-5, "handedness": 1e-5, "world_landmarks": 1e-5}


def convert(name: str, lite: bool = False) -> bytes:
    return tflite_to_onnx(tflite_bytes(name, lite), "image", outputs(name), name)


def pictures(size: int) -> list[np.ndarray]:
    """Synthetic pictures (size, size, 3), 0..1: noise at several scales, black, white, and something like a hand."""
    rng = np.random.default_rng(7)
    noise = [cv2.GaussianBlur(rng.random((size, size, 3), np.float32), (0, 0), sigma) for sigma in (0.3, 2, 6)]
    noise = [(picture - picture.min()) / np.ptp(picture) for picture in noise]
    hand = np.full((size, size, 3), 0.25, np.float32)
    palm = (size // 2, size * 2 // 3)
    cv2.circle(hand, palm, size // 7, (0.8, 0.6, 0.5), -1)
    for finger in range(5):
        tip = (size // 2 + (finger - 2) * size // 9, size // 4 + abs(finger - 2) * size // 16)
        cv2.line(hand, palm, tip, (0.8, 0.6, 0.5), size // 16)
    return [*noise, np.zeros_like(hand), np.ones_like(hand), hand]


@pytest.mark.parametrize(("name", "lite"), NETWORKS)
def test_parity_with_tensorflow_lite(name: str, lite: bool) -> None:
    litert = pytest.importorskip("ai_edge_litert.interpreter", reason="parity needs ai-edge-litert (extra 'dev')")
    content = tflite_bytes(name, lite)
    reference = litert.Interpreter(model_content=content, num_threads=1)
    reference.allocate_tensors()
    source = reference.get_input_details()[0]
    # "Identity", "Identity_1" ...: by name they are in the file's order.
    targets = sorted(reference.get_output_details(), key=lambda detail: detail["name"])
    session = ort.InferenceSession(convert(name, lite), providers=["CPUExecutionProvider"])
    spread = 0.0
    for picture in pictures(source["shape"][1]):
        reference.set_tensor(source["index"], picture[None])
        reference.invoke()
        image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None])
        for output, found, target in zip(outputs(name), session.run(outputs(name), {"image": image}), targets, strict=True):
            expected = reference.get_tensor(target["index"])
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[output], err_msg=output)
            spread = max(spread, float(np.ptp(expected)))
    assert spread > 1  # the networks did say something


@pytest.mark.parametrize("name", ["palm_detection", "hand_landmark"])
def test_the_result_depends_on_the_input_alone(name: str) -> None:
    first, second = convert(name), convert(name)
    assert first == second
    assert hashlib.sha256(first).hexdigest() == default_store().models[name].sha256


def test_the_file_states_its_opset_and_names() -> None:
    model = onnx.load_from_string(convert("hand_landmark"))
    assert [opset.version for opset in model.opset_import] == [OPSET]
    assert [value.name for value in model.graph.input] == ["image"]
    assert tuple(value.name for value in model.graph.output) == outputs("hand_landmark")


def test_no_prelu_is_left_because_it_is_slow() -> None:
    kinds = {node.op_type for node in onnx.load_from_string(convert("palm_detection")).graph.node}
    assert "PRelu" not in kinds


def test_wrong_number_of_output_names() -> None:
    with pytest.raises(TfliteError, match="4"):
        tflite_to_onnx(tflite_bytes("hand_landmark"), "image", ["landmarks"], "hand_landmark")


@pytest.mark.parametrize("size", [1, 5, 6, 96, 97])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_padding(size: int, kernel: int, stride: int, dilation: int) -> None:
    before, after = same_padding(size, kernel, stride, dilation)
    reach = (kernel - 1) * dilation + 1
    steps = -(-size // stride)  # SAME means: as many outputs as the size divided by the stride, rounded up
    assert 0 <= before <= after <= before + 1
    assert (size + before + after - reach) // stride + 1 == steps
    if before + after:
        assert (steps - 1) * stride + reach == size + before + after  # and not one pixel more than needed
