"""The hands of renders: the template in the pose that each was drawn in."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import MIDDLE_MCP, FloatArray
from handmesh_training.template import HandTemplate


def true_hands(
    template: HandTemplate, local_rotations: FloatArray, bone_scale: FloatArray, rotation: FloatArray, with_vertices: bool = True
) -> tuple[FloatArray, FloatArray]:
    """The template in the pose of each render: vertices (N, 778, 3) and joints (N, 21, 3), float32, crop axes, wrist-relative."""
    vertices, joints = [], []
    for start in range(0, len(local_rotations), 1000):
        part = slice(start, start + 1000)
        transforms = template.rig.bone_transforms(local_rotations[part], bone_scale[part])
        own = template.rig.joint_positions(transforms)
        turn = rotation[part].astype(float).transpose(0, 2, 1)
        joints.append(((own - own[:, :1]) @ turn).astype(np.float32))
        if with_vertices:
            mesh = template.pose(local_rotations[part], bone_scale[part])[0]
            vertices.append(((mesh - own[:, :1]) @ turn).astype(np.float32))
    return (np.concatenate(vertices) if with_vertices else np.zeros((0, 778, 3), np.float32)), np.concatenate(joints)


def to_reference_size(points: FloatArray, joints: FloatArray, reference_size_m: float) -> FloatArray:
    """Scale (N, P, 3) wrist-relative points so that wrist to middle mcp of (N, 21, 3) joints is the reference size."""
    return points * (reference_size_m / np.linalg.norm(joints[:, MIDDLE_MCP], axis=1))[:, None, None]
