"""Spiral convolutions on a mesh (section 3.3): each vertex reads the features along its spiral; they differ in how they fuse them.

Features lie as (V, B, C), vertices first: a spiral then picks whole rows, and the way back through it adds whole rows, which halves the
time of training.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


class SpiralOperator(nn.Module):
    """Base of the operators: (V, B, in) -> (V, B, out) along (V, L) spirals."""

    def __init__(self, spiral: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("spiral", torch.from_numpy(np.ascontiguousarray(spiral, np.int64)), persistent=False)
        self.spiral: Tensor

    def gather(self, x: Tensor) -> Tensor:
        """(V, B, C) -> (V, L, B, C): the features along each spiral."""
        return x.index_select(0, self.spiral.flatten()).unflatten(0, self.spiral.shape)


class SpiralConv(SpiralOperator):
    """SpiralConv++ (Gong et al., 2019): one linear layer over the concatenated features of the spiral."""

    def __init__(self, in_channels: int, out_channels: int, spiral: np.ndarray) -> None:
        super().__init__(spiral)
        self.linear = nn.Linear(in_channels * spiral.shape[1], out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.gather(x).transpose(1, 2).flatten(2))


class DSConv(SpiralOperator):
    """Depth-separable spiral convolution, the paper's own: a filter along the spiral for each channel, then a 1x1 mix. The paper's has no
    ``bias``."""

    def __init__(self, in_channels: int, out_channels: int, spiral: np.ndarray, bias: bool = False) -> None:
        super().__init__(spiral)
        self.taps = nn.Parameter(torch.empty(in_channels, spiral.shape[1]))
        nn.init.kaiming_uniform_(self.taps, a=5**0.5)
        self.mix = nn.Linear(in_channels, out_channels, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        # Tap by tap, so that the (V, L, B, C) gather never exists at once.
        filtered = x.index_select(0, self.spiral[:, 0]) * self.taps[:, 0]
        for k in range(1, self.taps.shape[1]):
            filtered = torch.addcmul(filtered, x.index_select(0, self.spiral[:, k]), self.taps[:, k])
        return self.mix(filtered)
