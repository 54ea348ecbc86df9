"""The template's skeleton for fitting: joints as a differentiable function of the pose, and how likely poses and shapes are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from handmesh_ros.hand import JOINT_PARENTS, FloatArray
from handmesh_training.template import HandTemplate
from handmesh_training.template.poses import sample_poses
from handmesh_training.template.rig import Rig
from handmesh_training.template.rotation_batches import rotation_vectors
from handmesh_training.template.shapes import mean_shape, sample_shapes

# Bones that bend in a fit. The others keep their rest: the root's turn is the view, tips carry nothing, no joint tells the forearm's.
POSED = tuple(
    f"{finger}_{part}_R"
    for finger in ("Thumb", "Index", "Middle", "Ring", "Little")
    for part in ("Metacarpal", "Proximal", "Distal" if finger == "Thumb" else "Intermediate", "Distal")[: 3 if finger == "Thumb" else 4]
)
PRIOR_SAMPLES = 20000
EXTRA_SPREAD = np.radians(1.0)  # added to every direction: sampled poses are a little narrower than people
LIMIT_PERCENTILES = (0.3, 99.7)


def bones_of(joints: Tensor) -> Tensor:
    """(..., 20, 3) from each joint's parent to the joint, of (..., 21, 3) joints."""
    return joints[..., 1:, :] - joints[..., list(JOINT_PARENTS[1:]), :]


class Skeleton:
    """Forward kinematics of :class:`Rig` on batches of torch tensors, whole levels of bones at a time."""

    def __init__(self, rig: Rig) -> None:
        self._parents = torch.tensor(rig.parents)
        self._offsets = torch.tensor(rig.rest_translations, dtype=torch.float32)
        self._joint_bones = torch.tensor(rig.joint_bones)
        self._joint_offsets = torch.tensor(rig.joint_offsets, dtype=torch.float32)
        depth = [0]
        for parent in rig.parents[1:]:
            depth.append(depth[parent] + 1)
        self._levels = [torch.tensor([bone for bone, d in enumerate(depth) if d == level]) for level in range(1, max(depth) + 1)]

    def joints(self, local_rotations: Tensor, bone_scale: Tensor) -> tuple[Tensor, Tensor]:
        """Joints (N, 21, 3), metres, mesh frame, and the turns (N, 21, 3, 3) of their bones to the mesh frame.

        Args:
            local_rotations: (N, 27, 3, 3); bone_scale: (N, 27, 3).
        """
        turned = local_rotations.clone()
        origins = self._offsets.expand(len(turned), -1, -1).clone()
        stretched = bone_scale[:, self._parents] * self._offsets
        for bones in self._levels:
            parents = self._parents[bones]
            parent_turns = turned[:, parents]
            turned = turned.index_copy(1, bones, parent_turns @ local_rotations[:, bones])
            origins = origins.index_copy(1, bones, origins[:, parents] + (parent_turns @ stretched[:, bones, :, None])[..., 0])
        at_joint = self._joint_bones
        local = (bone_scale[:, at_joint] * self._joint_offsets)[..., None]
        joints = origins[:, at_joint] + (turned[:, at_joint] @ local)[..., 0]
        return joints, turned[:, at_joint]


def exponential(vectors: Tensor) -> Tensor:
    """(..., 3, 3) rotations of (..., 3) axis times angle (Rodrigues), smooth at zero."""
    square = vectors.square().sum(-1)[..., None, None] + 1e-12
    angle = square.sqrt()
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    return torch.eye(3) + torch.sin(angle) / angle * skew + (1 - torch.cos(angle)) / square * (skew @ skew)


@dataclass(frozen=True, eq=False)
class HandPrior:
    """Gaussians over bends and lengths, measured on the hands that the renderer draws, and the limits of the bends.

    A hand is ``pose`` (N, 57) and ``shape`` (N, 20), both in standard deviations along independent directions, 0 the mean.

    Attributes:
        posed: (19,) bones; middle: (27, 3, 3) local rotations of the mean pose; poses: (S, 57) whitened samples, and
            sample_joints: (S, 21, 3) where their joints are, mesh frame, wrist-relative, metres, in the mean shape.
        pose_axes: (57, 57), whitened pose to rotation vectors after ``middle`` in radians; limits: (2, 57) of those.
        shape_axes: (20, 20), whitened shape to log scales of ``shape_entries`` (20,), indices into the flat (27 * 3,) scales.
        mean_scale: (27, 3).
    """

    posed: Tensor
    middle: Tensor
    poses: Tensor
    sample_joints: Tensor
    pose_axes: Tensor
    pose_mean: Tensor
    limits: Tensor
    shape_axes: Tensor
    shape_entries: Tensor
    mean_scale: Tensor

    @classmethod
    def measure(cls, template: HandTemplate, seed: int = 0, count: int = PRIOR_SAMPLES) -> HandPrior:
        """From ``count`` random hands; a few seconds."""
        rig, rng = template.rig, np.random.default_rng(seed)
        posed = np.array([rig.bone(name) for name in POSED])
        rotations = sample_poses(rig, template.poses, rng, count)
        middle = _mean_rotation(rotations)
        middle[[bone for bone in range(rig.bone_count) if bone not in posed]] = rig.rest_rotations[
            [bone for bone in range(rig.bone_count) if bone not in posed]
        ]
        bends = rotation_vectors(np.swapaxes(middle[posed], -1, -2) @ rotations[:, posed]).reshape(count, -1)
        covariance = np.cov(bends.T) + EXTRA_SPREAD**2 * np.eye(bends.shape[1])
        pose_axes = np.linalg.cholesky(covariance)
        # Absolute size cannot be seen: everything is relative to the length of the palm.
        mean = mean_shape(rig)
        shapes = np.log(sample_shapes(rig, rng, count) / mean)
        entries = np.array([*(3 * posed + 1), 3 * rig.bone("Wrist_R") + 2])
        relative = shapes.reshape(count, -1)[:, entries] - shapes[:, rig.bone("Wrist_R"), 1:2]
        shape_axes = np.linalg.cholesky(np.cov(relative.T) + 1e-6 * np.eye(len(entries)))
        joints = template.rig.joint_positions(rig.bone_transforms(rotations, np.broadcast_to(mean, (count, *mean.shape))))
        whitened = np.linalg.solve(pose_axes, (bends - bends.mean(0)).T).T
        return cls(
            posed=torch.from_numpy(posed), middle=_float(middle), poses=_float(whitened), sample_joints=_float(joints - joints[:, :1]),
            pose_axes=_float(pose_axes), pose_mean=_float(bends.mean(0)), limits=_float(np.percentile(bends, LIMIT_PERCENTILES, axis=0)),
            shape_axes=_float(shape_axes), shape_entries=torch.from_numpy(entries), mean_scale=_float(mean),
        )  # fmt: skip

    def bends(self, pose: Tensor) -> Tensor:
        """(N, 57) rotation vectors, radians."""
        return pose @ self.pose_axes.T + self.pose_mean

    def local_rotations(self, pose: Tensor) -> Tensor:
        """(N, 27, 3, 3)."""
        turned = self.middle[self.posed] @ exponential(self.bends(pose).unflatten(1, (-1, 3)))
        return self.middle.expand(len(pose), -1, -1, -1).index_copy(1, self.posed, turned)

    def bone_scale(self, shape: Tensor) -> Tensor:
        """(N, 27, 3)."""
        logs = torch.zeros(len(shape), self.mean_scale.numel()).index_copy(1, self.shape_entries, shape @ self.shape_axes.T)
        return self.mean_scale * logs.exp().unflatten(1, self.mean_scale.shape)

    def beyond_limits(self, pose: Tensor) -> Tensor:
        """(N, 57) radians by which a bend leaves the range that nearly all sampled hands keep."""
        bends = self.bends(pose)
        return (self.limits[0] - bends).clamp(min=0) + (bends - self.limits[1]).clamp(min=0)


def _mean_rotation(rotations: FloatArray) -> FloatArray:
    """The rotation nearest to the mean of (S, ..., 3, 3) rotations."""
    u, _, vt = np.linalg.svd(rotations.mean(0))
    sign = np.ones((*u.shape[:-2], 3))
    sign[..., 2] = np.linalg.det(u @ vt)
    return np.asarray((u * sign[..., None, :]) @ vt, np.float64)


def _float(values: FloatArray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
