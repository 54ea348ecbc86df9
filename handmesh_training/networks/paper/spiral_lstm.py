"""The oldest of the spiral operators that the paper compares."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from handmesh_training.networks.spiral_operators import SpiralOperator


class SpiralConvLSTM(SpiralOperator):
    """SpiralConv (Lim et al., 2018): an LSTM walks along the spiral, its last state is the result."""

    def __init__(self, in_channels: int, out_channels: int, spiral: np.ndarray) -> None:
        super().__init__(spiral)
        self.lstm = nn.LSTM(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        walks = self.gather(x).transpose(0, 1).flatten(1, 2)  # (L, V * B, C): all vertices walk at once
        _, (last, _) = self.lstm(walks)
        return last[0].unflatten(0, (len(self.spiral), x.shape[1]))
