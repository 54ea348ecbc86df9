"""GhostStack: the light encoder of MobRecon (section 3.1).

Its layers were never published. This is our own design to the paper's counts (96.2 M multiply-adds, 5.0 M parameters, within 3 %): thin
where the maps are large, wide at 4x4, where a weight costs 16 multiply-adds, with DenseStack's plan and GhostNet's cheap features.
"""

from __future__ import annotations

from torch import Tensor, nn

from handmesh_training.networks.blocks import DenseBlock, GhostUnit, SpaceToDepthStem, SqueezeExcite
from handmesh_training.networks.stack import POSE_MAP_CHANNELS, Pyramid, StackedEncoder, enlarge

GHOST_STEM_CHANNELS = 64
EIGHTH_CHANNELS = 128
SIXTEENTH_CHANNELS = 256
GHOST_TOP_CHANNELS = 1024
BOTTLENECK_CHANNELS = 704


class GhostBottleneck(nn.Module):
    """Squeezes and widens the top features around a shortcut."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.squeeze = GhostUnit(channels, hidden)
        self.widen = GhostUnit(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.widen(self.squeeze(x))


class GhostDown(nn.Module):
    """Way down: dense blocks of ghost units with average pools between them, then bottlenecks at the top."""

    def __init__(self, bottlenecks: int) -> None:
        super().__init__()
        self.block1 = DenseBlock(GhostUnit, GHOST_STEM_CHANNELS, 32, 2)
        self.gate1 = SqueezeExcite(EIGHTH_CHANNELS)
        self.block2 = DenseBlock(GhostUnit, EIGHTH_CHANNELS, 64, 2)
        self.gate2 = SqueezeExcite(SIXTEENTH_CHANNELS)
        self.block3 = DenseBlock(GhostUnit, SIXTEENTH_CHANNELS, 128, 2)
        self.block4 = DenseBlock(GhostUnit, 512, 256, 2)
        self.gate4 = SqueezeExcite(GHOST_TOP_CHANNELS)
        self.pool = nn.AvgPool2d(2)
        self.top = nn.Sequential(*(GhostBottleneck(GHOST_TOP_CHANNELS, BOTTLENECK_CHANNELS) for _ in range(bottlenecks)))

    def forward(self, x: Tensor) -> Pyramid:
        eighth = self.pool(self.gate1(self.block1(x)))
        sixteenth = self.pool(self.gate2(self.block2(eighth)))
        top = self.gate4(self.block4(self.pool(self.block3(sixteenth))))
        return Pyramid(eighth, sixteenth, self.top(top))


class GhostUp(nn.Module):
    """Way up: reduce, enlarge, add the reduced features of the way down."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce1 = GhostUnit(GHOST_TOP_CHANNELS, 128)
        self.skip1 = GhostUnit(SIXTEENTH_CHANNELS, 128)
        self.reduce2 = GhostUnit(128, 64)
        self.skip2 = GhostUnit(EIGHTH_CHANNELS, 64)
        self.reduce3 = nn.Sequential(GhostUnit(64, 64), GhostUnit(64, POSE_MAP_CHANNELS))
        self.gate = SqueezeExcite(POSE_MAP_CHANNELS)

    def forward(self, pyramid: Pyramid) -> Tensor:
        x = enlarge(self.reduce1(pyramid.top)) + self.skip1(pyramid.sixteenth)
        x = enlarge(self.reduce2(x)) + self.skip2(pyramid.eighth)
        return self.gate(self.reduce3(x))


def build_ghoststack() -> StackedEncoder:
    """The GhostStack encoder."""
    return StackedEncoder(
        stem=SpaceToDepthStem(16, GhostUnit(16, 32), 32, GHOST_STEM_CHANNELS),
        downs=(GhostDown(1), GhostDown(3)),
        ups=(GhostUp(), GhostUp()),
        stem_channels=GHOST_STEM_CHANNELS,
        top_channels=GHOST_TOP_CHANNELS,
    )
