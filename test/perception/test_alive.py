"""No layer of a committed network is silent: a part that says the same of every picture costs time and gives nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from support.paths import REPO

from handmesh_ros.files import clip_file
from handmesh_ros.hand import FloatArray, Side
from handmesh_ros.perception import Camera, HandPipeline
from handmesh_ros.perception.crop import extract_patch
from handmesh_ros.sources import open_source

MODELS = sorted(path for path in (REPO / "models").glob("mobrecon*.onnx"))
LAYERS = {"Conv", "Gemm", "MatMul", "Relu", "LeakyRelu", "Clip"}


@pytest.fixture(scope="module")
def patches() -> dict[Path, list[FloatArray]]:
    """Crops of the demo clip's right hand as each network wants them, every sixtieth frame."""
    camera = Camera.from_yaml(clip_file("demo_camera.yaml"))
    frames = [frame.rgb.copy() for number, frame in enumerate(open_source(str(clip_file("demo.mp4")))) if number % 60 == 0]
    found: dict[Path, list[FloatArray]] = {}
    for path in MODELS:
        pipeline = HandPipeline.load(str(path))
        hands = [(frame, hand) for frame in frames for hand in pipeline.process_single(frame, camera) if hand.side is Side.RIGHT]
        network = pipeline.network
        found[path] = [extract_patch(frame, network.region_around(hand.keypoints), network.patch_size).copy() for frame, hand in hands]
    return found


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_layer_says_something_else_of_other_pictures(path: Path, patches: dict[Path, list[FloatArray]]) -> None:
    model = onnx.load(path)
    reached, layers = {"image"}, []
    for node in model.graph.node:
        if reached & set(node.input):
            reached |= set(node.output)
            layers += [node.output[0]] if node.op_type in LAYERS else []
    assert len(layers) > 50
    given = {output.name for output in model.graph.output}
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in layers if name not in given)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert len(patches[path]) >= 4
    answers = [session.run(layers, {"image": patch}) for patch in patches[path]]
    silent = [name for name, values in zip(layers, zip(*answers, strict=True), strict=True) if not np.ptp(np.stack(values), axis=0).any()]
    assert silent == []
