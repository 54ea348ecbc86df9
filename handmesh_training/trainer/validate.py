"""ValidationErrors of a network on pictures that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from handmesh_ros.evaluation.metrics import hand_extent, point_errors, relative_keypoint_errors, robust_sigma, similarity_align
from handmesh_ros.hand import FloatArray
from handmesh_training.networks import MobRecon
from handmesh_training.trainer.dice import Dice, seeded
from handmesh_training.trainer.gallery import Gallery
from handmesh_training.trainer.pictures import PictureSet
from handmesh_training.trainer.regions import TRACKER, cut, shows

PCK_THRESHOLD = 0.1


@dataclass(frozen=True)
class ValidationErrors:
    """On one set of pictures, crops with a tracker's errors.

    Attributes:
        pictures: how many.
        pck: share of keypoints within a tenth of the hand's extent; median_percent, mean_percent: 2D errors in its hundredths.
        joints_pa_mm, vertices_pa_mm: after similarity alignment, at the template's size; joints_upright_mm: the same without
            rotation, so that tilt counts. nan without such labels; of real crops they are the teachers' opinions.
        keypoint_sigma, joint_sigma_m: one sigma of the errors an axis, as the mesh network contract has them; the latter nan
            without such labels.
    """

    pictures: int
    pck: float
    median_percent: float
    mean_percent: float
    joints_pa_mm: float
    vertices_pa_mm: float
    joints_upright_mm: float
    keypoint_sigma: float
    joint_sigma_m: float

    def __str__(self) -> str:
        text = f"PCK@0.1 {self.pck:.3f}, 2D median {self.median_percent:.2f} %, mean {self.mean_percent:.2f} %"
        if np.isfinite(self.joints_pa_mm):
            text += (
                f", PA-MPJPE {self.joints_pa_mm:.2f} mm, PA-MPVPE {self.vertices_pa_mm:.2f} mm, "
                f"without rotation {self.joints_upright_mm:.2f} mm"
            )
        return f"{text} ({self.pictures} pictures)"


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network says of N patches, beside the labels (crop axes; lengths at the template's size)."""

    patches: np.ndarray
    keypoints: FloatArray
    joints: FloatArray
    vertices: FloatArray
    true_keypoints: FloatArray
    true_joints: FloatArray
    true_vertices: FloatArray


@torch.no_grad()
def answer(network: MobRecon, pictures: PictureSet, crop_scale: float, seed: int = 0, batch: int = 64) -> Answers:
    """Show every picture once; the network must be in eval mode."""
    device, size = network.joint_regressor.device, network.config.patch_size
    gallery = Gallery.hang([pictures], torch.device("cpu"))  # validation needs no speed, but the same patches wherever it is done
    count = len(pictures)
    upright = gallery.regions(torch.arange(count), crop_scale, torch.zeros(count, dtype=torch.bool))
    regions = upright.moved(TRACKER, Dice(seeded(seed, 0, gallery.device), count))
    found: list[tuple[Tensor, ...]] = []
    for start in range(0, count, batch):
        rows = slice(start, start + batch)
        part = regions.rows(rows)
        patch = cut(gallery.images[rows], part, size) * shows(gallery.content[rows], part, size)
        output = network(patch.to(device))
        shown = (255 * patch).round().to(torch.uint8).permute(0, 2, 3, 1)
        found.append((shown, output.keypoints.cpu(), output.joints.cpu(), output.vertices.cpu()))
    patches, keypoints, joints, vertices = (torch.cat(parts).numpy() for parts in zip(*found, strict=True))
    truth = regions.to_patch(gallery.keypoints), regions.turned(gallery.joints), regions.turned(gallery.vertices.float())
    return Answers(patches, keypoints, joints, vertices, *(part.numpy() for part in truth))


def errors(answers: Answers) -> ValidationErrors:
    """Compare; joints and meshes only where there are labels of them."""
    flat = relative_keypoint_errors(answers.keypoints, answers.true_keypoints)
    joints_pa = vertices_pa = upright = joint_sigma = np.nan
    known = np.isfinite(answers.true_joints).all((1, 2))
    if known.any():
        joints, true_joints = answers.joints[known], answers.true_joints[known]
        joints_pa = 1e3 * point_errors(similarity_align(joints, true_joints), true_joints).mean()
        upright = 1e3 * point_errors(similarity_align(joints, true_joints, rotation=False), true_joints).mean()
        joint_sigma = robust_sigma((joints - joints[:, :1] - true_joints + true_joints[:, :1])[:, 1:])
    known = np.isfinite(answers.true_vertices).all((1, 2))
    if known.any():
        vertices, true_vertices = answers.vertices[known], answers.true_vertices[known]
        vertices_pa = 1e3 * point_errors(similarity_align(vertices, true_vertices), true_vertices).mean()
    in_hands = (answers.keypoints - answers.true_keypoints) / hand_extent(answers.true_keypoints)[:, None, None]
    return ValidationErrors(
        len(flat), float((flat < PCK_THRESHOLD).mean()), 100 * float(np.median(flat)), 100 * float(flat.mean()),
        float(joints_pa), float(vertices_pa), float(upright), robust_sigma(in_hands), joint_sigma,
    )  # fmt: skip


def validate(network: MobRecon, pictures: PictureSet, crop_scale: float) -> ValidationErrors:
    """ValidationErrors on a set of pictures."""
    return errors(answer(network.eval(), pictures, crop_scale))
