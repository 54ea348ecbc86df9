"""Trains the mesh decoder on poses of the template alone: joints, a little wrong as the corrector leaves them, to the whole mesh."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from handmesh_ros.hand import JOINT_COUNT, JOINT_PARENTS
from handmesh_training.lifted.network import LiftedDecoder
from handmesh_training.template import HandTemplate
from handmesh_training.template.meshes import sample_meshes

# Loss weights; lengths in millimetres.
WEIGHT_JOINTS, WEIGHT_EDGE, WEIGHT_NORMAL, WEIGHT_FOLLOW = 1.0, 0.5, 1.0, 0.3
# Error of a bone's end, metres: hands differ from the template, and the mesh shall follow its joints rather than its habits.
JOINT_ERROR_M = 0.0012
LINEAR_FIT_HANDS = 4000


def fit_linear_part(decoder: LiftedDecoder, template: HandTemplate, seed: int) -> None:
    """The decoder's starting point: flesh as a linear function of joints in the palm frame, about a millimetre from the truth."""
    vertices, joints = map(torch.from_numpy, sample_meshes(template, np.random.default_rng(seed), LINEAR_FIT_HANDS))
    torch.manual_seed(seed)
    decoder.set_linear_base(vertices, disturb(joints, JOINT_ERROR_M))


def train_decoder(
    decoder: LiftedDecoder, template: HandTemplate, corrected: Tensor, steps: int, seed: int, hands: int = 12000, batch: int = 32,
    rate: float = 2e-3, checkpoint: Path | None = None, report: Callable[[int, float], None] | None = None,
) -> None:  # fmt: skip
    """Adam with a cosine schedule.

    Args:
        corrected: (N, 21, 3) joints from the corrector for real hands and renders: there the mesh has to follow the joints.
        hands: how many template hands are drawn.
        checkpoint: file that the state is saved to every 200 steps and taken up from.
        report: gets step and loss.
    """
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    first = 0
    if checkpoint is not None and checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True)
        if state["steps"] == steps:
            for part, key in ((decoder, "decoder"), (optimizer, "optimizer"), (schedule, "schedule")):
                part.load_state_dict(state[key])  # type: ignore[attr-defined]
            first = state["step"]
    vertices, joints = map(torch.from_numpy, sample_meshes(template, np.random.default_rng(seed + 1), hands))
    faces = torch.from_numpy(template.faces[0])
    torch.manual_seed(seed + 1 + first)
    for step in range(first, steps):
        rows = torch.randint(len(joints), (batch,))
        follow = corrected[torch.randint(len(corrected), (batch // 2,))]
        given = torch.cat([disturb(joints[rows], JOINT_ERROR_M), follow])
        found_vertices, found_joints = decoder(given)
        loss = mesh_loss(found_vertices[:batch], vertices[rows], faces)
        loss = loss + WEIGHT_JOINTS * _mm(found_joints[:batch] - joints[rows]).mean()
        loss = loss + WEIGHT_FOLLOW * _mm(found_joints - given).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if report is not None:
            report(step, float(loss.detach()))
        if checkpoint is not None and (step + 1) % 200 == 0:
            parts = {"decoder": decoder.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
            torch.save({"step": step + 1, "steps": steps, **parts}, checkpoint)


def disturb(joints: Tensor, amount_m: float) -> Tensor:
    """Errors as a corrector makes them: each bone is off by about ``amount_m`` and carries its finger along; palms bend little."""
    error = amount_m * torch.randn_like(joints)
    moved = [torch.zeros_like(joints[:, 0])]
    for joint in range(1, JOINT_COUNT):
        share = 0.7 if JOINT_PARENTS[joint] == 0 else 1.0
        moved.append(0.7 * moved[JOINT_PARENTS[joint]] + share * error[:, joint])
    return joints + torch.stack(moved, 1)


def mesh_loss(vertices: Tensor, target: Tensor, faces: Tensor) -> Tensor:
    """L1 of vertices, of edge lengths, and of edges against the true normals, in millimetres."""
    first, second = faces, faces.roll(-1, 1)
    edges = vertices[:, second] - vertices[:, first]
    wanted = target[:, second] - target[:, first]
    normals = torch.linalg.cross(wanted[:, :, 0], wanted[:, :, 1])
    normals = normals / normals.square().sum(2, keepdim=True).clamp(min=1e-16).sqrt()
    lengths = edges.square().sum(3).clamp(min=1e-12).sqrt() - wanted.square().sum(3).clamp(min=1e-12).sqrt()
    off_plane = (edges * normals[:, :, None]).sum(3)
    return 1000 * ((vertices - target).abs().sum(2).mean() + WEIGHT_EDGE * lengths.abs().mean() + WEIGHT_NORMAL * off_plane.abs().mean())


def _mm(vectors: Tensor) -> Tensor:
    return 1000 * (vectors.square().sum(-1) + 1e-10).sqrt()
