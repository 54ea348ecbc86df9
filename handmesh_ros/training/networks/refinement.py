"""The landmark head's guess of the pose, thought over once more: evidence at every joint and the whole hand together."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handmesh_ros.hand import JOINT_COUNT
from handmesh_ros.training.networks.heads import Pose2D
from handmesh_ros.training.networks.landmarkstack import FINE_CHANNELS, POOLED_CHANNELS
from handmesh_ros.training.networks.stack import EncoderOutput

CONTEXT_CHANNELS = 384
JOINT_EVIDENCE = 16  # numbers that each joint's features are squeezed into
INPUTS = POOLED_CHANNELS + JOINT_COUNT * (JOINT_EVIDENCE + 2 + 3 + 1)


def read_at_joints(fine: Tensor, pose: Pose2D) -> Tensor:
    """(B, C, h, w) averaged with each joint's heatmap as weights: (B, 21, C)."""
    if pose.heatmaps is None:
        raise ValueError("reading the fine map at the joints needs a 2D head that makes heatmaps")
    return pose.heatmaps.flatten(2) @ fine.flatten(2).transpose(1, 2)


class ResidualLayer(nn.Module):
    """Two linear layers on (B, C) features, added to them; nothing to begin with."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Linear(channels, channels)
        self.second = nn.Linear(channels, channels)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(torch.relu(self.first(torch.relu(x))))


class PoseRefinement(nn.Module):
    """A small residual network that moves the landmark head's points in space, which are linear in pooled features, by what the
    precise keypoints and the features at them say. Nothing moves to begin with."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze = nn.Linear(FINE_CHANNELS, JOINT_EVIDENCE)
        self.norm = nn.BatchNorm1d(INPUTS)
        self.enter = nn.Linear(INPUTS, CONTEXT_CHANNELS)
        self.layers = nn.Sequential(ResidualLayer(CONTEXT_CHANNELS), ResidualLayer(CONTEXT_CHANNELS))
        self.leave = nn.Linear(CONTEXT_CHANNELS, 3 * JOINT_COUNT)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, encoded: EncoderOutput, pose: Pose2D) -> Pose2D:
        """The pose with better points in space, and with context."""
        if pose.spatial is None:
            raise ValueError("refinement needs the landmark head")
        depth, points = pose.spatial[..., 0], pose.spatial[..., 1:]
        evidence = self.squeeze(read_at_joints(encoded.latent, pose))
        known = (encoded.require_pooled(), evidence.flatten(1), (pose.keypoints - 0.5).flatten(1), points.flatten(1), depth)
        context = torch.relu(self.layers(self.enter(self.norm(torch.cat(known, dim=1)))))
        moved = points + self.leave(context).unflatten(1, (JOINT_COUNT, 3))
        return pose._replace(spatial=torch.cat((depth[..., None], moved), dim=2), context=context)
