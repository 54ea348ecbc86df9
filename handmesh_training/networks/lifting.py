"""Feature lifting (section 3.2): image features become joint features (pose pooling), then vertex features (pose-to-vertex lifting)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handmesh_ros.hand import JOINT_COUNT
from handmesh_training.networks.heads import LandmarkHead, Pose2D
from handmesh_training.networks.landmarkstack import FINE_CHANNELS
from handmesh_training.networks.paper.heads import HeatmapPooling


class GridPooling(nn.Module):
    """Joint features: the latent map read at each keypoint, bilinear between cells, held inside the map."""

    def forward(self, latent: Tensor, pose: Pose2D) -> Tensor:
        """(B, C, h, w) and keypoints -> (B, 21, C). The patch's fractions 0 and 1 mean the centres of the outermost cells."""
        grid = (2 * pose.keypoints - 1).clamp(-1, 1)[:, :, None]
        sampled = nn.functional.grid_sample(latent, grid, mode="bilinear", align_corners=True)
        return sampled.squeeze(3).transpose(1, 2)


class LandmarkPooling(nn.Module):
    """What refinement saw at the joint, where the joint is in patch and space, and the whole pose."""

    def __init__(self, context: int, channels: int) -> None:
        super().__init__()
        self.seen = nn.Linear(FINE_CHANNELS, channels)
        self.place = nn.Linear(6, channels)
        self.context = nn.Linear(context, channels)

    def forward(self, _: Tensor, pose: Pose2D) -> Tensor:
        """A refined pose -> (B, 21, channels)."""
        if pose.spatial is None or pose.seen is None or pose.context is None:
            raise ValueError("landmark pooling needs the landmark head and refinement")
        place = torch.cat((pose.keypoints - 0.5, pose.spatial), dim=2)
        return self.seen(pose.seen) + self.place(place) + self.context(pose.context)[:, None]


def relative_points(pose: Pose2D) -> Tensor:
    """The landmark head's points in space (B, 21, 3), metres, relative to the wrist."""
    if pose.spatial is None:
        raise ValueError("points in space need the landmark head")
    points = pose.spatial[..., 1:]
    return LandmarkHead.WORLD_UNIT_M * (points - points[:, :1])


class JointSkin(nn.Module):
    """Vertices as weighted sums of the landmark head's points in space: a mesh within millimetres of the right one to begin with,
    so that the decoder has only the rest to learn."""

    def __init__(self, vertex_count: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(vertex_count, JOINT_COUNT))

    def forward(self, pose: Pose2D) -> Tensor:
        """Spatial guesses of the landmark head -> (B, V, 3) metres, relative to the wrist."""
        return self.weights @ relative_points(pose)

    @torch.no_grad()
    def fit(self, vertices: Tensor, joints: Tensor) -> None:
        """Least squares over hands (N, V, 3) with joints (N, 21, 3), both relative to the wrist; the same weights for x, y and z, so
        that a turned hand has a turned mesh."""
        known = joints[:, 1:].double()
        gram = torch.einsum("nki,nli->kl", known, known)
        gram += 1e-6 * gram.diagonal().mean() * torch.eye(len(gram))
        product = torch.einsum("nki,nvi->kv", known, vertices.double())
        self.weights[:, 1:] = torch.linalg.solve(gram, product).T.float()


class PoseToVertexLifting(nn.Module):
    """PVL: a learned matrix turns 21 joint features into features of the coarsest template level."""

    def __init__(self, vertex_count: int) -> None:
        super().__init__()
        self.matrix = nn.Parameter(0.01 * torch.ones(vertex_count, JOINT_COUNT))

    def forward(self, joint_features: Tensor) -> Tensor:
        """(B, 21, C) -> (B, V_0, C)."""
        return self.matrix @ joint_features


def build_pooling(name: str, context: int, channels: int) -> nn.Module:
    """The pose pooling of a NetworkConfig; ``context`` are its context_channels, ``channels`` those of the lifted features."""
    if name == "landmark":
        return LandmarkPooling(context, channels)
    return {"grid": GridPooling, "heatmap": HeatmapPooling}[name]()
