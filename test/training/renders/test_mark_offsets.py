"""Offsets of marks are found again in pictures of hands that were marked with known ones."""

import numpy as np
import pytest
from numpy.typing import NDArray

from handmesh_ros.hand import MIDDLE_MCP, FloatArray
from handmesh_training.renders.batch import RenderBatch
from handmesh_training.renders.mark_offsets import mark_offsets
from handmesh_training.template import HandTemplate
from handmesh_training.template.poses import sample_poses
from handmesh_training.template.shapes import sample_shapes

COUNT = 80


@pytest.fixture(scope="module")
def template() -> HandTemplate:
    return HandTemplate.load()


def marked_hands(template: HandTemplate, offsets: FloatArray, rng: np.random.Generator) -> tuple[RenderBatch, FloatArray]:
    """Hands half a metre before a camera, and the marks that lie ``offsets`` (21, 3) metres from their joints, in the pictures."""
    rotations, scale = sample_poses(template.rig, template.poses, rng, COUNT), sample_shapes(template.rig, rng, COUNT)
    transforms = template.rig.bone_transforms(rotations, scale)
    mesh_joints = template.rig.joint_positions(transforms)
    view, _ = np.linalg.qr(rng.normal(size=(COUNT, 3, 3)))
    view *= np.linalg.det(view)[:, None, None]
    bones = transforms[:, template.rig.joint_bones, :3, :3]
    bones = bones / np.linalg.norm(bones, axis=-2, keepdims=True)
    size = np.linalg.norm(mesh_joints[:, MIDDLE_MCP] - mesh_joints[:, 0], axis=1) / template.reference_size_m
    marks = mesh_joints + size[:, None, None] * (bones @ offsets[..., None])[..., 0]
    joints, marks = ((points - mesh_joints[:, :1]) @ view.transpose(0, 2, 1) for points in (mesh_joints, marks))
    wrist, camera = np.array([0.02, 0.03, 0.5]), np.array([[1.6, 0, 0.5], [0, 1.6, 0.5], [0, 0, 1]])

    def seen(points: FloatArray) -> FloatArray:
        projected = (points + wrist) @ camera.T
        return np.asarray(projected[..., :2] / projected[..., 2:])

    nothing: NDArray[np.float64] = np.zeros(COUNT)
    renders = RenderBatch(
        images=nothing, joints=joints, keypoints=seen(joints), local_rotations=rotations, bone_scale=scale, rotation=view,
        wrist=mesh_joints[:, 0], wrist_distance=np.full(COUNT, np.linalg.norm(wrist)), mask=nothing, occluded=nothing,
        brightness=nothing, visible=np.ones((COUNT, 21)), camera=np.tile(camera, (COUNT, 1, 1)),
    )  # fmt: skip
    return renders, seen(marks)


def test_offsets_are_found_again_though_a_tenth_of_the_fingers_is_misread(template: HandTemplate) -> None:
    rng = np.random.default_rng(0)
    offsets = rng.uniform(-0.006, 0.006, (21, 3))
    renders, marks = marked_hands(template, offsets, rng)
    marks += rng.normal(0, 0.003, marks.shape)
    misread = rng.random((COUNT, 21)) < 0.1
    marks[misread] += 0.06
    found, used = mark_offsets(template, renders, marks, np.ones(COUNT, bool))
    assert used.mean() > 0.95
    assert np.abs(found - offsets).max() < 0.0025
    assert np.abs(found - offsets).mean() < 0.0006


def test_hands_that_are_misread_as_a_whole_are_left_out(template: HandTemplate) -> None:
    rng = np.random.default_rng(1)
    renders, marks = marked_hands(template, np.zeros((21, 3)), rng)
    marks[:10] = rng.permuted(marks[:10], axis=1)
    seen = np.ones(COUNT, bool)
    seen[20:25] = False
    found, used = mark_offsets(template, renders, marks, seen)
    assert not used[:10].any() and not used[20:25].any() and used[30:].all()
    assert np.abs(found).max() < 0.0002
