"""DenseStack: the encoder of the accurate MobRecon (section 3.1), densely connected separable units with squeeze-excite gates."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handmesh_training.networks.blocks import DenseBlock, SeparableUnit, SpaceToDepthStem, SqueezeExcite
from handmesh_training.networks.stack import POSE_MAP_CHANNELS, Pyramid, StackedEncoder, enlarge

DENSE_STEM_CHANNELS = 128
DENSE_TOP_CHANNELS = 1024


class DenseBottleneck(nn.Module):
    """Two units replace the features: three quarters from all, one quarter from all and those."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        quarter = channels // 4
        self.main = SeparableUnit(channels, channels - quarter)
        self.rest = SeparableUnit(2 * channels - quarter, quarter)

    def forward(self, x: Tensor) -> Tensor:
        main = self.main(x)
        return torch.cat((main, self.rest(torch.cat((x, main), dim=1))), dim=1)


class DenseDown(nn.Module):
    """Way down: dense block, gate and average pool, three times; the last stack goes deeper (``deep``) at the top."""

    def __init__(self, deep: bool) -> None:
        super().__init__()
        self.block1 = DenseBlock(SeparableUnit, DENSE_STEM_CHANNELS, 64, 2)
        self.gate1 = SqueezeExcite(256)
        self.block2 = DenseBlock(SeparableUnit, 256, 64, 4)
        self.gate2 = SqueezeExcite(512)
        self.block3 = DenseBlock(SeparableUnit, 512, 128, 4)
        self.gate3 = SqueezeExcite(DENSE_TOP_CHANNELS) if deep else nn.Identity()
        self.pool = nn.AvgPool2d(2)
        self.top = nn.Sequential(*(DenseBottleneck(DENSE_TOP_CHANNELS) for _ in range(2))) if deep else nn.Identity()

    def forward(self, x: Tensor) -> Pyramid:
        eighth = self.pool(self.gate1(self.block1(x)))
        sixteenth = self.pool(self.gate2(self.block2(eighth)))
        return Pyramid(eighth, sixteenth, self.top(self.pool(self.gate3(self.block3(sixteenth)))))


class DenseUp(nn.Module):
    """Way up: two units and a gate, enlarge, add the features of the way down."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce1 = nn.Sequential(SeparableUnit(DENSE_TOP_CHANNELS, 512), SeparableUnit(512, 512, depth=2))
        self.gate1 = SqueezeExcite(512)
        self.reduce2 = nn.Sequential(SeparableUnit(512, 256), SeparableUnit(256, 256, depth=2))
        self.gate2 = SqueezeExcite(256)
        self.reduce3 = nn.Sequential(SeparableUnit(256, 256), SeparableUnit(256, POSE_MAP_CHANNELS, depth=2))
        self.gate3 = SqueezeExcite(POSE_MAP_CHANNELS)

    def forward(self, pyramid: Pyramid) -> Tensor:
        x = enlarge(self.gate1(self.reduce1(pyramid.top))) + pyramid.sixteenth
        x = enlarge(self.gate2(self.reduce2(x))) + pyramid.eighth
        return self.gate3(self.reduce3(x))


def build_densestack() -> StackedEncoder:
    """The DenseStack encoder: 373.0 M multiply-adds and 6.6 M parameters at 128x128 without the second way up."""
    return StackedEncoder(
        stem=SpaceToDepthStem(64, SeparableUnit(64, 128), 128, DENSE_STEM_CHANNELS),
        downs=(DenseDown(deep=False), DenseDown(deep=True)),
        ups=(DenseUp(), DenseUp()),
        stem_channels=DENSE_STEM_CHANNELS,
        top_channels=DENSE_TOP_CHANNELS,
    )
