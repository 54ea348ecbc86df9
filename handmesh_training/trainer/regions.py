"""Where patches are cut: the crops that a tracker would take, with its errors, for a whole batch at once."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from handmesh_ros.hand import BONES
from handmesh_training.trainer.dice import Dice


@dataclass(frozen=True)
class Jitter:
    """Errors of a tracker's crop: standard deviations of angle (degrees), centre and log size (parts of the crop's side), and the
    shares of crops that are turned by anything up to ``wide_angle`` and that are as wide as those of the palm detector."""

    angle: float = 12.0
    shift: float = 0.04
    zoom: float = 0.10
    turned_share: float = 0.15
    wide_angle: float = 90.0
    wide_share: float = 0.12
    wide_zoom: float = 1.7


TRAINING = Jitter()
TRACKER = Jitter(angle=5.0, shift=0.02, zoom=0.05, turned_share=0.0, wide_share=0.0)
NEXT_FRAME = Jitter(angle=2.0, shift=0.01, zoom=0.02, turned_share=0.0, wide_share=0.0)

TRIES = 30  # at a region without the hand


@dataclass(frozen=True, eq=False)
class Regions:
    """B regions of pictures, each as :class:`handmesh_ros.perception.crop.CropRegion` describes one.

    Attributes:
        centers: (B, 2) and sizes: (B,) pixels; angles: (B,) radians; mirror: (B,) bool.
    """

    centers: Tensor
    sizes: Tensor
    angles: Tensor
    mirror: Tensor

    @property
    def axes(self) -> Tensor:
        """(B, 2, 2), columns: the patch's x and y axis in the picture."""
        c, s, flip = self.angles.cos(), self.angles.sin(), 1 - 2 * self.mirror.float()
        return torch.stack((torch.stack((flip * c, -s), -1), torch.stack((flip * s, c), -1)), -2)

    def to_patch(self, pixels: Tensor) -> Tensor:
        """(B, P, 2) pixels of the picture to fractions of the patch."""
        return (pixels - self.centers[:, None]) @ self.axes / self.sizes[:, None, None] + 0.5

    def to_picture(self, fractions: Tensor) -> Tensor:
        """(B, P, 2) fractions of the patch to pixels of the picture."""
        return (fractions - 0.5) @ self.axes.transpose(1, 2) * self.sizes[:, None, None] + self.centers[:, None]

    def turned(self, points: Tensor) -> Tensor:
        """(B, P, 3) points in the picture's axes, in those of the patches."""
        return torch.cat((points[..., :2] @ self.axes, points[..., 2:]), 2)

    def moved(self, jitter: Jitter, dice: Dice) -> Regions:
        """The regions with the errors of ``jitter``."""
        degree = torch.pi / 180
        angle = torch.where(
            dice.chance(jitter.turned_share),
            dice.uniform(-degree * jitter.wide_angle, degree * jitter.wide_angle),
            dice.normal(degree * jitter.angle),
        )
        wide = dice.chance(jitter.wide_share)
        zoom = dice.normal(jitter.zoom).exp() * torch.where(wide, dice.uniform(1, jitter.wide_zoom), 1.0)
        shift = dice.normal(jitter.shift, 2) * torch.where(wide, 2.0, 1.0)[:, None]
        return Regions(self.centers + shift * self.sizes[:, None], self.sizes * zoom, self.angles + angle, self.mirror)

    def rows(self, chosen: Tensor | slice) -> Regions:
        """Some of them."""
        return Regions(self.centers[chosen], self.sizes[chosen], self.angles[chosen], self.mirror[chosen])


def beside(keypoints: Tensor, content: Tensor, dice: Dice) -> tuple[Regions, Tensor]:
    """Regions around somewhere in the pictures' content (B, 4: x0, y0, x1, y1) that show nothing of the hands, keypoints (B, 21, 2) in
    pixels; and (B,) bool, whether such a one was found."""
    count = len(keypoints)
    extent = (keypoints.amax(1) - keypoints.amin(1)).amax(1)
    parents, children = torch.tensor(BONES, device=keypoints.device).T
    along = torch.linspace(0, 1, 6, device=keypoints.device)[None, :, None, None]
    hand = ((1 - along) * keypoints[:, None, parents] + along * keypoints[:, None, children]).flatten(1, 2)
    sizes = extent[:, None] * dice.uniform(0.25, 0.9, TRIES)
    corner, reach = content[:, None, :2], (content[:, 2:] - content[:, :2])[:, None]
    tried = Regions(
        centers=(corner + reach * dice.uniform(0, 1, TRIES, 2)).flatten(0, 1),
        sizes=sizes.flatten(),
        angles=dice.uniform(-torch.pi, torch.pi, TRIES).flatten(),
        mirror=(dice.uniform(0, 1, TRIES) < 0.5).flatten(),
    )
    flesh = (0.12 * extent[:, None] / sizes)[..., None, None]
    shown = tried.to_patch(hand.repeat_interleave(TRIES, 0)).unflatten(0, (count, TRIES))
    empty = ((shown < -flesh) | (shown > 1 + flesh)).any(3).all(2)
    first = empty.float().argmax(1) + TRIES * torch.arange(count, device=keypoints.device)
    return tried.rows(first), empty.any(1)


def cut(pictures: Tensor, regions: Regions, size: int) -> Tensor:
    """Patches (B, 3, S, S), 0..1, of pictures (B, H, W, 3) uint8, black beyond them."""
    if pictures.device.type == "cpu":
        return _warped(pictures, regions, size)
    height, width = pictures.shape[1:3]
    steps = (torch.arange(size, device=pictures.device) + 0.5) / size
    fractions = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1).view(1, -1, 2)
    extent = torch.tensor([width, height], device=pictures.device)
    grid = ((2 * regions.to_picture(fractions) + 1) / extent - 1).unflatten(1, (size, size))
    planes = pictures.permute(0, 3, 1, 2).float() / 255
    return nn.functional.grid_sample(planes, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def shows(content: Tensor, regions: Regions, size: int) -> Tensor:
    """(B, 1, S, S) bool: where patches show the part of their pictures that is content (B, 4: x0, y0, x1, y1)."""
    turn, corner = _way(regions, size)
    steps = torch.arange(size, device=content.device)
    inside = torch.ones((), dtype=torch.bool, device=content.device)
    for k in (0, 1):
        place = corner[:, k, None, None] + turn[:, k, 0, None, None] * steps + turn[:, k, 1, None, None] * steps[:, None] + 0.5
        inside = inside & (place >= content[:, k, None, None]) & (place <= content[:, k + 2, None, None])
    return inside[:, None]


def _way(regions: Regions, size: int) -> tuple[Tensor, Tensor]:
    """From pixels of patches to pixels of pictures: (B, 2, 2) turn, and (B, 2) where the first pixel lies."""
    turn = regions.axes * regions.sizes[:, None, None] / size
    return turn, regions.centers - (size - 1) / 2 * turn.sum(2)


def _warped(pictures: Tensor, regions: Regions, size: int) -> Tensor:
    """Patches by OpenCV, as the runtime cuts them: on a CPU in a tenth of the time of torch's sampling."""
    turn, corner = _way(regions, size)
    ways = torch.cat((turn, corner[:, :, None]), 2).double().numpy()
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patches = np.empty((len(ways), size, size, 3), np.uint8)
    for image, way, patch in zip(pictures.numpy(), ways, patches, strict=True):
        cv2.warpAffine(image, way, (size, size), patch, flags=flags)
    return torch.from_numpy(patches).permute(0, 3, 1, 2).float().contiguous() / 255
