"""How far hands are beyond what hands can do: bones of another person's proportions, fingers that bend sideways or backwards.

After Spurr et al., Weakly supervised 3D hand pose estimation via biomechanical constraints, 2020. Where each term begins is the
99th percentile over 8192 renders in people's poses (``renders/people.py``): what they show costs nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handmesh_ros.hand import INDEX_MCP, LITTLE_MCP
from handmesh_training.labels.skeleton import bones_of

BONE_SLACK = 0.09  # of the logarithm of a bone's length over the mean hand's, both as shares of all bones
TWIST_SLACK = 0.18  # of the volume that a finger's three bones span as unit vectors: 0 where it bends about parallel axes
BACKWARD_SLACK = 0.05  # of the sine of a finger joint's angle backwards, beyond straight


def bone_lengths(joints: Tensor) -> Tensor:
    """(..., 20) of (..., 21, 3) joints."""
    return bones_of(joints).norm(dim=-1)


def biomechanical_excess(joints: Tensor, mean_lengths: Tensor) -> Tensor:
    """(B,): mean excess over the slacks of right hands' joints (B, 21, 3), crop axes, any unit; ``mean_lengths`` (20,) of the bones of
    the mean hand, any unit."""
    bones = bones_of(joints)
    lengths = bones.norm(dim=2).clamp(min=1e-6)
    share, mean_share = lengths / lengths.sum(1, keepdim=True), mean_lengths / mean_lengths.sum()
    odd_bones = _beyond((share / mean_share).log().abs(), BONE_SLACK)
    straight = (bones / lengths[..., None]).unflatten(1, (5, 4))[:, 1:]  # four fingers, without the thumb: its joints turn otherwise
    first, second, third = straight[:, :, 1], straight[:, :, 2], straight[:, :, 3]
    twisted = _beyond((torch.linalg.cross(first, second) * third).sum(2).abs(), TWIST_SLACK)
    across = (joints[:, INDEX_MCP] - joints[:, LITTLE_MCP])[:, None]
    backward = torch.cat([_beyond(-_bend(one, other, across), BACKWARD_SLACK) for one, other in ((first, second), (second, third))], dim=1)
    return odd_bones.mean(1) + twisted.mean(1) + backward.mean(1)


def _bend(bone: Tensor, following: Tensor, across: Tensor) -> Tensor:
    """Sine of the angle (B, F) by which unit vectors (B, F, 3) bend towards the palm; ``across`` (B, 1, 3) points to the index finger."""
    axis = nn.functional.normalize(across - (across * bone).sum(2, keepdim=True) * bone, dim=2)
    return (torch.linalg.cross(bone, following) * axis).sum(2)


def _beyond(values: Tensor, slack: float) -> Tensor:
    return (values - slack).clamp(min=0)
