"""The template in the pose of a render."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import MIDDLE_MCP
from handmesh_training.renders.truth import to_reference_size, true_hands
from handmesh_training.template import HandTemplate
from handmesh_training.template.poses import sample_poses
from handmesh_training.template.rotation_batches import random_rotations
from handmesh_training.template.shapes import sample_shapes

TEMPLATE = HandTemplate.load()


def test_a_render_s_rotation_turns_the_posed_template_about_its_wrist() -> None:
    rng = np.random.default_rng(0)
    poses, shapes = sample_poses(TEMPLATE.rig, TEMPLATE.poses, rng, 4), sample_shapes(TEMPLATE.rig, rng, 4)
    turn = random_rotations(rng, 4)
    vertices, joints = true_hands(TEMPLATE, poses, shapes, turn)
    for hand in range(4):
        mesh, own = TEMPLATE.pose(poses[hand], shapes[hand])
        assert np.allclose(vertices[hand], (turn[hand] @ (mesh - own[0]).T).T, atol=1e-6)
        assert np.allclose(joints[hand], (turn[hand] @ (own - own[0]).T).T, atol=1e-6)


def test_at_the_reference_size_wrist_to_middle_mcp_is_that_long() -> None:
    joints = np.random.default_rng(1).normal(size=(3, 21, 3))
    assert np.allclose(np.linalg.norm(to_reference_size(joints, joints, 0.1)[:, MIDDLE_MCP], axis=1), 0.1)
