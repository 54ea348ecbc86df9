"""2D heads that the paper compares with MapReg (section 3.2, figure "2D pose representation"), and pooling with their heatmaps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handmesh_ros.hand import JOINT_COUNT
from handmesh_training.networks.heads import Pose2D, cell_centres
from handmesh_training.networks.stack import LATENT_CHANNELS, POSE_MAP_CHANNELS, EncoderOutput


class HeatmapHead(nn.Module):
    """Plain heatmaps; the keypoint is the centre of the strongest cell. Train on the heatmaps: the arg max gives no gradient."""

    def __init__(self, map_size: int) -> None:
        super().__init__()
        self.maps = nn.Conv2d(POSE_MAP_CHANNELS, JOINT_COUNT, 1)
        self.register_buffer("cells", cell_centres(map_size), persistent=False)
        self.cells: Tensor

    def forward(self, encoded: EncoderOutput) -> Pose2D:
        raw = self.maps(encoded.require_pose_map())
        keypoints = self.cells[raw.flatten(2).argmax(dim=2)]
        positive = torch.relu(raw)
        return Pose2D(keypoints, positive / (positive.sum(dim=(2, 3), keepdim=True) + 1e-6))


class SoftArgmaxHead(nn.Module):
    """Heatmaps turned into probabilities; the keypoint is their mean position (Sun et al., integral pose regression, 2018)."""

    def __init__(self, map_size: int) -> None:
        super().__init__()
        self.maps = nn.Conv2d(POSE_MAP_CHANNELS, JOINT_COUNT, 1)
        self.register_buffer("cells", cell_centres(map_size), persistent=False)
        self.cells: Tensor

    def forward(self, encoded: EncoderOutput) -> Pose2D:
        raw = self.maps(encoded.require_pose_map())
        probability = raw.flatten(2).softmax(dim=2)
        return Pose2D(probability @ self.cells, probability.view_as(raw))


class DirectHead(nn.Module):
    """Direct regression of all keypoints from the averaged latent features."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(LATENT_CHANNELS, 128)
        self.fc2 = nn.Linear(128, 2 * JOINT_COUNT)

    def forward(self, encoded: EncoderOutput) -> Pose2D:
        x = torch.relu(self.fc1(encoded.latent.mean(dim=(2, 3))))
        return Pose2D(self.fc2(x).unflatten(1, (JOINT_COUNT, 2)), None)


class HeatmapPooling(nn.Module):
    """Joint features: the latent map averaged with the joint's heatmap as weights."""

    def forward(self, latent: Tensor, pose: Pose2D) -> Tensor:
        """(B, C, h, w) and heatmaps -> (B, 21, C)."""
        if pose.heatmaps is None:
            raise ValueError("heatmap pooling needs a 2D head that makes heatmaps")
        factor = pose.heatmaps.shape[-1] // latent.shape[-1]
        # Adding up (not averaging) the fine cells inside a coarse one keeps the weights' sum at 1.
        weights = nn.functional.avg_pool2d(pose.heatmaps, factor) * factor**2
        return weights.flatten(2) @ latent.flatten(2).transpose(1, 2)
