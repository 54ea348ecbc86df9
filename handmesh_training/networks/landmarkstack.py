"""The encoder of MediaPipe's hand landmark network (Apache-2.0), an EfficientNet-Lite, with a way up to a fine map.

Built layer by layer as that network is, so that its weights, which have seen far more hands than this project can show, are where
training begins. It reads patches of 128 pixels here, not 224: a third of the multiply-adds.
(Source of the layer table: the model file that ``handmesh models --provision`` converts. EfficientNet: Tan and Le 2019.)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from handmesh_ros.errors import HandmeshError
from handmesh_training.networks.blocks import ConvNorm, SeparableUnit
from handmesh_training.networks.stack import EncoderOutput, Pyramid, enlarge

# Input channels, expanded channels, kernel, stride, output channels (0: the block ends with its depthwise convolution).
BLOCKS = (
    (16, 64, 3, 2, 24), (24, 144, 3, 1, 24), (24, 144, 5, 2, 40), (40, 240, 5, 1, 40), (40, 240, 3, 2, 80), (80, 480, 3, 1, 80),
    (80, 480, 3, 1, 80), (80, 480, 5, 1, 112), (112, 672, 5, 1, 112), (112, 672, 5, 1, 112), (112, 672, 5, 2, 192),
    (192, 1152, 5, 1, 192), (192, 1152, 5, 1, 192), (192, 1152, 5, 1, 192), (192, 1152, 3, 1, 0),
)  # fmt: skip
STEM_CHANNELS = 24
POOLED_CHANNELS = 1152
EIGHTH_BLOCK, SIXTEENTH_BLOCK = 3, 9  # the last ones with maps of 1/8 and 1/16 of the image
COARSE_CHANNELS, FINE_CHANNELS = 64, 48  # of the way up, at 1/16 and at 1/8
OUTPUTS = ("handedness", "presence", "landmarks", "world_landmarks")  # of the landmark network's file, in the order of its nodes


class LandmarkFileError(HandmeshError, ValueError):
    """The file is missing or is not MediaPipe's full hand landmark network."""


class SameConv(nn.Conv2d):
    """Convolution padded as TensorFlow's SAME is on even sides: with stride 2 the extra row and column lie below and to the right."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        before, extra = divmod(kernel - stride, 2)
        super().__init__(inputs, outputs, kernel, stride, padding=0 if extra else before, groups=groups)
        self.pads = (before, before + extra) * 2 if extra else None

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if self.pads is None else nn.functional.pad(x, self.pads))


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise, project 1x1, plus the input where the shape stays (Sandler et al., MobileNetV2, 2018); ReLU6 between."""

    def __init__(self, inputs: int, expanded: int, kernel: int, stride: int, outputs: int) -> None:
        super().__init__()
        self.expand = SameConv(inputs, expanded, 1)
        self.depthwise = SameConv(expanded, expanded, kernel, stride, groups=expanded)
        self.project = SameConv(expanded, outputs, 1) if outputs else None
        self.identity = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.relu6(self.depthwise(nn.functional.relu6(self.expand(x))))
        if self.project is not None:
            y = self.project(y)
        return x + y if self.identity else y


class LandmarkUp(nn.Module):
    """Way up: what the top knows of the whole hand, joined with the finer maps, (B, 48, S/8, S/8) (Lin et al., feature pyramids, 2017).

    The landmark network itself has none: it averages its top map, which blurs where things are.
    """

    def __init__(self) -> None:
        super().__init__()
        eighth, sixteenth = BLOCKS[EIGHTH_BLOCK][-1], BLOCKS[SIXTEENTH_BLOCK][-1]
        self.top = ConvNorm(POOLED_CHANNELS, COARSE_CHANNELS)
        self.sixteenth = ConvNorm(sixteenth, COARSE_CHANNELS, relu=False)
        self.mix_sixteenth = ConvNorm(COARSE_CHANNELS, COARSE_CHANNELS, 3)
        self.narrow = ConvNorm(COARSE_CHANNELS, FINE_CHANNELS, relu=False)
        self.eighth = ConvNorm(eighth, FINE_CHANNELS, relu=False)
        self.mix_eighth = ConvNorm(FINE_CHANNELS, FINE_CHANNELS, 3)
        self.unit = SeparableUnit(FINE_CHANNELS, FINE_CHANNELS)

    def forward(self, pyramid: Pyramid) -> Tensor:
        x = torch.relu(enlarge(self.top(pyramid.top)) + self.sixteenth(pyramid.sixteenth))
        x = x + self.mix_sixteenth(x)
        x = torch.relu(enlarge(self.narrow(x)) + self.eighth(pyramid.eighth))
        return self.unit(x + self.mix_eighth(x))


class LandmarkEncoder(nn.Module):
    """(B, 3, S, S) in -1..1 -> a fine map and the pooled features that the landmark network's outputs read.

    A pyramid that the encoder's way down has already made of a patch is taken in its place, in any precision.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv(3, STEM_CHANNELS, 3, 2)
        self.depthwise = SameConv(STEM_CHANNELS, STEM_CHANNELS, 3, groups=STEM_CHANNELS)
        self.project = SameConv(STEM_CHANNELS, BLOCKS[0][0], 1)
        self.blocks = nn.ModuleList(InvertedResidual(*row) for row in BLOCKS)
        self.up = LandmarkUp()
        self.frozen_blocks = 0

    def forward(self, image: Tensor | Pyramid) -> EncoderOutput:
        pyramid = self.down(image) if isinstance(image, Tensor) else Pyramid(*(values.float() for values in image))
        return EncoderOutput(self.up(pyramid), None, pyramid.top.mean(dim=(2, 3), dtype=torch.float32))

    def down(self, image: Tensor) -> Pyramid:
        """(B, 3, S, S) in -1..1 -> maps at 1/8, 1/16 and 1/32."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen_blocks):
            x = (image + 1) / 2  # the weights know pictures of 0..1
            x = self.project(nn.functional.relu6(self.depthwise(nn.functional.relu6(self.stem(x)))))
            maps = [x]
            for block in self.blocks[: self.frozen_blocks]:
                maps.append(block(maps[-1]))
        for block in self.blocks[self.frozen_blocks :]:
            maps.append(block(maps[-1]))
        return Pyramid(maps[EIGHTH_BLOCK + 1], maps[SIXTEENTH_BLOCK + 1], maps[-1])

    def freeze(self, blocks: int) -> None:
        """Keep stem and the first ``blocks`` blocks as they are: what edges and skin look like need not be learnt again, and
        the large maps are where training time goes. 0 frees all."""
        self.frozen_blocks = blocks
        for part in (self.stem, self.depthwise, self.project):
            part.requires_grad_(not blocks)
        for number, block in enumerate(self.blocks):
            block.requires_grad_(number >= blocks)


def read_landmark_weights(path: str | Path) -> tuple[list[tuple[Tensor, Tensor]], dict[str, tuple[Tensor, Tensor]]]:
    """Weights and biases of the converted landmark network: of its convolutions in order, and of its outputs by name.

    Raises:
        LandmarkFileError: no such file, or another network.
    """
    path = Path(path)
    if not path.is_file():
        raise LandmarkFileError(f"{path}: the landmark network is missing; 'handmesh models --provision' makes it")
    try:
        graph = onnx.load(str(path)).graph
    except Exception as error:  # protobuf's own error class is not public
        raise LandmarkFileError(f"{path}: not an ONNX file ({error})") from error
    arrays = {initializer.name: numpy_helper.to_array(initializer) for initializer in graph.initializer}

    def of(node: onnx.NodeProto) -> tuple[Tensor, Tensor]:
        weight, bias = (torch.from_numpy(arrays[name].astype(np.float32)) for name in node.input[1:3])
        return weight, bias.flatten()

    layers = {kind: [of(node) for node in graph.node if node.op_type == kind] for kind in ("Conv", "Gemm")}
    if len(layers["Gemm"]) != len(OUTPUTS):
        raise LandmarkFileError(f"{path}: {len(layers['Gemm'])} linear outputs, the full hand landmark network has {len(OUTPUTS)}")
    return layers["Conv"], dict(zip(OUTPUTS, layers["Gemm"], strict=True))


def load_encoder(encoder: LandmarkEncoder, path: str | Path) -> None:
    """Begin with the landmark network's weights (all but the way up, which that network lacks).

    Raises:
        LandmarkFileError: as :func:`read_landmark_weights`.
    """
    convolutions, _ = read_landmark_weights(path)
    layers = [module for module in encoder.modules() if isinstance(module, SameConv)]
    shapes = [tuple(layer.weight.shape) for layer in layers]
    if shapes != [tuple(weight.shape) for weight, _ in convolutions]:
        raise LandmarkFileError(f"{path}: its layers are not those of MediaPipe's full hand landmark network")
    for layer, (weight, bias) in zip(layers, convolutions, strict=True):
        layer.load_state_dict({"weight": weight, "bias": bias})
