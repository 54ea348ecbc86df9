"""The labelled pictures of a run as tensors on the device that trains."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from handmesh_training.trainer.pictures import PictureSet
from handmesh_training.trainer.regions import Regions


@dataclass(frozen=True, eq=False)
class Gallery:
    """The fields of :class:`PictureSet`, N rows each."""

    images: Tensor
    keypoints: Tensor
    keypoint_weights: Tensor
    vertices: Tensor
    mesh_weights: Tensor
    joints: Tensor
    joint_weights: Tensor
    content: Tensor
    boxes: Tensor

    @classmethod
    def hang(cls, sets: list[PictureSet], device: torch.device) -> Gallery:
        """All pictures of several sets, in order."""
        names = cls.__dataclass_fields__
        return cls(*(torch.cat([torch.from_numpy(getattr(part, name)).to(device) for part in sets]) for name in names))

    def __len__(self) -> int:
        return len(self.images)

    @property
    def device(self) -> torch.device:
        return self.images.device

    def regions(self, rows: Tensor, crop_scale: float, mirror: Tensor) -> Regions:
        """The regions that the runtime would cut around the hands of some pictures."""
        boxes = self.boxes[rows]
        return Regions(boxes[:, :2], crop_scale * boxes[:, 2], boxes[:, 3], mirror)
