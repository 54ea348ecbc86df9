"""The two-stack encoder that all variants share (MobRecon, section 3.1): down, up, merge, down again, up again."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from handmesh_training.networks.blocks import ConvNorm

POSE_MAP_CHANNELS = 24
LATENT_CHANNELS = 256


class Pyramid(NamedTuple):
    """Features of a stack's way down: at 1/8, 1/16 and 1/32 of the image."""

    eighth: Tensor
    sixteenth: Tensor
    top: Tensor


class EncoderOutput(NamedTuple):
    """``latent`` (B, 256, S/32, S/32) feeds the mesh, ``pose_map`` (B, 24, S/8, S/8) the 2D pose; None where no head reads it.

    The landmark encoder's latent is its fine map (B, 48, S/8, S/8). ``pooled`` (B, C): its top map averaged, which its heads read;
    None from other encoders.
    """

    latent: Tensor
    pose_map: Tensor | None
    pooled: Tensor | None = None

    def as_float(self) -> EncoderOutput:
        """The same in single precision."""
        pose_map, pooled = (None if value is None else value.float() for value in (self.pose_map, self.pooled))
        return EncoderOutput(self.latent.float(), pose_map, pooled)

    def require_pose_map(self) -> Tensor:
        """The pose map of an encoder that makes one."""
        if self.pose_map is None:
            raise ValueError("this encoder makes no pose map: its second way up was taken out")
        return self.pose_map

    def require_pooled(self) -> Tensor:
        """The pooled features of an encoder that makes them."""
        if self.pooled is None:
            raise ValueError("this encoder makes no pooled features: heads named 'landmark' belong to the encoder 'landmark'")
        return self.pooled


class StackMerge(nn.Module):
    """Joins the stem's features with the pose map of stack 1 for stack 2."""

    def __init__(self, stem_channels: int) -> None:
        super().__init__()
        self.remap = ConvNorm(POSE_MAP_CHANNELS, POSE_MAP_CHANNELS)
        self.mix = ConvNorm(stem_channels + POSE_MAP_CHANNELS, stem_channels)

    def forward(self, stem: Tensor, pose_map: Tensor) -> Tensor:
        enlarged = nn.functional.interpolate(pose_map, scale_factor=2, mode="bilinear", align_corners=True)
        return self.mix(torch.cat((self.remap(enlarged), stem), dim=1))


class StackedEncoder(nn.Module):
    """Two hourglasses in a row; the second sees what the first concluded.

    Args:
        stem: (B, 3, S, S) -> (B, stem_channels, S/4, S/4).
        downs, ups: two each; a down gives a Pyramid, an up turns it into a (B, 24, S/8, S/8) map.
        stem_channels, top_channels: widths of the stem's output and of the second pyramid's top.

    Set ``up2`` to None for a network whose 2D head reads the latent map only.
    """

    def __init__(
        self,
        stem: nn.Module,
        downs: tuple[nn.Module, nn.Module],
        ups: tuple[nn.Module, nn.Module],
        stem_channels: int,
        top_channels: int,
    ) -> None:
        super().__init__()
        self.stem = stem
        self.down1, self.down2 = downs
        self.up1 = ups[0]
        self.up2: nn.Module | None = ups[1]
        self.merge = StackMerge(stem_channels)
        self.latent = nn.Conv2d(top_channels, LATENT_CHANNELS, 1, bias=False)

    def forward(self, image: Tensor) -> EncoderOutput:
        stem = self.stem(image)
        first = self.up1(self.down1(stem))
        second = self.down2(self.merge(stem, first))
        return EncoderOutput(self.latent(second.top), None if self.up2 is None else self.up2(second))


def enlarge(x: Tensor) -> Tensor:
    """Nearest neighbour, twice the size."""
    return nn.functional.interpolate(x, scale_factor=2, mode="nearest")
