"""Batches of patches with labels, made on the device that trains. A step's batch follows from seed and step alone, so that a run can go
on at any step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from handmesh_ros.hand import FloatArray
from handmesh_training.networks.stack import Pyramid
from handmesh_training.trainer.config import Batch
from handmesh_training.trainer.dice import Dice, seeded
from handmesh_training.trainer.gallery import Gallery
from handmesh_training.trainer.photometric import covered, next_frame, occluded, photometric
from handmesh_training.trainer.regions import NEXT_FRAME, TRAINING, Regions, beside, cut, shows

MIRRORED_SHARE = 0.15  # patches that show a left hand: for the side's sake, and its keypoints count too
OCCLUDED_SHARE = 0.3
NEXT_FRAME_SHARE = 0.85  # of the pairs of looks: one video frame and the next, so that the answer does not tremble
REAL_EMPTY_SHARE = 0.7  # of the patches without a hand that are made of pictures with one
BLACK_SHARE = 0.3  # of the patches that reach over the border of what is real picture
BACKGROUND_PARTS = (0.4, 1.0)  # of a background's side, that a filling shows


@dataclass(frozen=True, eq=False)
class Labelled:
    """B patches and what is known of them.

    Attributes:
        patches: (B, 3, S, S) float32, RGB 0..1, or what a frozen encoder sees in them (``remembered.py``).
        keypoints: (B, 21, 2) fractions of the patch; keypoint_weights: (B,).
        vertices: (B, V, 3) metres at the reference size, crop axes; mesh_weights: (B,).
        joints: (B, 21, 3) likewise; joint_weights: (B, 21, 2) across the line of sight and along it.
        presence: (B,) 1 where a hand is; right: (B,) 1 for a right hand, nan where there is none.
        mirrored: (B,) bool: the mesh that the network gives is not asked for.
        axes: (B, 2, 2) the crop's axes in the picture; centers: (B, 2) and sizes: (B,) of the crop, pixels of the picture.
        pair: (B,) index of the other look at the same picture, or -1.
    """

    patches: Tensor | Pyramid
    keypoints: Tensor
    keypoint_weights: Tensor
    vertices: Tensor
    mesh_weights: Tensor
    joints: Tensor
    joint_weights: Tensor
    presence: Tensor
    right: Tensor
    mirrored: Tensor
    axes: Tensor
    centers: Tensor
    sizes: Tensor
    pair: Tensor


class Batches:
    """The batch of every step: renders, first looks at real pictures, second looks at the same, patches without a hand, in this order.

    Args:
        gallery: renders first, then the real pictures, of which there are ``real`` (0: none, and the batch must ask for none).
        real_odds: (real,) chance of each real picture to be shown.
        backgrounds: (N, H, W, 3) uint8 pictures without hands, on the gallery's device; two thirds of the patches without a hand come
            from the gallery all the same.
        batch: how many of each.
        size: S, side of a patch; crop_scale: see TrainConfig; seed: of everything random.
    """

    def __init__(
        self, gallery: Gallery, real_odds: FloatArray, backgrounds: Tensor, batch: Batch, size: int, crop_scale: float, seed: int
    ) -> None:
        self.gallery, self.backgrounds = gallery, backgrounds
        self.batch, self.size, self.crop_scale, self.seed = batch, size, crop_scale, seed
        self.renders = len(gallery) - len(real_odds)
        self.real_limits = torch.from_numpy(np.cumsum(real_odds)).float().to(gallery.device)
        firsts = batch.renders + torch.arange(batch.real)
        self.pair = torch.full((batch.patches,), -1)
        self.pair[firsts], self.pair[firsts + batch.real] = firsts + batch.real, firsts
        self.pair = self.pair.to(gallery.device)
        self.hands = batch.renders + 2 * batch.real
        # Second looks that are the next frame of the first.
        self.frames = (batch.renders + batch.real + torch.arange(round(NEXT_FRAME_SHARE * batch.real))).to(gallery.device)

    def of_step(self, step: int) -> Labelled:
        """The batch of a step (from 0)."""
        generator = seeded(self.seed, step, self.gallery.device)
        patches, regions, rows = self._hands(generator)
        count, none = self.hands, self.batch.empty
        if none:
            patches = torch.cat((patches, self._empty(generator)))
        patches = photometric(patches, self._dice(generator, len(patches)))
        patches[self.frames] = next_frame(patches[self.frames], Dice(generator, len(self.frames)))
        gallery, mirror = self.gallery, regions.mirror

        def padded(values: Tensor, filling: float = 0.0) -> Tensor:
            return torch.cat((values, values.new_full((none, *values.shape[1:]), filling)))

        return Labelled(
            patches=patches,
            keypoints=padded(regions.to_patch(gallery.keypoints[rows])),
            keypoint_weights=padded(gallery.keypoint_weights[rows]),
            vertices=padded(regions.turned(gallery.vertices[rows].float().nan_to_num())),
            mesh_weights=padded(gallery.mesh_weights[rows] * ~mirror),
            joints=padded(regions.turned(gallery.joints[rows].nan_to_num())),
            joint_weights=padded(gallery.joint_weights[rows] * ~mirror[:, None, None]),
            presence=padded(torch.ones(count, device=gallery.device)),
            right=padded((~mirror).float(), torch.nan),
            mirrored=torch.cat((mirror, torch.ones(none, dtype=torch.bool, device=gallery.device))),
            axes=padded(regions.axes), centers=padded(regions.centers), sizes=padded(regions.sizes),
            pair=self.pair,
        )  # fmt: skip

    def _hands(self, generator: torch.Generator) -> tuple[Tensor, Regions, Tensor]:
        """Patches with a hand, their regions, and rows of the gallery."""
        batch, gallery = self.batch, self.gallery
        rows = [torch.randint(max(self.renders, 1), (batch.renders,), generator=generator, device=gallery.device)]
        if batch.real:
            thrown = torch.rand(batch.real, generator=generator, device=gallery.device)
            # Held inside: rounding may leave the last limit below what is thrown.
            chosen = self.renders + torch.searchsorted(self.real_limits, thrown).clamp(max=len(self.real_limits) - 1)
            rows += [chosen, chosen]
        row = torch.cat(rows)
        dice = self._dice(generator, len(row))
        mirror = dice.chance(MIRRORED_SHARE)
        # Both looks of a pair show the same side, or their meshes could not be compared.
        seconds = slice(batch.renders + batch.real, None)
        mirror[seconds] = mirror[batch.renders : batch.renders + batch.real]
        regions = gallery.regions(row, self.crop_scale, mirror).moved(TRAINING, dice)
        again = regions.rows(self.frames).moved(NEXT_FRAME, Dice(generator, len(self.frames)))
        for name in ("centers", "sizes", "angles"):
            getattr(regions, name)[self.frames] = getattr(again, name)
        patches, inside = cut(gallery.images[row], regions, self.size), shows(gallery.content[row], regions, self.size)
        black = dice.chance(BLACK_SHARE)[:, None, None, None]
        patches = torch.where(inside, patches, self._fillings(dice).masked_fill(black, 0.0))
        return occluded(patches, self._fillings(dice), OCCLUDED_SHARE, dice), regions, row

    def _dice(self, generator: torch.Generator, count: int) -> Dice:
        return Dice(generator, count, self.frames - self.batch.real, self.frames)

    def _empty(self, generator: torch.Generator) -> Tensor:
        """Patches without a hand, a third each: of a background, of what is beside a hand, or with the hand covered. Backgrounds alone
        would teach that wherever there is somebody there is a hand."""
        gallery, dice = self.gallery, Dice(generator, self.batch.empty)
        real = len(gallery) - self.renders
        from_real = dice.chance(REAL_EMPTY_SHARE if self.renders else 1.0) & bool(real)
        rows = torch.where(from_real, self.renders + dice.integers(max(real, 1)), dice.integers(max(self.renders, 1)))
        background, kind = self._fillings(dice), dice.integers(3)[:, None, None, None]
        elsewhere, found = beside(gallery.keypoints[rows], gallery.content[rows], dice)
        region = gallery.regions(rows, self.crop_scale, dice.chance(0.5)).moved(TRAINING, dice)
        aside = torch.where(found, 0, 1)[:, None, None, None] + kind  # none found: a background instead
        shown = []
        for part in (elsewhere, region):
            inside = shows(gallery.content[rows], part, self.size)
            shown.append(torch.where(inside, cut(gallery.images[rows], part, self.size), self._fillings(dice)))
        hidden = covered(shown[1], region.to_patch(gallery.keypoints[rows]), background)
        return torch.where(aside == 0, shown[0], torch.where(kind == 1, hidden, background))

    def _fillings(self, dice: Dice) -> Tensor:
        """(B, 3, S, S): random cuts of backgrounds, turned by quarters and mirrored."""
        height, width = self.backgrounds.shape[1:3]
        sizes = dice.uniform(*BACKGROUND_PARTS) * min(height, width)
        room = torch.tensor([width, height], device=dice.device) - sizes[:, None]
        regions = Regions(
            centers=(sizes[:, None] - 1) / 2 + room * dice.uniform(0, 1, 2),
            sizes=sizes, angles=dice.integers(4) * (torch.pi / 2), mirror=dice.chance(0.5),
        )  # fmt: skip
        return cut(self.backgrounds[dice.integers(len(self.backgrounds))], regions, self.size)


def balanced_odds(sources: NDArray[np.str_], leave_out: Sequence[str] = ()) -> FloatArray:
    """Chances (N,) of pictures so that a source counts by the square root of its size: many crops of one person are not many hands.
    Sources in ``leave_out`` are never shown."""
    _, inverse, counts = np.unique(sources, return_inverse=True, return_counts=True)
    odds = ~np.isin(sources, leave_out) / np.sqrt(counts[inverse])
    return odds / max(odds.sum(), 1e-12)
