"""2D pose from the encoder: MapReg, which the paper ends with (section 3.2), and the landmark network's own; others in ``paper/heads.py``.

Every head gives keypoints as fractions of the patch; those that make heatmaps give them too, as weights that sum to 1 over the map.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from handmesh_ros.hand import JOINT_COUNT
from handmesh_training.networks.landmarkstack import POOLED_CHANNELS, read_landmark_weights
from handmesh_training.networks.stack import LATENT_CHANNELS, POSE_MAP_CHANNELS, EncoderOutput


class Pose2D(NamedTuple):
    """``keypoints`` (B, 21, 2), fractions of the patch; ``heatmaps`` (B, 21, h, w), each with sum 1, or None.

    Of the landmark head and its refinement (``refinement.py``), else None: ``spatial`` (B, 21, 4), depth and position of each joint,
    about -1..1; ``seen`` (B, 21, C), features of the fine map at each joint; ``context`` (B, C), what is known of the whole pose.
    """

    keypoints: Tensor
    heatmaps: Tensor | None
    spatial: Tensor | None = None
    seen: Tensor | None = None
    context: Tensor | None = None


class MapRegHead(nn.Module):
    """MapReg: one map a joint, flattened and regressed to a position by layers that all joints share.

    Keeps the spatial evidence of heatmaps and the global view of regression. Hidden values are clipped to [0, 4].
    """

    def __init__(self, map_size: int) -> None:
        super().__init__()
        self.maps = nn.Conv2d(POSE_MAP_CHANNELS, JOINT_COUNT, 1, bias=False)
        self.fc1 = nn.Linear(map_size * map_size, 128, bias=False)
        self.fc2 = nn.Linear(128, 64, bias=False)
        self.fc3 = nn.Linear(64, 2, bias=False)

    def forward(self, encoded: EncoderOutput) -> Pose2D:
        x = self.maps(encoded.require_pose_map()).flatten(2)
        x = self.fc2(self.fc1(x).clamp(0, 4)).clamp(0, 4)
        return Pose2D(self.fc3(x), None)


class LandmarkHead(nn.Module):
    """The landmark network's own outputs, linear in its pooled features: keypoints with depth, and points in space. A first guess,
    for refinement to improve on."""

    SOURCE_SIZE = 224  # pixels of the patches that the landmark network was made for: the unit of its keypoints
    WORLD_UNIT_M = 0.1

    def __init__(self) -> None:
        super().__init__()
        self.marks = nn.Linear(POOLED_CHANNELS, 3 * JOINT_COUNT)
        self.world = nn.Linear(POOLED_CHANNELS, 3 * JOINT_COUNT)

    def forward(self, encoded: EncoderOutput) -> Pose2D:
        pooled = encoded.require_pooled()
        marks = self.marks(pooled).unflatten(1, (JOINT_COUNT, 3))
        world = self.world(pooled).unflatten(1, (JOINT_COUNT, 3))
        return Pose2D(marks[..., :2], None, torch.cat((marks[..., 2:], world), dim=2), context=pooled)

    def load(self, path: str | Path) -> None:
        """Begin with the weights of the converted landmark network (LandmarkFileError names what is wrong with the file)."""
        outputs = read_landmark_weights(path)[1]
        for layer, name, unit in ((self.marks, "landmarks", self.SOURCE_SIZE), (self.world, "world_landmarks", self.WORLD_UNIT_M)):
            weight, bias = outputs[name]
            layer.load_state_dict({"weight": weight / unit, "bias": bias / unit})


class LandmarkPresenceSideHead(nn.Module):
    """As PresenceSideHead, linear in the landmark network's pooled features, as that network has it."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(POOLED_CHANNELS, 2)

    def forward(self, encoded: EncoderOutput) -> Tensor:
        return self.fc(encoded.require_pooled())

    def load(self, path: str | Path) -> None:
        """As LandmarkHead.load."""
        outputs = read_landmark_weights(path)[1]
        (score, score_bias), (side, side_bias) = outputs["presence"], outputs["handedness"]
        self.fc.load_state_dict({"weight": torch.cat((score, side)), "bias": torch.cat((score_bias, side_bias))})


class PresenceSideHead(nn.Module):
    """Extra head, not in the paper: logits that a hand is there and that the patch as given shows a right hand, (B, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(LATENT_CHANNELS, 64)
        self.fc2 = nn.Linear(64, 2)

    def forward(self, encoded: EncoderOutput) -> Tensor:
        return self.fc2(torch.relu(self.fc1(encoded.latent.mean(dim=(2, 3)))))


def cell_centres(size: int) -> Tensor:
    """(size * size, 2) positions x, y of the cells of a square map, row by row, fractions of the patch."""
    centre = (torch.arange(size, dtype=torch.float32) + 0.5) / size
    y, x = torch.meshgrid(centre, centre, indexing="ij")
    return torch.stack((x.flatten(), y.flatten()), dim=1)
