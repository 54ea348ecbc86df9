"""Building blocks that the encoders share. Convolutions have no bias: a batch norm follows each."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvNorm(nn.Module):
    """Convolution and batch norm, then ReLU unless ``relu`` is False."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1, groups: int = 1, relu: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return torch.relu(x) if self.relu else x


class SeparableUnit(nn.Module):
    """``depth`` depthwise 3x3 convolutions, then a 1x1; plus the input where the shape allows."""

    def __init__(self, in_channels: int, out_channels: int, depth: int = 1) -> None:
        super().__init__()
        self.depthwise = nn.Sequential(*(ConvNorm(in_channels, in_channels, 3, groups=in_channels) for _ in range(depth)))
        self.pointwise = ConvNorm(in_channels, out_channels)
        self.identity = in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        y = self.pointwise(self.depthwise(x))
        return x + y if self.identity else y


class GhostUnit(nn.Module):
    """Half of the features from a 1x1 convolution, the others from a cheap depthwise 3x3 of those (Han et al., GhostNet, 2020)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.primary = ConvNorm(in_channels, half)
        self.cheap = ConvNorm(half, out_channels - half, 3, groups=half)

    def forward(self, x: Tensor) -> Tensor:
        primary = self.primary(x)
        return torch.cat((primary, self.cheap(primary)), dim=1)


class SqueezeExcite(nn.Module):
    """Scales every channel by a gate in (0, 1) computed from the averages of all (Hu et al., 2018).

    Between the two layers the values are clipped to [0, 4].
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = min(channels // 2, 256)
        self.squeeze = nn.Linear(channels, hidden, bias=False)
        self.squeeze_norm = nn.BatchNorm1d(hidden)
        self.excite = nn.Linear(hidden, channels, bias=False)
        self.excite_norm = nn.BatchNorm1d(channels)

    def gate(self, x: Tensor) -> Tensor:
        """(B, C) factors from (B, C, H, W) features."""
        hidden = self.squeeze_norm(self.squeeze(x.mean(dim=(2, 3)))).clamp(0, 4)
        return torch.sigmoid(self.excite_norm(self.excite(hidden)))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)[:, :, None, None]


class DenseBlock(nn.Module):
    """Every unit reads all features so far and appends its own (Huang et al., DenseNet, 2017)."""

    def __init__(self, unit: type[SeparableUnit] | type[GhostUnit], in_channels: int, growth: int, count: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.growth = growth
        self.units = nn.ModuleList(unit(in_channels + i * growth, growth) for i in range(count))

    def forward(self, x: Tensor) -> Tensor:
        for unit in self.units:
            x = torch.cat((x, unit(x)), dim=1)
        return x


class SpaceToDepthStem(nn.Module):
    """Image to the features that both stacks read, (B, 3, S, S) -> (B, out, S/4, S/4).

    A stride-2 convolution, one block at half resolution, then 2x2 pixels folded into channels (order: channel, row, column) and mixed.
    """

    def __init__(self, width: int, block: nn.Module, block_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = ConvNorm(3, width, 3, stride=2)
        self.block = block
        self.mix = ConvNorm(4 * block_channels, out_channels)

    def forward(self, image: Tensor) -> Tensor:
        return self.mix(nn.functional.pixel_unshuffle(self.block(self.conv(image)), 2))
