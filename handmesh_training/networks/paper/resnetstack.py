"""ResNet18 and ResNet50 stacks: the heavy encoders of the paper's comparison (section 3.1).

The paper gives counts for ResNet18 (2391.3 M multiply-adds, 25.2 M parameters) but no layers; these are our own design around the stages
of He et al. (2016), matched to the counts within 3 %.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handmesh_training.networks.blocks import ConvNorm, SpaceToDepthStem
from handmesh_training.networks.stack import POSE_MAP_CHANNELS, Pyramid, StackedEncoder, enlarge

RESNET_STEM_CHANNELS = 64


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut (ResNet18)."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = ConvNorm(in_channels, width, 3, stride=stride)
        self.conv2 = ConvNorm(width, width, 3, relu=False)
        same = in_channels == width and stride == 1
        self.shortcut = nn.Identity() if same else ConvNorm(in_channels, width, 1, stride=stride, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv2(self.conv1(x)) + self.shortcut(x))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 around a shortcut (ResNet50); the result is four times as wide."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        out_channels = width * self.expansion
        self.conv1 = ConvNorm(in_channels, width)
        self.conv2 = ConvNorm(width, width, 3, stride=stride)
        self.conv3 = ConvNorm(width, out_channels, relu=False)
        same = in_channels == out_channels and stride == 1
        self.shortcut = nn.Identity() if same else ConvNorm(in_channels, out_channels, 1, stride=stride, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv3(self.conv2(self.conv1(x))) + self.shortcut(x))


Block = type[BasicBlock] | type[Bottleneck]


def _stage(block: Block, in_channels: int, width: int, count: int, stride: int) -> nn.Sequential:
    first = block(in_channels, width, stride)
    return nn.Sequential(first, *(block(width * block.expansion, width) for _ in range(count - 1)))


class ResNetDown(nn.Module):
    """The four stages of a ResNet, at 1/4, 1/8, 1/16 and 1/32 of the image."""

    def __init__(self, block: Block, counts: tuple[int, int, int, int]) -> None:
        super().__init__()
        e = block.expansion
        self.stage1 = _stage(block, RESNET_STEM_CHANNELS, 64, counts[0], 1)
        self.stage2 = _stage(block, 64 * e, 128, counts[1], 2)
        self.stage3 = _stage(block, 128 * e, 256, counts[2], 2)
        self.stage4 = _stage(block, 256 * e, 512, counts[3], 2)

    def forward(self, x: Tensor) -> Pyramid:
        eighth = self.stage2(self.stage1(x))
        sixteenth = self.stage3(eighth)
        return Pyramid(eighth, sixteenth, self.stage4(sixteenth))


class ResNetUp(nn.Module):
    """Way up: enlarge, a residual block, add the features of the way down."""

    def __init__(self, expansion: int) -> None:
        super().__init__()
        self.reduce1 = BasicBlock(512 * expansion, 256)
        self.skip1 = nn.Identity() if expansion == 1 else ConvNorm(256 * expansion, 256, relu=False)
        self.reduce2 = BasicBlock(256, 128)
        self.skip2 = nn.Identity() if expansion == 1 else ConvNorm(128 * expansion, 128, relu=False)
        self.reduce3 = BasicBlock(128, POSE_MAP_CHANNELS)

    def forward(self, pyramid: Pyramid) -> Tensor:
        x = self.reduce1(enlarge(pyramid.top)) + self.skip1(pyramid.sixteenth)
        x = self.reduce2(enlarge(x)) + self.skip2(pyramid.eighth)
        return self.reduce3(x)


def build_resnetstack(depth: int) -> StackedEncoder:
    """The stack of ResNet18 or ResNet50 stages (``depth`` 18 or 50)."""
    shapes: dict[int, tuple[Block, tuple[int, int, int, int]]] = {18: (BasicBlock, (2, 2, 2, 2)), 50: (Bottleneck, (3, 4, 6, 3))}
    block, counts = shapes[depth]
    e = block.expansion
    return StackedEncoder(
        stem=SpaceToDepthStem(64, BasicBlock(64, 128), 128, RESNET_STEM_CHANNELS),
        downs=(ResNetDown(block, counts), ResNetDown(block, counts)),
        ups=(ResNetUp(e), ResNetUp(e)),
        stem_channels=RESNET_STEM_CHANNELS,
        top_channels=512 * e,
    )
