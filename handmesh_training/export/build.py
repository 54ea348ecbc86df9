"""A trained network -> one ONNX file that keeps the mesh network contract (perception/mesh_net.py), checked against torch."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch

from handmesh_ros.errors import HandmeshError
from handmesh_ros.hand import JOINT_COUNT
from handmesh_ros.outputs import write_whole
from handmesh_training.export.encoder import array, emit_encoder
from handmesh_training.export.graph import ENCODER_SCOPE, EXPORT_OPSET, GraphBuilder
from handmesh_training.export.landmark import emit_refinement, emit_skin
from handmesh_training.export.mesh import emit_decoder, emit_head, emit_pooling, emit_presence_side
from handmesh_training.export.quantize import AccuracyChange, accuracy_change, quantize, real_hand_patches
from handmesh_training.networks import MobRecon, TemplateLevels

CALIBRATION_PATCHES = 128
PARITY = 1e-4
HALF_PARITY = 2e-2  # float16 keeps 11 bits of every weight


class ExportError(HandmeshError, RuntimeError):
    """The network cannot be exported, or the file does not compute what torch computes."""


@dataclass(frozen=True)
class ModelCard:
    """What the metadata of a model file say beside its shapes.

    Attributes:
        name: short name, as in the manifest.
        licence: of weights and faces.
        training: one line on data and recipe.
        crop_scale: side of the patch over the longer side of the tight keypoint box; crop_box: of the whole "hand" or of the "palm".
        keypoint_sigma, joint_sigma_m: how far off the network is, as the contract has it; None where nobody has measured it.
    """

    name: str
    licence: str
    training: str
    crop_scale: float = 1.3
    crop_box: str = "hand"
    keypoint_sigma: float | None = None
    joint_sigma_m: float | None = None


@dataclass(frozen=True)
class ExportReport:
    """What was written: largest difference from torch over the largest value, for each output; file size; what int8 changed."""

    parity: dict[str, float]
    size_bytes: int
    change: AccuracyChange | None = None

    def __str__(self) -> str:
        worst = max(self.parity.values())
        text = f"{self.size_bytes / 1e6:.1f} MB, opset {EXPORT_OPSET}, largest difference from torch {worst:.1e} of the largest value"
        return text if self.change is None else f"{text} before quantization; int8: {self.change}"


def build_model(network: MobRecon, card: ModelCard, precision: str = "fp32") -> onnx.ModelProto:
    """The restructured graph of a network, see export_encoder and export_mesh.

    Args:
        network: in eval mode; batch norm statistics are folded.
        card: metadata.
        precision: fp32, fp16 for float16 weights with float32 arithmetic, or int8 for the float graph that quantization starts from.
    """
    if network.training:
        raise ExportError("the network is in training mode; call eval() so that batch norms use their running statistics")
    config, levels = network.config, network.levels
    graph = GraphBuilder(half_weights=precision == "fp16", integer=precision == "int8")
    graph.set_side("image", config.patch_size)
    graph.scope = ENCODER_SCOPE
    encoded = emit_encoder(network.encoder, graph, "image")
    graph.scope = ""
    pose = emit_head(network.head, graph, encoded)
    if network.refinement is not None:
        pose = emit_refinement(network.refinement, graph, encoded.latent, pose)
    features = emit_pooling(network.pooling, graph, encoded.latent, config.patch_size // 32, pose)
    vertices = emit_decoder(network.decoder, graph, features, config.unit_m)
    if network.skin is not None:
        vertices = graph.node("Add", vertices, emit_skin(network.skin, graph, pose))
    joints = graph.node("MatMul", graph.constant(array(network.joint_regressor)), vertices)
    for name, value, count, width in (
        ("vertices", vertices, levels.vertex_counts[-1], 3),
        ("joints", joints, JOINT_COUNT, 3),
        ("keypoints", pose.keypoints, JOINT_COUNT, 2),
    ):
        graph.output(name, graph.reshape(value, 1, count, width), (1, count, width))
    if network.presence_side is not None:
        score, side = emit_presence_side(network.presence_side, graph, encoded)
        for name, value, wanted in (("score", score, config.presence), ("side", side, config.side)):
            if wanted:
                graph.output(name, value, (1, 1))
    return graph.model(card.name, "image", (1, 3, config.patch_size, config.patch_size), metadata(levels, card))


def metadata(levels: TemplateLevels, card: ModelCard) -> dict[str, str]:
    """The metadata of the contract."""
    noise = {"keypoint_sigma": card.keypoint_sigma, "joint_sigma_m": card.joint_sigma_m}
    return {
        "handmesh_contract": "1",
        "faces": base64.b64encode(levels.faces.astype(np.uint16).tobytes()).decode(),
        "reference_size_m": repr(float(levels.size_m)),
        "crop_scale": repr(card.crop_scale),
        "crop_box": card.crop_box,
        "name": card.name,
        "licence": card.licence,
        "training": card.training,
        **{name: f"{sigma:.2g}" for name, sigma in noise.items() if sigma is not None},
    }


def torch_outputs(network: MobRecon, image: np.ndarray) -> dict[str, np.ndarray]:
    """What the file must compute, for a (1, 3, S, S) patch."""
    with torch.no_grad():
        output = network(torch.from_numpy(image))
    values = {"vertices": output.vertices, "joints": output.joints, "keypoints": output.keypoints}
    if output.presence_side is not None:
        score, side = torch.sigmoid(output.presence_side).split(1, dim=1)
        values |= {"score": score} if network.config.presence else {}
        values |= {"side": side} if network.config.side else {}
    return {name: value.numpy() for name, value in values.items()}


def parity(network: MobRecon, model: onnx.ModelProto, patches: int = 2) -> dict[str, float]:
    """Largest difference between file and torch over the largest value, for each output, on smooth random patches."""
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    size, rng = network.config.patch_size, np.random.default_rng(0)
    worst: dict[str, float] = {}
    for _ in range(patches):
        coarse = torch.from_numpy(rng.random((1, 3, 8, 8), np.float32))
        image = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic").clamp(0, 1).numpy()
        expected = torch_outputs(network, image)
        for name, value in zip(expected, session.run(list(expected), {"image": image}), strict=True):
            scale = max(float(np.abs(expected[name]).max()), 1e-9)
            worst[name] = max(worst.get(name, 0.0), float(np.abs(value - expected[name]).max()) / scale)
    return worst


def export_network(
    network: MobRecon, path: str | Path, card: ModelCard, precision: str = "fp32", pictures: str | Path | None = None
) -> ExportReport:
    """Write a model file and check it against torch.

    Args:
        precision: fp32, fp16 (weights only) or int8.
        pictures: folder of real hand crops (labels.npz): int8 is calibrated on its training pictures and measured on the others.

    Raises:
        ExportError: the file differs from torch by more than PARITY (fp16 weights: HALF_PARITY) of the largest value.
    """
    model = build_model(network, card, precision)
    differences = parity(network, model)
    limit = HALF_PARITY if precision == "fp16" else PARITY
    wrong = {name: value for name, value in differences.items() if not value <= limit}
    if wrong:
        raise ExportError(f"the exported graph differs from torch by {wrong} of the largest value, at most {limit} is allowed; not written")
    change = None
    if precision == "int8":
        if pictures is None:
            raise ExportError("int8 needs pictures to calibrate on: give a folder of real hand crops (--calibration)")
        size = network.config.patch_size
        full = model
        seen, others = (
            real_hand_patches(pictures, CALIBRATION_PATCHES, size, card.crop_scale, split=split, crop_box=card.crop_box) for split in (0, 1)
        )
        model = quantize(full, seen)
        change = accuracy_change(full, model, others)
    path = Path(path)
    write_whole(path, model.SerializeToString())
    return ExportReport(differences, path.stat().st_size, change)
