"""From the landmark network's outputs to a hand mesh: a corrector of joints, then MobRecon-style lifting and spiral decoding.

    landmarks, world ─ Corrector ─▶ joints ─ palm frame ─▶ per-joint features ─ pose-to-vertex matrix ─▶ 49 vertices
        ─ (upsample, DSConv) x 4 ─▶ 778 vertices ─ back to crop axes ─▶ vertices

The corrector adds a residual to the world landmarks: it starts from them and cannot throw them away. The decoder sees joints in the
frame of the palm, so it knows nothing of views and can be trained on poses alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from handmesh_ros.hand import INDEX_MCP, JOINT_COUNT, JOINT_PARENTS, LITTLE_MCP, MIDDLE_MCP, RING_MCP, WRIST
from handmesh_training.networks.decoder import Upsampling
from handmesh_training.networks.levels import TemplateLevels
from handmesh_training.networks.spiral_operators import DSConv
from handmesh_training.template import HandTemplate

FINGER_ROOTS = (INDEX_MCP, MIDDLE_MCP, RING_MCP, LITTLE_MCP)


@dataclass(frozen=True)
class NetworkSize:
    """hidden: width of the corrector; features: per joint; channels: of the decoder's levels 98, 195, 389, 778."""

    hidden: int = 256
    features: int = 64
    channels: tuple[int, int, int, int] = (64, 48, 32, 16)


class Lifted(nn.Module):
    """Corrector and decoder; lengths are those of a hand of the template's reference size."""

    def __init__(self, template: HandTemplate, size: NetworkSize | None = None) -> None:
        super().__init__()
        self.size = size or NetworkSize()
        self.corrector = Corrector(template, self.size.hidden)
        self.decoder = LiftedDecoder(template, self.size)

    def forward(self, landmarks: Tensor, world: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 21, 3) landmarks (fractions of the patch), (N, 21, 3) world landmarks (metres), both in crop axes.

        Returns:
            vertices (N, 778, 3) and joints (N, 21, 3), relative to the wrist, crop axes, metres.
        """
        return self.decoder(self.corrector(landmarks, world))


class Corrector(nn.Module):
    """Joints from picture landmarks and world landmarks: the latter, brought to size, plus a learned residual."""

    root_lengths: Tensor

    def __init__(self, template: HandTemplate, hidden: int) -> None:
        super().__init__()
        joints = template.regressor @ template.mean_vertices
        lengths = np.linalg.norm(joints[list(FINGER_ROOTS)] - joints[WRIST], axis=1)
        self.register_buffer("root_lengths", torch.tensor(lengths.mean(), dtype=torch.float32))
        inputs = 2 * 3 * JOINT_COUNT
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 3 * JOINT_COUNT)
        )
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, landmarks: Tensor, world: Tensor) -> Tensor:
        """(N, 21, 3) joints relative to the wrist, crop axes, metres at reference size."""
        picture = landmarks - landmarks[:, :1]
        spread = (picture[..., :2] - picture[..., :2].mean(1, keepdim=True)).square().sum(2).mean(1).clamp(min=1e-8).sqrt()
        picture = picture / spread[:, None, None]
        base = self.base(world)
        residual = self.layers(torch.cat([picture.flatten(1), (base / self.root_lengths).flatten(1)], 1))
        joints = base + 0.01 * residual.view(-1, JOINT_COUNT, 3)
        return joints - joints[:, :1]

    def base(self, world: Tensor) -> Tensor:
        """World landmarks relative to the wrist, at reference size by the mean of four palm lengths (one alone is noisy)."""
        relative = world - world[:, :1]
        lengths = relative[:, FINGER_ROOTS, :].square().sum(2).clamp(min=1e-10).sqrt().mean(1)
        return relative * (self.root_lengths / lengths)[:, None, None]


class LiftedDecoder(nn.Module):
    """A mesh from joints: pose-to-vertex lifting (a learned 49 x 21 matrix) and depthwise separable spiral convolutions."""

    linear_base: Tensor
    linear_offset: Tensor
    regressor: Tensor

    def __init__(self, template: HandTemplate, size: NetworkSize) -> None:
        super().__init__()
        levels = TemplateLevels.from_hand_template(template)
        self.features = size.features
        wide = 4 * size.features
        self.embed = nn.Sequential(nn.Linear(2 * 3 * JOINT_COUNT, wide), nn.ReLU(), nn.Linear(wide, JOINT_COUNT * size.features), nn.ReLU())
        coarse = levels.vertex_counts[0]
        self.lift = nn.Parameter(torch.full((coarse, JOINT_COUNT), 1.0 / JOINT_COUNT) + 0.02 * torch.randn(coarse, JOINT_COUNT))
        widths = (size.features, *size.channels)
        steps = zip(levels.upsampling, levels.spirals, widths[:-1], widths[1:], strict=True)
        self.blocks = nn.ModuleList(SpiralBlock(*step) for step in steps)
        self.head = _spiral_convolution(levels.spirals[-1], widths[-1], 3)
        nn.init.zeros_(self.head.mix.weight)
        nn.init.zeros_(self.head.mix.bias)
        self.register_buffer("linear_base", torch.zeros(3 * JOINT_COUNT, 3 * levels.vertex_counts[-1]))
        self.register_buffer("linear_offset", torch.tensor(template.mean_vertices.reshape(-1), dtype=torch.float32))
        self.register_buffer("regressor", torch.tensor(template.regressor, dtype=torch.float32))

    def forward(self, joints: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 21, 3) joints, wrist-relative, metres -> vertices (N, 778, 3), joints (N, 21, 3) of that mesh, wrist-relative."""
        axes = palm_axes(joints)
        vertices = self.in_palm_frame(joints @ axes)
        found = torch.matmul(self.regressor, vertices)
        wrist = found[:, :1]
        back = axes.transpose(1, 2)
        return (vertices - wrist) @ back, (found - wrist) @ back

    def in_palm_frame(self, joints: Tensor) -> Tensor:
        """(N, 21, 3) joints in palm axes -> (N, 778, 3) vertices in palm axes, metres."""
        flat = joints.flatten(1)
        base = flat @ self.linear_base + self.linear_offset
        bones = joints - joints[:, JOINT_PARENTS_OR_WRIST]
        # Decimetres: features of about one.
        features = self.embed(torch.cat([10 * flat, 30 * bones.flatten(1)], 1)).view(-1, JOINT_COUNT, self.features)
        # Vertices first: gathering whole rows is fast, forwards and backwards.
        lifted = torch.matmul(self.lift, features).transpose(0, 1)
        for block in self.blocks:
            lifted = block(lifted)
        return base.view(-1, base.shape[1] // 3, 3) + 0.01 * self.head(lifted).transpose(0, 1)

    def set_linear_base(self, vertices: Tensor, joints: Tensor) -> None:
        """Fit the linear part by least squares to meshes (N, 778, 3) and their joints (N, 21, 3), N some thousands."""
        axes = palm_axes(joints)
        inputs = torch.cat([(joints @ axes).flatten(1), torch.ones(len(joints), 1)], 1).double()
        targets = (vertices @ axes).flatten(1).double()
        # A little ridge: the palm frame makes some inputs zero or dependent.
        ridge = 1e-5 * torch.eye(inputs.shape[1], dtype=torch.float64)
        solution = torch.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ targets).float()
        self.linear_base.copy_(solution[:-1])
        self.linear_offset.copy_(solution[-1])


JOINT_PARENTS_OR_WRIST = [max(parent, 0) for parent in JOINT_PARENTS]


class SpiralBlock(nn.Module):
    """Upsample, convolve, ReLU."""

    def __init__(self, upsampling: np.ndarray, spiral: np.ndarray, channels: int, out_channels: int) -> None:
        super().__init__()
        self.upsampling = Upsampling(upsampling)
        self.convolution = _spiral_convolution(spiral, channels, out_channels)

    def forward(self, features: Tensor) -> Tensor:
        """(coarse, N, C) -> (fine, N, C')."""
        return functional.relu(self.convolution(self.upsampling(features)))


def _spiral_convolution(spiral: np.ndarray, channels: int, out_channels: int) -> DSConv:
    """With a bias, and filters that keep the size of features, to begin with."""
    convolution = DSConv(channels, out_channels, spiral, bias=True)
    nn.init.normal_(convolution.taps, std=spiral.shape[1] ** -0.5)
    return convolution


def palm_axes(joints: Tensor) -> Tensor:
    """(N, 3, 3), columns: towards the knuckles, across the palm towards the index finger, their cross product."""
    forward = joints[:, list(FINGER_ROOTS)].mean(1) - joints[:, WRIST]
    x = _unit(forward)
    across = joints[:, INDEX_MCP] - joints[:, LITTLE_MCP]
    y = _unit(across - (across * x).sum(1, keepdim=True) * x)
    z = torch.stack(
        [x[:, 1] * y[:, 2] - x[:, 2] * y[:, 1], x[:, 2] * y[:, 0] - x[:, 0] * y[:, 2], x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]], 1
    )
    return torch.stack([x, y, z], 2)


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.square().sum(1, keepdim=True).clamp(min=1e-12).sqrt()
