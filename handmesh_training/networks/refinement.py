"""The landmark head's guess of the pose, thought over twice: each round looks at the fine map around every keypoint, then moves
keypoints and points in space by what it saw there and what is known of the whole hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handmesh_ros.hand import JOINT_COUNT
from handmesh_training.networks.heads import Pose2D, cell_centres
from handmesh_training.networks.landmarkstack import FINE_CHANNELS, POOLED_CHANNELS

JOINT_EVIDENCE = 16  # numbers that each joint's features are squeezed into
JOINT_PLACE = 2 + 2 + 1 + 3  # where heatmaps see the joint, how far from the guess, depth, point in space
LEAK = 0.1
SHARPNESS = (0.12, 0.3)  # of each round's bumps to begin with: standard deviations of 2 and 1.3 cells


class Look(nn.Module):
    """Heatmaps on the fine map that begin as a bump around each guess, where they also stay if the joint cannot be seen."""

    def __init__(self, map_size: int, sharpness: float) -> None:
        super().__init__()
        self.maps = nn.Conv2d(FINE_CHANNELS, JOINT_COUNT, 1)
        nn.init.zeros_(self.maps.weight)
        nn.init.zeros_(self.maps.bias)  # type: ignore[arg-type]
        self.sharpness = nn.Parameter(torch.full((JOINT_COUNT,), sharpness))
        self.register_buffer("cells", cell_centres(map_size), persistent=False)
        self.cells: Tensor
        self.map_size = map_size

    def forward(self, fine: Tensor, guess: Tensor) -> Tensor:
        """(B, 48, h, w) and keypoints (B, 21, 2) -> (B, 21, h * w), each with sum 1."""
        away = (self.map_size * (self.cells - guess[:, :, None])).square().sum(dim=3)
        return (self.maps(fine).flatten(2) - self.sharpness[:, None] * away).softmax(dim=2)


def leak(x: Tensor) -> Tensor:
    """ReLU that lets a tenth through: a channel that is negative on every picture still learns, and cannot die."""
    return nn.functional.leaky_relu(x, LEAK)


class ResidualLayer(nn.Module):
    """Two linear layers on (B, C) features, added to them; nothing to begin with."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Linear(channels, channels)
        self.second = nn.Linear(channels, channels)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(leak(self.first(leak(x))))


class RefinementRound(nn.Module):
    """Look, think, move. Points in space do not move to begin with, and keypoints only to the middle of what their heatmaps see.

    Args:
        known: channels of the context that comes in; context: of the one that goes out.
    """

    def __init__(self, known: int, context: int, map_size: int, sharpness: float) -> None:
        super().__init__()
        inputs = known + JOINT_COUNT * (JOINT_EVIDENCE + JOINT_PLACE)
        self.look = Look(map_size, sharpness)
        self.squeeze = nn.Linear(FINE_CHANNELS, JOINT_EVIDENCE)
        self.norm = nn.BatchNorm1d(inputs)
        self.enter = nn.Linear(inputs, context)
        self.layers = nn.Sequential(ResidualLayer(context), ResidualLayer(context))
        self.leave = nn.Linear(context, JOINT_COUNT * 5)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, fine: Tensor, pose: Pose2D) -> Pose2D:
        """The fine map and a pose with context -> a better one, with other context."""
        if pose.spatial is None or pose.context is None:
            raise ValueError("refinement needs the landmark head")
        guess = pose.keypoints
        heatmaps = self.look(fine, guess)
        looked = heatmaps @ self.look.cells
        seen = heatmaps @ fine.flatten(2).transpose(1, 2)
        evidence = torch.cat((self.squeeze(seen), looked - 0.5, looked - guess, pose.spatial), dim=2)
        known = self.norm(torch.cat((pose.context, evidence.flatten(1)), dim=1))
        context = leak(self.layers(self.enter(known)))
        move = self.leave(context).unflatten(1, (JOINT_COUNT, 5))
        depth, points = pose.spatial.split((1, 3), dim=2)
        return Pose2D(
            keypoints=looked + move[..., :2],
            heatmaps=heatmaps.unflatten(2, fine.shape[2:]),
            spatial=torch.cat((depth, points + move[..., 2:]), dim=2),
            seen=seen,
            context=context,
        )


class PoseRefinement(nn.Module):
    """Two rounds: the first knows the pooled features, the second what the first concluded."""

    def __init__(self, map_size: int, context: int) -> None:
        super().__init__()
        self.rounds = nn.ModuleList(
            RefinementRound(known, context, map_size, sharpness)
            for known, sharpness in zip((POOLED_CHANNELS, context), SHARPNESS, strict=True)
        )

    def forward(self, fine: Tensor, pose: Pose2D) -> list[Pose2D]:
        """The fine map (B, 48, h, w) and the landmark head's pose -> that pose and a better one from each round."""
        poses = [pose]
        for one in self.rounds:
            poses.append(one(fine, poses[-1]))
        return poses
