"""Hands that hands can make cost nothing; bones of other proportions and fingers that bend sideways or backwards do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from handmesh_ros.hand import JOINT_PARENTS
from handmesh_training.template import HandTemplate
from handmesh_training.template.meshes import sample_meshes
from handmesh_training.trainer.biomechanics import biomechanical_excess, bone_lengths

TEMPLATE = HandTemplate.load()
MEAN = bone_lengths(torch.from_numpy(TEMPLATE.regressor @ TEMPLATE.mean_vertices))


def excess(joints: Tensor) -> Tensor:
    return biomechanical_excess(joints.reshape(-1, 21, 3), MEAN)


@pytest.fixture(scope="module")
def flat() -> Tensor:
    """A right hand in crop axes that shows its palm: fingers up, thumb to the right, all straight."""
    across = np.array([0.02, 0.025, 0.0, -0.02, -0.04])
    joints = np.zeros((21, 3))
    for finger, x in enumerate(across):
        joints[1 + 4 * finger : 5 + 4 * finger, 0] = x
    joints[1:, 1] = -1e-9
    lengths = MEAN.numpy()
    for child in range(1, 21):
        parent = joints[JOINT_PARENTS[child]]
        sideways = joints[child, 0] - parent[0]
        joints[child, 1] = parent[1] - np.sqrt(max(lengths[child - 1] ** 2 - sideways**2, 0))
    return torch.from_numpy(joints)


def bent(joints: Tensor, first: int, axis: tuple[float, float, float], degrees: float) -> Tensor:
    """Everything from joint ``first`` to the end of its finger, turned about ``first``."""
    n, angle = np.array(axis), np.radians(degrees)
    cross = np.array([[0, -n[2], n[1]], [n[2], 0, -n[0]], [-n[1], n[0], 0]])
    turn = torch.from_numpy(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
    moved = joints.clone()
    end = first + (4 - (first - 1) % 4)
    moved[first:end] = (joints[first:end] - joints[first]) @ turn.T + joints[first]
    return moved


def test_drawn_hands_cost_next_to_nothing() -> None:
    vertices, joints = map(torch.from_numpy, sample_meshes(TEMPLATE, np.random.default_rng(0), 300))
    assert vertices.shape[1:] == (778, 3)
    crop_axes = joints * joints.new_tensor([1.0, -1.0, -1.0])  # y down, z away: half a turn about x
    assert excess(crop_axes).mean() < 0.02


def test_a_straight_hand_costs_nothing_whichever_way_it_is_turned(flat: Tensor) -> None:
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))[0]
    turn = turn * torch.linalg.det(turn).sign()
    assert excess(torch.stack((flat, flat @ turn.T, 3 * flat))).max() < 1e-6


def test_a_finger_bends_towards_the_palm_and_not_away(flat: Tensor) -> None:
    # The palm looks at the camera, along -z. A turn about x takes a finger that points up (-y) along the line of sight.
    ways = [excess(bent(flat, 10, (1.0, 0.0, 0.0), degrees)).item() for degrees in (60, -60)]
    towards = [bent(flat, 10, (1.0, 0.0, 0.0), degrees)[12, 2] for degrees in (60, -60)]
    assert towards[0] * towards[1] < 0
    palm_side = int(np.argmin(towards))  # nearer to the camera
    assert ways[palm_side] < 1e-6
    assert ways[1 - palm_side] > 0.05


def test_a_finger_does_not_bend_sideways_out_of_its_plane(flat: Tensor) -> None:
    curled = bent(flat, 10, (1.0, 0.0, 0.0), 60 if bent(flat, 10, (1.0, 0.0, 0.0), 60)[12, 2] < 0 else -60)
    assert excess(bent(curled, 11, (0.0, 1.0, 0.0), 60)) > excess(curled) + 0.05


def test_a_bone_too_long_costs_and_teaches(flat: Tensor) -> None:
    long = flat.clone()
    long[12] += 0.6 * (flat[12] - flat[11])
    long.requires_grad_()
    cost = excess(long).sum()
    assert cost > 0.005
    cost.backward()
    assert long.grad is not None
    assert (long.grad[12] @ (flat[12] - flat[11])) > 0, "less when it is shorter"
