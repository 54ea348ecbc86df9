"""Hands of the template in random poses and shapes: what a network learns that shall know the template's meshes."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import MIDDLE_MCP, WRIST, FloatArray
from handmesh_training.template.hand_template import HandTemplate
from handmesh_training.template.poses import sample_poses
from handmesh_training.template.shapes import sample_shapes

CHUNK = 2000  # hands posed at once: their vertices in double precision are 37 MB


def sample_meshes(template: HandTemplate, rng: np.random.Generator, count: int) -> tuple[FloatArray, FloatArray]:
    """Vertices (count, 778, 3) and joints (count, 21, 3), float32, mesh frame, wrist-relative, scaled to the reference size."""
    all_vertices, all_joints = [], []
    for start in range(0, count, CHUNK):
        number = min(CHUNK, count - start)
        rotations = sample_poses(template.rig, template.poses, rng, number)
        vertices, joints = template.pose(rotations, sample_shapes(template.rig, rng, number))
        wrist = joints[:, WRIST, None]
        scale = template.reference_size_m / np.linalg.norm(joints[:, MIDDLE_MCP] - joints[:, WRIST], axis=1)[:, None, None]
        all_vertices.append(((vertices - wrist) * scale).astype(np.float32))
        all_joints.append(((joints - wrist) * scale).astype(np.float32))
    return np.concatenate(all_vertices), np.concatenate(all_joints)
