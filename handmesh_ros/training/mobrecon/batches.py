"""Batches of patches with labels. A step's batch follows from seed and step alone, so that a run can go on at any step."""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.crop import CropRegion
from handmesh_ros.training.mobrecon.config import Batch
from handmesh_ros.training.mobrecon.photometric import Picture, covered, next_frame, occlude, photometric
from handmesh_ros.training.mobrecon.pictures import PictureSet
from handmesh_ros.training.mobrecon.views import NEXT_FRAME, TRAINING, beside, cut, look, moved, turned

MIRRORED_SHARE = 0.15  # patches that show a left hand: for the side's sake, and its keypoints count too
OCCLUDED_SHARE = 0.3
NEXT_FRAME_SHARE = 0.85  # of the pairs of looks: one video frame and the next, so that the answer does not tremble
REAL_EMPTY_SHARE = 0.7  # of the patches without a hand that are made of pictures with one
BLACK_SHARE = 0.3  # of the patches that reach over the border of what is real picture


@dataclass(frozen=True)
class Labelled:
    """B patches and what is known of them.

    Attributes:
        patches: (B, 3, S, S) uint8.
        keypoints: (B, 21, 2) fractions of the patch; keypoint_weights: (B,).
        vertices: (B, V, 3) metres at the reference size, crop axes; mesh_weights: (B,).
        presence: (B,) 1 where a hand is; right: (B,) 1 for a right hand, nan where there is none.
        mirrored: (B,) bool: the mesh that the network gives is not asked for.
        axes: (B, 2, 2) the crop's axes in the picture; centers: (B, 2) and sizes: (B,) of the crop, pixels of the picture.
        pair: (B,) index of the other look at the same picture, or -1.
    """

    patches: Tensor
    keypoints: Tensor
    keypoint_weights: Tensor
    vertices: Tensor
    mesh_weights: Tensor
    presence: Tensor
    right: Tensor
    mirrored: Tensor
    axes: Tensor
    centers: Tensor
    sizes: Tensor
    pair: Tensor

    def to(self, device: torch.device) -> Labelled:
        """The same on another device."""
        return Labelled(*(getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)))


class Batches(Dataset[dict[str, Tensor]]):
    """The batch of every step.

    Args:
        renders, real: pictures; either may be empty if the batch asks for none of it.
        backgrounds: pictures without hands, at least S x S; two thirds of the patches without a hand come from the others all the same.
        batch: how many of each.
        size: S, side of a patch; crop_scale: see TrainConfig; seed: of everything random.
    """

    def __init__(
        self, renders: PictureSet, real: PictureSet, backgrounds: list[Picture], batch: Batch, size: int, crop_scale: float, seed: int
    ) -> None:
        self.renders, self.real, self.backgrounds = renders, real, backgrounds
        self.batch, self.size, self.crop_scale, self.seed = batch, size, crop_scale, seed
        self.real_odds = balanced_odds(real.sources) if len(real) else np.zeros(0)

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.seed, step])
        rows: list[dict[str, object]] = []
        for row in rng.integers(len(self.renders), size=self.batch.renders) if self.batch.renders else ():
            rows.append(self._patch(self.renders, int(row), rng, -1))
        for row in rng.choice(len(self.real), self.batch.real, p=self.real_odds) if self.batch.real else ():
            first = len(rows)
            # Both looks of a pair show the same side, or their meshes could not be compared.
            mirror = rng.random() < MIRRORED_SHARE
            if rng.random() < NEXT_FRAME_SHARE:
                seed = int(rng.integers(2**63))  # light, things in the way and surroundings stay as they are from frame to frame
                rows.append(self._patch(self.real, int(row), np.random.default_rng(seed), first + 1, mirror))
                rows.append(self._patch(self.real, int(row), np.random.default_rng(seed), first, mirror, change=rng))
            else:
                rows.append(self._patch(self.real, int(row), rng, first + 1, mirror))
                rows.append(self._patch(self.real, int(row), rng, first, mirror))
        for _ in range(self.batch.empty):
            rows.append(self._empty(rng))
        return {key: torch.from_numpy(np.stack([np.asarray(row[key]) for row in rows])) for key in rows[0]}

    def _patch(
        self, pictures: PictureSet, row: int, rng: np.random.Generator, pair: int, mirror: bool | None = None,
        change: np.random.Generator | None = None,
    ) -> dict[str, object]:  # fmt: skip
        """A picture's patch and labels; ``change`` moves the region and does what the next video frame would."""
        mirror = rng.random() < MIRRORED_SHARE if mirror is None else mirror
        region = look(pictures.keypoints[row], self.crop_scale, TRAINING, rng)
        region = CropRegion(region.center, region.size, region.angle, mirror)
        if change is not None:
            region = moved(region, NEXT_FRAME, change)
        outside = None if rng.random() < BLACK_SHARE else lambda: self._background(rng)
        patch = cut(pictures.images[row], region, self.size, pictures.content[row], outside)
        if rng.random() < OCCLUDED_SHARE:
            patch = occlude(patch, self._background(rng), rng)
        patch = photometric(patch, rng)
        if change is not None:
            patch = next_frame(patch, change)
        return self._row(
            patch, region,
            keypoints=region.to_patch(pictures.keypoints[row]),
            keypoint_weights=pictures.keypoint_weights[row],
            vertices=turned(np.nan_to_num(pictures.vertices[row]), region),
            mesh_weights=0.0 if mirror else pictures.mesh_weights[row],
            presence=1.0, right=0.0 if mirror else 1.0, mirrored=mirror, pair=pair,
        )  # fmt: skip

    def _empty(self, rng: np.random.Generator) -> dict[str, object]:
        vertices = self.renders.vertices.shape[1] if len(self.renders) else self.real.vertices.shape[1]
        return self._row(
            photometric(self._without_hand(rng), rng), CropRegion(np.zeros(2), 2.0),
            keypoints=np.zeros((21, 2)), keypoint_weights=0.0, vertices=np.zeros((vertices, 3)), mesh_weights=0.0,
            presence=0.0, right=np.nan, mirrored=True, pair=-1,
        )  # fmt: skip

    def _without_hand(self, rng: np.random.Generator) -> Picture:
        """Of a background, or of a picture with a hand: beside it, or with the hand covered. Backgrounds alone would teach that wherever
        there is somebody there is a hand."""
        background, kind = self._background(rng), rng.random()
        pictures = self.real if len(self.real) and (not len(self.renders) or rng.random() < REAL_EMPTY_SHARE) else self.renders
        row = int(rng.integers(len(pictures)))
        image, keypoints, content = pictures.images[row], pictures.keypoints[row], pictures.content[row]
        if kind < 1 / 3:
            region = beside(keypoints, content, rng)
            return background if region is None else cut(image, region, self.size, content, lambda: background)
        if kind < 2 / 3:
            region = look(keypoints, self.crop_scale, TRAINING, rng)
            patch = cut(image, region, self.size, content, lambda: self._background(rng))
            return covered(patch, region.to_patch(keypoints) * self.size - 0.5, background)
        return background

    @staticmethod
    def _row(patch: Picture, region: CropRegion, **labels: object) -> dict[str, object]:
        geometry = {"axes": region.axes, "centers": region.center, "sizes": region.size}
        numbers = {k: np.asarray(v, np.float32) for k, v in {**labels, **geometry}.items() if k not in ("mirrored", "pair")}
        return {"patches": patch.transpose(2, 0, 1), **numbers, "mirrored": labels["mirrored"], "pair": labels["pair"]}

    def _background(self, rng: np.random.Generator) -> Picture:
        """A random cut of a background, turned by quarters and mirrored."""
        picture = self.backgrounds[rng.integers(len(self.backgrounds))]
        side = int(rng.uniform(0.4, 1.0) * min(picture.shape[:2]))
        y, x = (int(rng.integers(0, extent - side + 1)) for extent in picture.shape[:2])
        part = np.rot90(picture[y : y + side, x : x + side], int(rng.integers(4)))
        part = part[:, ::-1] if rng.random() < 0.5 else part
        return np.asarray(cv2.resize(np.ascontiguousarray(part), (self.size, self.size), interpolation=cv2.INTER_AREA), np.uint8)


def balanced_odds(sources: np.ndarray) -> FloatArray:
    """Chances (N,) of pictures so that a source counts by the square root of its size: many crops of one person are not many hands."""
    _, inverse, counts = np.unique(sources, return_inverse=True, return_counts=True)
    odds = 1 / np.sqrt(counts[inverse])
    return odds / odds.sum()
