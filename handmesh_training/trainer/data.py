"""Everything a run looks at, read or drawn as its configuration says."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from handmesh_ros.hand import JOINT_COUNT, FloatArray
from handmesh_ros.progress import progress_over
from handmesh_training.labels.crops import RealCrops, load_real_crops
from handmesh_training.labels.fit import read_fits
from handmesh_training.labels.marks import joints_of_marks, keypoints_of_marks
from handmesh_training.labels.negatives import read_negatives
from handmesh_training.labels.opinions import fused_joints
from handmesh_training.renders.assets import read_backgrounds
from handmesh_training.renders.cache import StudioOrder, write_cache
from handmesh_training.renders.truth import to_reference_size, true_hands
from handmesh_training.template import HandTemplate
from handmesh_training.trainer.config import Renders, TrainConfig, TrainConfigError
from handmesh_training.trainer.distilled import with_meshes_of
from handmesh_training.trainer.pictures import SIDE, CropBox, PictureSet, RgbPicture, boxes_of, mirrored, read_renders, resized

# The teacher's keypoints are trusted less the more its two opinions differ: at this gap (of the hand's size) by half.
HALF_TRUST_GAP = 0.06
# ... and their joints likewise, by half at this sigma (of the sum of all bones: 10 mm of a hand).
HALF_TRUST_SIGMA = 0.012
FITTED_TRUST = 0.5  # of a fitted mesh; a render's is exact
MOST_WORKERS = 16  # that draw or read pictures; on a GPU each holds half a gigabyte of it


@dataclass(frozen=True, eq=False)
class Data:
    """Training pictures, pictures without hands (N, SIDE, SIDE, 3), and the renders to validate on, by the names of their folders."""

    renders: PictureSet
    real: PictureSet
    backgrounds: RgbPicture
    validation_renders: dict[str, PictureSet]


def load_data(config: TrainConfig, root: Path, template: HandTemplate) -> Data:
    """Read everything; renders that are missing are drawn first.

    Raises:
        TrainConfigError, DatasetError, FitsError, CacheError, AssetError: something is missing or broken; the message names it.
    """
    assets = root / config.assets
    if not assets.is_dir():
        raise TrainConfigError(f"{assets}: there is no such folder; 'assets' in the configuration names it")
    for entry in (*config.renders, *config.validation_renders):
        draw_renders(entry, root, assets, root / config.real_fits)
    opinions = root / config.opinions if config.opinions else None
    real = read_real(root / config.real_hands, config.real_folders, root / config.real_fits, template, opinions, config.crop_box)
    if config.mesh_teacher:
        real = with_meshes_of(root / config.mesh_teacher, real, template.reference_size_m)
    return Data(
        renders=PictureSet.join([read_renders(root / entry.folder, template, config.crop_box, workers()) for entry in config.renders]),
        real=real,
        backgrounds=_backgrounds(assets, root / config.negatives if config.negatives else None),
        validation_renders={
            (root / entry.folder).name: read_renders(root / entry.folder, template, config.crop_box) for entry in config.validation_renders
        },
    )


def _backgrounds(assets: Path, negatives: Path | None) -> RgbPicture:
    """Pictures without a hand (N, SIDE, SIDE, 3)."""
    pictures = np.stack([resized(picture) for picture in read_backgrounds(assets, "training")])
    if negatives is None:
        return pictures
    found = read_negatives(negatives, SIDE)
    return np.concatenate((pictures, found.pictures[~found.validation]))


def workers() -> int:
    """Processes that draw and read pictures side by side."""
    return min(os.cpu_count() or 1, MOST_WORKERS)


def draw_renders(entry: Renders, root: Path, assets: Path, fits: Path) -> None:
    """Draw a folder of renders, on a GPU where there is one; shards that exist are kept."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    order = StudioOrder(assets, device, entry.part, fits if entry.people else None)
    write_cache(order, root / entry.folder, entry.count, entry.seed, entry.size, workers=workers())


def read_real(
    shared: Path, folders: Sequence[str], fits: Path, template: HandTemplate, opinions: Path | None = None, crop_box: CropBox = "hand"
) -> PictureSet:
    """The real crops of some folders, with meshes where a fit is good, and joints: the fused teacher's where ``opinions`` of the 2020
    network are given, else of the good fits alone.

    Raises:
        DatasetError: crops or labels are missing or broken.
        FitsError: the fits are missing or broken.
    """
    crops = load_real_crops(shared, folders=folders)
    vertices, fitted = _fitted(crops, fits, template)
    seen_joints = crops.keypoints
    if opinions is not None:
        joints, joint_weights, seen_joints = _fused(crops, opinions, template)
    else:
        joints = (template.regressor @ vertices.astype(np.float32)).astype(np.float32)
        joint_weights = np.repeat(FITTED_TRUST * fitted, 2 * JOINT_COUNT).reshape(-1, JOINT_COUNT, 2)
    images, keypoints, content = [], [], []
    for row in progress_over(range(len(crops)), "read real crops", "pictures"):
        scale = SIDE / crops.side[row]
        image = resized(crops.read_picture(row))
        # Labels count from the corner of the first pixel, OpenCV from its centre.
        points, part = scale * seen_joints[row] - 0.5, scale * crops.content[row]
        if crops.is_left[row]:
            image, points, part = mirrored(image, points, part)
        images.append(image)
        keypoints.append(points)
        content.append(part)
    return PictureSet(
        images=np.stack(images),
        keypoints=np.array(keypoints, np.float32),
        keypoint_weights=_trust(crops.mirror_gap, HALF_TRUST_GAP).astype(np.float32),
        vertices=vertices,
        mesh_weights=(FITTED_TRUST * fitted).astype(np.float32),
        joints=joints,
        joint_weights=joint_weights.astype(np.float32),
        content=np.array(content, np.float32),
        boxes=boxes_of(np.array(keypoints), crop_box),
        sources=crops.source,
    )


def _fused(crops: RealCrops, opinions: Path, template: HandTemplate) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Joints (N, 21, 3) of right hands at the template's size by the fused teacher, trust in them (N, 21, 2), and where
    they are seen, pixels of the crop (N, 21, 2)."""
    fused = fused_joints(crops, opinions)
    joints = np.where(crops.is_left[:, None, None], fused.joints * (-1, 1, 1), fused.joints)  # left hands are shown mirrored
    weights = np.stack((_trust(fused.sigma[..., :2].mean(2), HALF_TRUST_SIGMA), _trust(fused.sigma[..., 2], HALF_TRUST_SIGMA)), 2)
    seen = keypoints_of_marks(crops.keypoints, fused.joints)
    return (template.bone_sum_m * joints_of_marks(joints)).astype(np.float32), weights, seen


def _trust(doubt: FloatArray, half: float) -> FloatArray:
    """1 where there is no doubt, a half at ``half``, of any shape."""
    return 1 / (1 + (doubt / half) ** 2)


def _fitted(crops: RealCrops, path: Path, template: HandTemplate) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (N, 778, 3) at the reference size, nan where there is no good fit, and whether there is one (N,)."""
    fits = read_fits(path)
    place = {str(name): row for row, name in enumerate(fits["names"])}
    rows = np.array([place.get(str(name), -1) for name in crops.names])
    good = np.asarray(np.append(fits["good"], False)[rows])  # row -1: not fitted
    vertices = np.full((len(crops), len(template.rig.vertices), 3), np.nan, np.float16)
    parameters = (fits[name][rows[good]] for name in ("local_rotations", "bone_scale", "rotation"))
    if good.any():
        vertices[good] = to_reference_size(*true_hands(template, *parameters), template.reference_size_m)
    return vertices, good
