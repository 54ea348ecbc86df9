"""int8 models: the encoder in 8 bits, calibrated on pictures, and what that costs in accuracy, measured.

Weights are symmetric, one scale a channel; activations asymmetric, one scale a tensor. Weights use 7 of the 8 bits: with all, sums of
pairs overflow in the integer instructions of x86 processors before VNNI. Heads, lifting and mesh decoder stay in float: they take few
multiply-adds, and their rounding would show in millimetres.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import create_calibrator

from handmesh_ros.errors import HandmeshError, reading
from handmesh_ros.perception.crop import extract_patch
from handmesh_ros.perception.crop_rules import region_from_keypoints
from handmesh_training.export.graph import ENCODER_SCOPE

ActivationRanges = dict[str, tuple[float, float]]

QUANTIZED = ["Conv", "Relu", "Add", "Mul", "Concat", "GlobalAveragePool", "Resize", "Sigmoid", "Clip"]


class CalibrationError(HandmeshError, ValueError):
    """There are no pictures to calibrate with."""


class _Patches(CalibrationDataReader):
    def __init__(self, patches: Sequence[np.ndarray]) -> None:
        self._rest: Iterator[np.ndarray] = iter(patches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        patch = next(self._rest, None)
        return None if patch is None else {"image": patch}


def real_hand_patches(
    folder: str | Path, count: int, patch_size: int, crop_scale: float, split: int = 0, crop_box: str = "hand"
) -> list[np.ndarray]:
    """Patches of right hands as the tracker cuts them, from the crops of a ``real_hands`` folder, spread over all its sources.

    Args:
        folder: holds labels.npz (names, split, uv, right) and the pictures that it names.
        count: how many, at most.
        split: 0 training, 1 validation pictures.

    Returns:
        (1, 3, patch_size, patch_size) float32 each.

    Raises:
        CalibrationError: no labels or no pictures there.
    """
    folder = Path(folder)
    if not (folder / "labels.npz").is_file():
        raise CalibrationError(f"{folder}: labels.npz missing; give the folder of real hand crops that int8 is to be calibrated on")
    with reading(folder / "labels.npz", "labels of crops", CalibrationError), np.load(folder / "labels.npz") as labels:
        names, uv, right = labels["names"], labels["uv"], labels["right"]
        rows = np.flatnonzero(labels["split"] == split)
    patches = []
    for row in np.random.default_rng(0).permutation(rows)[:count]:
        picture = cv2.imread(str(folder / str(names[row])))
        if picture is None:
            raise CalibrationError(f"{folder / str(names[row])}: a picture that labels.npz names cannot be read")
        region = region_from_keypoints(uv[row], crop_scale, mirror=bool(right[row] < 0.5), box=crop_box)
        patches.append(extract_patch(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), region, patch_size))
    if not patches:
        raise CalibrationError(f"{folder}: no pictures of split {split}")
    return patches


def quantize(model: onnx.ModelProto, patches: Sequence[np.ndarray]) -> onnx.ModelProto:
    """An int8 model (static, QDQ format) from a float one.

    Args:
        model: of build_model(..., precision="int8").
        patches: (1, 3, S, S) each, what the network will see.
    """
    if not patches:
        raise CalibrationError("int8 needs at least one patch to calibrate on")
    outside = [node.name for node in model.graph.node if not node.name.startswith(ENCODER_SCOPE)]
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # the quantizer warns about preprocessing that this graph does not need
    try:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
            onnx.save(model, source)
            ranges = share_ranges(model, measure_ranges(source, patches))
            overrides = {name: [{"rmin": np.float32(low), "rmax": np.float32(high)}] for name, (low, high) in ranges.items()}
            quantize_static(
                source,
                target,
                _Patches(patches[:1]),  # it insists on calibrating; the overrides replace what it finds
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=QUANTIZED,
                nodes_to_exclude=outside,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={"TensorQuantOverrides": overrides},
            )
            result = onnx.load(target)
    finally:
        root.setLevel(level)
    del result.metadata_props[:]
    result.metadata_props.extend(model.metadata_props)
    return result


def measure_ranges(path: Path, patches: Sequence[np.ndarray]) -> ActivationRanges:
    """Smallest and largest value of every tensor that is quantized, over the patches."""
    augmented = path.with_name("augmented.onnx")
    calibrator = create_calibrator(path, QUANTIZED, augmented_model_path=str(augmented), calibrate_method=CalibrationMethod.MinMax)
    calibrator.collect_data(_Patches(patches))
    found = calibrator.compute_data()
    return {name: (float(np.min(data.range_value[0])), float(np.max(data.range_value[1]))) for name, data in found.items()}


def share_ranges(model: onnx.ModelProto, ranges: ActivationRanges) -> ActivationRanges:
    """Give parts of a concatenation the range of the whole: equal scales make it a copy instead of a table look-up for every byte.

    A part whose own range is less than half as wide would lose more than one bit; it keeps its own.
    """
    shared = dict(ranges)
    # From the last concatenation back, so that dense blocks, whose concatenations are nested, agree throughout.
    for node in reversed([n for n in model.graph.node if n.op_type == "Concat" and n.name.startswith(ENCODER_SCOPE)]):
        low, high = shared[node.output[0]]
        for part in node.input:
            own_low, own_high = ranges[part]
            if own_high - own_low >= (high - low) / 2:
                shared[part] = (low, high)
    return shared


@dataclass(frozen=True)
class AccuracyChange:
    """How far a reduced model's answers lie from the full one's, mean and 95 % over patches and points.

    Attributes:
        joints_mm, vertices_mm: distance in space.
        keypoints: distance as a fraction of the patch's side.
        patches: how many were compared.
    """

    joints_mm: tuple[float, float]
    vertices_mm: tuple[float, float]
    keypoints: tuple[float, float]
    patches: int

    def __str__(self) -> str:
        return (
            f"mean (95 %) change on {self.patches} patches: joints {self.joints_mm[0]:.2f} ({self.joints_mm[1]:.2f}) mm, "
            f"vertices {self.vertices_mm[0]:.2f} ({self.vertices_mm[1]:.2f}) mm, "
            f"keypoints {self.keypoints[0]:.2%} ({self.keypoints[1]:.2%}) of the patch"
        )


def accuracy_change(full: onnx.ModelProto, reduced: onnx.ModelProto, patches: Sequence[np.ndarray]) -> AccuracyChange:
    """Compare two models of one network on the same patches; take others than those it was calibrated on."""
    sessions = [ort.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"]) for m in (full, reduced)]
    distances: dict[str, list[np.ndarray]] = {"joints": [], "vertices": [], "keypoints": []}
    for patch in patches:
        first, second = (session.run(list(distances), {"image": patch}) for session in sessions)
        for name, a, b in zip(distances, first, second, strict=True):
            distances[name].append(np.linalg.norm(a - b, axis=-1).ravel())

    def summary(name: str, scale: float) -> tuple[float, float]:
        values = scale * np.concatenate(distances[name])
        return float(values.mean()), float(np.percentile(values, 95))

    return AccuracyChange(summary("joints", 1e3), summary("vertices", 1e3), summary("keypoints", 1.0), len(patches))
