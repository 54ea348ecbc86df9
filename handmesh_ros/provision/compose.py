"""Joins the landmark network and the lifting decoder into one file that keeps the mesh network contract: the model ``lifted``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from handmesh_ros.errors import HandmeshError
from handmesh_ros.hand import JOINT_COUNT

PATCH_SIZE = 224
# MediaPipe's own crop: twice the box of the palm and the middle joints. In crops by the box of the whole hand the network's worst
# errors are two to three times larger.
CROP_SCALE, CROP_BOX = 2.0, "palm"
# How far off it is, one sigma an axis (python -m benchmarks noise): keypoints, as a fraction of the hand, and joints at the reference size.
KEYPOINT_SIGMA, JOINT_SIGMA_M = 0.025, 0.0094
LANDMARK, DECODER = "landmark_", "decoder_"


class ComposeError(HandmeshError, ValueError):
    """A part is no ONNX file or lacks an input or output; the message names it."""


def compose_lifted(landmark: str | Path, decoder: str | Path, path: str | Path) -> None:
    """Write ``lifted``: image -> landmark network -> decoder.

    ``keypoints`` are exactly the landmark network's, divided by the patch's size; ``score`` is its presence. ``side`` is its
    handedness as it comes: near 1 for a right hand in a picture that is not mirrored (MediaPipe's labels say the opposite
    because they presume a mirrored one).

    Args:
        landmark: the converted landmark network: ``image`` (1, 3, 224, 224), RGB 0..1 -> ``landmarks`` (1, 63) pixels,
            ``presence``, ``handedness`` (1, 1), ``world_landmarks`` (1, 63) metres.
        decoder: :func:`handmesh_training.lifted.export.export_decoder`'s file.

    Raises:
        ComposeError: a part is broken or is not what it should be.
    """
    first = _load(landmark, {"landmarks", "presence", "handedness", "world_landmarks"})
    second = _load(decoder, {"vertices", "joints"})
    metadata = {prop.key: prop.value for prop in second.metadata_props}
    missing = {"faces", "reference_size_m", "licence", "training"} - set(metadata)
    if missing:
        raise ComposeError(f"{decoder}: metadata {sorted(missing)} is missing; export it anew with 'handmesh train lifted'")
    version = max(model.opset_import[0].version for model in (first, second))
    first, second = (compose.add_prefix(_at_version(model, version), prefix) for model, prefix in ((first, LANDMARK), (second, DECODER)))
    size, shape, first_two = "patch_size", "joint_shape", "first_two"
    constants = [
        numpy_helper.from_array(np.array(float(PATCH_SIZE), np.float32), size),
        numpy_helper.from_array(np.array([1, JOINT_COUNT, 3], np.int64), shape),
        numpy_helper.from_array(np.array([0, 1], np.int64), first_two),
    ]
    glue = [
        helper.make_node("Reshape", [f"{LANDMARK}landmarks", shape], ["landmarks_px"]),
        helper.make_node("Div", ["landmarks_px", size], [f"{DECODER}landmarks"]),
        helper.make_node("Gather", [f"{DECODER}landmarks", first_two], ["keypoints"], axis=2),
        helper.make_node("Reshape", [f"{LANDMARK}world_landmarks", shape], [f"{DECODER}world_landmarks"]),
    ]
    results = [
        helper.make_node("Identity", [source], [name])
        for source, name in (
            (f"{DECODER}vertices", "vertices"),
            (f"{DECODER}joints", "joints"),
            (f"{LANDMARK}presence", "score"),
            (f"{LANDMARK}handedness", "side"),
        )
    ]
    entry = helper.make_node("Identity", ["image"], [f"{LANDMARK}image"])
    vertices = next(output for output in second.graph.output if output.name == f"{DECODER}vertices")
    vertex_count = vertices.type.tensor_type.shape.dim[1].dim_value
    outputs = {"vertices": (vertex_count, 3), "joints": (JOINT_COUNT, 3), "keypoints": (JOINT_COUNT, 2), "score": (1,), "side": (1,)}
    model = helper.make_model(
        helper.make_graph(
            [entry, *first.graph.node, *glue, *second.graph.node, *results],
            "lifted",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, PATCH_SIZE, PATCH_SIZE))],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, *shape)) for name, shape in outputs.items()],
            [*first.graph.initializer, *second.graph.initializer, *constants],
        ),
        opset_imports=[helper.make_opsetid("", version)],
        ir_version=max(first.ir_version, second.ir_version),
        producer_name="handmesh_ros",
    )
    helper.set_model_props(
        model,
        {
            "handmesh_contract": "1",
            "name": "lifted",
            "crop_scale": str(CROP_SCALE),
            "crop_box": CROP_BOX,
            "keypoint_sigma": str(KEYPOINT_SIGMA),
            "joint_sigma_m": str(JOINT_SIGMA_M),
            **{key: metadata[key] for key in ("faces", "reference_size_m", "licence", "training")},
        },
    )
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _load(path: str | Path, wanted: set[str]) -> onnx.ModelProto:
    try:
        model = onnx.load(str(path))
    except Exception as error:
        raise ComposeError(f"{path}: cannot be read as an ONNX model ({error})") from error
    missing = wanted - {output.name for output in model.graph.output}
    if missing:
        raise ComposeError(f"{path}: outputs {sorted(missing)} are missing: this is not the part that 'lifted' needs")
    return model


def _at_version(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    return model if model.opset_import[0].version == version else onnx.version_converter.convert_version(model, version)
