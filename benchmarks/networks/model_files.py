"""The model files that ``python -m benchmarks networks`` compares: every network of the family, exported anew, and what lies in models/."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from handmesh_training.export.build import ModelCard, build_model
from handmesh_training.export.graph import EXPORT_OPSET
from handmesh_training.export.quantize import quantize, real_hand_patches
from handmesh_training.networks import MobRecon, NetworkConfig, TemplateLevels, count_parts

# Config, then the precisions to compare; "naive" is torch's own exporter on the same network.
NETWORKS = (
    ("dense + DSConv", NetworkConfig("dense"), ("naive", "fp32", "fp16", "int8")),
    ("dense + SpiralConv++", NetworkConfig("dense", decoder="spiral"), ("naive", "fp32")),
    ("ghost + DSConv", NetworkConfig("ghost"), ("naive", "fp32", "fp16", "int8")),
    ("ghost + SpiralConv++", NetworkConfig("ghost", decoder="spiral"), ("fp32",)),
    ("resnet18 + DSConv", NetworkConfig("resnet18"), ("naive", "fp32")),
)
SPEED_CALIBRATION_PATCHES = 16  # the speed does not depend on them


@dataclass(frozen=True)
class ModelFile:
    """One row of the table: a file and what its network costs (None where the project does not know)."""

    name: str
    precision: str
    path: Path
    multiply_adds: int | None
    parameters: int | None

    @property
    def size_mb(self) -> float:
        return self.path.stat().st_size / 1e6


def write_models(folder: Path, levels: TemplateLevels, pictures: Path | None) -> list[ModelFile]:
    """Export every network with random weights (speed does not depend on them).

    Args:
        folder: where the files go.
        levels: of the hand template.
        pictures: real hand crops for int8, or None for smooth random patches.
    """
    files = []
    for name, config, precisions in NETWORKS:
        torch.manual_seed(0)
        network = MobRecon(config, levels).eval()
        total = count_parts(network)["total"]
        for precision in precisions:
            path = folder / f"{config.encoder}_{config.decoder}_{precision}.onnx"
            path.write_bytes(_export(network, precision, pictures))
            files.append(ModelFile(name, precision, path, total.multiply_adds, total.parameters))
    return files


def _export(network: MobRecon, precision: str, pictures: Path | None) -> bytes:
    if precision == "naive":
        return naive_export(network)
    model = build_model(network, ModelCard("bench", "none", "random weights"), precision)
    if precision == "int8":
        size = network.config.patch_size
        patches = smooth_patches(SPEED_CALIBRATION_PATCHES, size)
        if pictures is not None:
            patches = real_hand_patches(pictures, SPEED_CALIBRATION_PATCHES, size, 1.3)
        model = quantize(model, patches)
    return bytes(model.SerializeToString())


class _Outputs(nn.Module):
    def __init__(self, network: MobRecon) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        output = self.network(image)
        return output.vertices, output.joints, output.keypoints


def naive_export(network: MobRecon) -> bytes:
    """The same network through torch's TorchScript exporter, as one would write it without thought: the peer of our export."""
    size = network.config.patch_size
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Outputs(network).eval(),
            (torch.zeros(1, 3, size, size),),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=EXPORT_OPSET,
            input_names=["image"],
            output_names=["vertices", "joints", "keypoints"],
        )
    return buffer.getvalue()


def smooth_patches(count: int, size: int) -> list[np.ndarray]:
    """Random colours, smooth in space: something to run a network on."""
    coarse = torch.from_numpy(np.random.default_rng(0).random((count, 3, 8, 8), np.float32))
    smooth = nn.functional.interpolate(coarse, size=(size, size), mode="bicubic").clamp(0, 1).numpy()
    return list(smooth[:, None])
