"""Hands of the template for the decoder: joints, with the errors that a corrector leaves, and the mesh that belongs to them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from handmesh_ros.hand import JOINT_COUNT, JOINT_PARENTS, MIDDLE_MCP
from handmesh_training.template import HandTemplate
from handmesh_training.template.poses import sample_poses, sample_shapes

CHUNK = 2000


def sample_meshes(template: HandTemplate, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor]:
    """Vertices (count, 778, 3) and joints (count, 21, 3), float32, mesh frame, wrist-relative, scaled to the reference size."""
    all_vertices, all_joints = [], []
    for start in range(0, count, CHUNK):
        number = min(CHUNK, count - start)
        rotations = sample_poses(template.rig, template.poses, rng, number)
        vertices, joints = template.pose(rotations, sample_shapes(template.rig, rng, number))
        scale = template.reference_size_m / np.linalg.norm(joints[:, MIDDLE_MCP] - joints[:, 0], axis=1)
        all_vertices.append(((vertices - joints[:, :1]) * scale[:, None, None]).astype(np.float32))
        all_joints.append(((joints - joints[:, :1]) * scale[:, None, None]).astype(np.float32))
    return torch.from_numpy(np.concatenate(all_vertices)), torch.from_numpy(np.concatenate(all_joints))


def disturb(joints: Tensor, amount_m: float) -> Tensor:
    """Errors as a corrector makes them: each bone is off by about ``amount_m`` and carries its finger along; palms bend little."""
    error = amount_m * torch.randn_like(joints)
    moved = [torch.zeros_like(joints[:, 0])]
    for joint in range(1, JOINT_COUNT):
        share = 0.7 if JOINT_PARENTS[joint] == 0 else 1.0
        moved.append(0.7 * moved[JOINT_PARENTS[joint]] + share * error[:, joint])
    return joints + torch.stack(moved, 1)
