"""Mesh decoders (section 3.3): spiral convolutions on ever finer levels of the template."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from handmesh_training.networks.config import NetworkConfigError
from handmesh_training.networks.levels import TemplateLevels, sparse_rows
from handmesh_training.networks.lifting import PoseToVertexLifting
from handmesh_training.networks.paper.spiral_lstm import SpiralConvLSTM
from handmesh_training.networks.spiral_operators import DSConv, SpiralConv, SpiralOperator


class Upsampling(nn.Module):
    """Vertex features of a level from the coarser one: a few gathers, as each row of the matrix has at most three non-zeros."""

    def __init__(self, matrix: np.ndarray) -> None:
        super().__init__()
        columns, weights = sparse_rows(matrix)
        self.register_buffer("columns", torch.from_numpy(columns), persistent=False)
        self.register_buffer("weights", torch.from_numpy(weights), persistent=False)
        self.columns: Tensor
        self.weights: Tensor
        self.coarse_count = matrix.shape[1]

    def forward(self, x: Tensor) -> Tensor:
        parts = [x.index_select(0, self.columns[:, k]) * self.weights[:, k, None, None] for k in range(self.columns.shape[1])]
        return torch.stack(parts).sum(dim=0)

    def dense(self) -> Tensor:
        """The matrix itself, (V_fine, V_coarse)."""
        matrix = self.weights.new_zeros(len(self.columns), self.coarse_count)
        return matrix.scatter_add_(1, self.columns, self.weights)


SPIRAL_OPERATORS: dict[str, Callable[[int, int, np.ndarray], SpiralOperator]] = {
    "dsconv": DSConv,
    "spiral": SpiralConv,
    "spiral_lstm": SpiralConvLSTM,
}


class MeshDecoder(nn.Module):
    """Lifts joint features to the coarsest level, then refines: upsample, spiral operator, ReLU; a last operator gives positions.

    Args:
        operator: dsconv, spiral or spiral_lstm.
        levels: the template's levels.
        channels: width of the lifted features, then of each level's output: one more than there are finer levels.
    """

    def __init__(self, operator: str, levels: TemplateLevels, channels: tuple[int, ...]) -> None:
        super().__init__()
        if len(channels) != len(levels.upsampling) + 1:
            raise NetworkConfigError(f"{len(channels)} decoder_channels for {len(levels.upsampling)} finer levels, expected one more")
        make = SPIRAL_OPERATORS[operator]
        self.lifting = PoseToVertexLifting(levels.vertex_counts[0])
        self.upsampling = nn.ModuleList(Upsampling(matrix) for matrix in levels.upsampling)
        widths = zip(channels[:-1], channels[1:], levels.spirals, strict=True)
        self.operators = nn.ModuleList(make(i, o, spiral) for i, o, spiral in widths)
        self.head = make(channels[-1], 3, levels.spirals[-1])

    def forward(self, joint_features: Tensor) -> Tensor:
        """(B, 21, C) -> (B, V, 3) in the network's unit."""
        x = self.lifting(joint_features).transpose(0, 1).contiguous()
        for upsample, operator in zip(self.upsampling, self.operators, strict=True):
            x = torch.relu(operator(upsample(x)))
        return self.head(x).transpose(0, 1)
