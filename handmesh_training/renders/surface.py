"""The skin that is drawn: the rigged hand as tensors, with what shading needs of it (smooth normals, tangents, occlusion)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from handmesh_ros.hand import BONES
from handmesh_training.template.rig import FOREARM, Rig
from handmesh_training.template.wrist import WRIST_REST, weld


@dataclass(frozen=True, eq=False)
class HandSurface:
    """A rig's mesh on a device.

    Attributes:
        rest: (V, 4) float32, rest vertices, homogeneous.
        weights: (V, B) float32, skinning weights of the B bones.
        faces: (F, 3) int64, counter-clockwise seen from outside.
        welded: (V,) int64, number of the place that a vertex shares with its copies across UV seams.
        uv: (V, 2) float32, origin top left.
        forearm: (V,) float32, metres beyond the wrist along the forearm in the rest pose, negative on the hand.
        loose: (F,) bool, faces of the forearm, open at its end: drawn from both sides.
    """

    rest: Tensor
    weights: Tensor
    faces: Tensor
    welded: Tensor
    uv: Tensor
    forearm: Tensor
    loose: Tensor

    @classmethod
    def from_rig(cls, rig: Rig, device: torch.device | str = "cpu") -> HandSurface:
        """Copies a rig onto a device."""
        weights = np.zeros((len(rig.vertices), rig.bone_count), np.float32)
        np.add.at(weights, (np.arange(len(weights))[:, None], rig.bone_indices), rig.bone_weights)
        _, welded_faces = weld(rig.vertices, rig.faces)
        welded = np.zeros(len(rig.vertices), np.int64)
        welded[rig.faces.reshape(-1)] = welded_faces.reshape(-1)
        homogeneous = np.concatenate([rig.vertices, np.ones((len(rig.vertices), 1))], 1).astype(np.float32)
        on_forearm = weights[:, rig.bone(FOREARM)] > 0.99
        arrays = (
            homogeneous, weights, rig.faces, welded, rig.uv.astype(np.float32),
            (rig.vertices[:, 2] - WRIST_REST[2]).astype(np.float32), on_forearm[rig.faces].all(1),
        )  # fmt: skip
        return cls(*(torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays))

    def pose(self, skin_matrices: Tensor) -> Tensor:
        """Linear blend skinning: (N, V, 3) for (N, B, 4, 4) matrices that carry rest vertices along with the bones."""
        count, bones = skin_matrices.shape[:2]
        rows = skin_matrices[:, :, :3].reshape(count, bones, 12)
        blended = torch.matmul(self.weights, rows).view(count, -1, 3, 4)
        return (blended @ self.rest[None, :, :, None]).squeeze(3)

    def normals(self, vertices: Tensor) -> Tensor:
        """(N, V, 3) unit normals, smooth across UV seams, weighted by area."""
        a, b, c = (vertices[:, self.faces[:, k]] for k in range(3))
        face_normals = torch.linalg.cross(b - a, c - a)
        total = torch.zeros_like(vertices)
        for corner in range(3):
            total.index_add_(1, self.welded[self.faces[:, corner]], face_normals)
        return functional.normalize(total[:, self.welded], dim=2)

    def tangents(self, vertices: Tensor) -> tuple[Tensor, Tensor]:
        """Unit directions (N, F, 3) in which u and v of the texture grow on each face."""
        a, b, c = (vertices[:, self.faces[:, k]] for k in range(3))
        uv_a, uv_b, uv_c = (self.uv[self.faces[:, k]] for k in range(3))
        du, dv = (uv_b - uv_a), (uv_c - uv_a)
        sign = torch.sign(du[:, 0] * dv[:, 1] - du[:, 1] * dv[:, 0])[None, :, None]
        along_u = sign * (dv[None, :, 1:] * (b - a) - du[None, :, 1:] * (c - a))
        along_v = sign * (du[None, :, :1] * (c - a) - dv[None, :, :1] * (b - a))
        return functional.normalize(along_u, dim=2), functional.normalize(along_v, dim=2)


def ambient_occlusion(vertices: Tensor, normals: Tensor, joints: Tensor) -> Tensor:
    """Share (N, V) of the surrounding light that reaches each vertex past the fingers and the palm.

    The flesh is stood in for by two balls a bone, and a ball of radius r at distance d covers (r / d)^2 cos of the sky. A vertex's own
    bone lies behind its surface and so does not count.

    Args:
        vertices, normals: (N, V, 3).
        joints: (N, 21, 3), metres, same frame.
    """
    parent = joints[:, [bone[0] for bone in BONES]]
    child = joints[:, [bone[1] for bone in BONES]]
    centers = torch.cat((0.5 * (parent + child), 0.1 * parent + 0.9 * child), 1)
    size = (joints[:, 9] - joints[:, 0]).norm(dim=1)
    # Ratios to the hand's size (about 94 mm): fingers 8 mm, the palm's bones 13 mm.
    ratio = [0.14 if bone[0] == 0 else 0.085 for bone in BONES]
    radius = size[:, None] * torch.tensor(ratio + ratio, device=joints.device)
    along = torch.bmm(normals, centers.transpose(1, 2)) - (normals * vertices).sum(2, keepdim=True)
    squared = torch.cdist(vertices, centers).square_().clamp_min_((0.3 * float(size.min())) ** 2 * 1e-2)
    reach = (radius**2)[:, None, :]
    covered = along.clamp_(min=0) / squared.sqrt() * (reach / squared).clamp_(max=1.0)
    return torch.exp(-0.9 * covered.sum(2)).clamp_(min=0.2)
