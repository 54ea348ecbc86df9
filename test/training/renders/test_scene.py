"""What is beside the labelled hand, and what its labels say of it: grasps, touching fingertips, second hands, visibility, camera."""

import dataclasses

import numpy as np
import pytest
import torch
from support.paths import needs_shared

from handmesh_ros.hand import BONES, INDEX_MCP, LITTLE_MCP, MIDDLE_MCP, WRIST, FloatArray
from handmesh_training.renders.batch import RenderBatch, Studio, render_batch
from handmesh_training.renders.contact_sheet import contact_sheet
from handmesh_training.renders.held_things import find_grasp
from handmesh_training.renders.neighbours import add_second_hands
from handmesh_training.renders.occluders import Things
from handmesh_training.renders.sampling import sample_skin
from handmesh_training.renders.visibility import visible_joints
from handmesh_training.template.contacts import sample_contacts
from handmesh_training.template.hand_template import HandTemplate
from handmesh_training.template.poses import CAPSULE_RADII, PALM_LENGTH_M, sample_poses, segment_distance, self_collides
from handmesh_training.template.shapes import sample_shapes

BONE_ENDS = np.array(BONES)


@pytest.fixture(scope="module")
def template() -> HandTemplate:
    return HandTemplate.load()


@pytest.fixture(scope="module")
def batch(studio: Studio) -> RenderBatch:
    return render_batch(studio, np.random.default_rng(8), 8, size=96, occluder_share=0.7)


def test_thumbs_touch_the_fingertips_they_are_sent_to(template: HandTemplate) -> None:
    rng = np.random.default_rng(0)
    rotations, scale = sample_poses(template.rig, template.poses, rng, 240), sample_shapes(template.rig, rng, 240)
    moved, touched = sample_contacts(template.rig, rotations, scale, rng, 0.2)
    met = touched >= 0
    assert 24 <= met.sum() <= 72 and set(touched[met]) == {0, 1, 2, 3}
    assert (moved[~met] == rotations[~met]).all()
    joints = template.rig.joint_positions(template.rig.bone_transforms(moved, scale))
    apart = np.linalg.norm(joints[met, 4] - joints[met, np.array([8, 12, 16, 20])[touched[met]]], axis=1)
    assert apart.max() < 0.022 and np.median(apart) < 0.016  # between the middles of the pads, 12 to 18 mm of flesh
    assert not self_collides(joints[met]).any()


def test_a_held_thing_fills_the_hand_and_is_touched_from_two_sides(template: HandTemplate) -> None:
    rng = np.random.default_rng(1)
    grips = np.stack([pose for name, pose in template.poses.items() if "Grip" in name])
    hands = template.rig.joint_positions(template.rig.bone_transforms(grips))
    found = 0
    for joints in np.repeat(hands, 4, 0):
        grasp = find_grasp(rng, joints)
        if grasp is None or grasp.flat:
            continue
        found += 1
        reach = grasp.half[2] * (grasp.half[2] > grasp.half[0]) * grasp.frame[:, 2]  # rods are found with round ends beyond these
        gaps = segment_distance(grasp.centre - reach, grasp.centre + reach, joints[BONE_ENDS[:, 0]], joints[BONE_ENDS[:, 1]])
        clear = gaps - grasp.half[0] - CAPSULE_RADII * np.linalg.norm(joints[MIDDLE_MCP] - joints[WRIST]) / PALM_LENGTH_M
        assert -0.004 < clear.min() < 0.003, "it neither sinks in nor floats"
        assert (clear < 0.011).sum() >= 3
    assert found >= len(hands)
    straight = template.rig.joint_positions(template.rig.bone_transforms(template.rig.rest_rotations))
    assert find_grasp(rng, straight) is None, "an open hand holds nothing"


@needs_shared
def test_second_hands_neither_pierce_nor_hide_the_first(studio: Studio) -> None:
    rng = np.random.default_rng(3)
    rig, surface = studio.rigs[1], studio.surfaces[1]
    rotations = np.repeat(rig.rest_rotations[None], 6, 0)
    facing = rig.joint_positions(rig.bone_transforms(rotations)) @ np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]) + [0, 0, 0.6]
    things = Things()
    placed = add_second_hands(
        rng, things, np.arange(6), facing, rig, surface, studio.poses, studio.assets, sample_skin(rng, studio.assets, 6)
    )
    assert len(placed) >= 4
    drawn = things.tensors("cpu")
    assert drawn is not None and set(drawn.image.tolist()) == set(placed.tolist())
    for image in placed:
        corners = drawn.vertices[drawn.image == image].reshape(-1, 3).double().numpy()
        middles = (facing[image][BONE_ENDS[:, 0]] + facing[image][BONE_ENDS[:, 1]]) / 2
        assert np.linalg.norm(corners[:, None] - middles, axis=2).min() > 0.003
        a, b, c = (drawn.vertices[drawn.image == image][:, k] for k in range(3))
        outwards = (torch.linalg.cross(b - a, c - a) * drawn.normals[drawn.image == image].sum(1)).sum(1)
        assert (outwards > 0).float().mean() > 0.98, "mirrored hands are turned inside out"


def hand_in_front(joints: FloatArray) -> FloatArray:
    return np.array([joints + [0, 0, 0.5]])


def test_joints_behind_flesh_things_or_the_edge_are_not_visible(template: HandTemplate) -> None:
    # The camera looks at the palm, fingers up: rest mesh (fingers -Z, palm -X, thumb +Y).
    turn = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
    joints = template.rig.joint_positions(template.rig.bone_transforms(template.rig.rest_rotations)) @ turn.T
    facing = hand_in_front(joints)
    keypoints = 0.5 + facing[..., :2] / facing[..., 2:]
    everywhere = np.ones((1, 64, 64))
    assert visible_joints(facing, keypoints, everywhere).all()
    fist = template.rig.joint_positions(template.rig.bone_transforms(template.poses["Grip 5"])) @ turn.T
    back = hand_in_front(fist * [-1, 1, -1])
    seen = visible_joints(back, 0.5 + back[..., :2] / back[..., 2:], everywhere)[0]
    assert seen[[INDEX_MCP, MIDDLE_MCP, LITTLE_MCP]].all() and not seen[[12, 16]].any(), "from behind, a fist hides its tips"
    right_half = everywhere.copy()
    right_half[:, :, :32] = 0
    covered = visible_joints(facing, keypoints, right_half)[0]
    assert (covered == (keypoints[0, :, 0] >= 0.5)).all()
    assert not visible_joints(facing, keypoints + [1.0, 0], everywhere).any()


@needs_shared
def test_the_camera_label_projects_the_joints_onto_the_keypoints(batch: RenderBatch) -> None:
    rays = np.linalg.solve(batch.camera, np.concatenate([batch.keypoints[:, 0], np.ones((8, 1))], 1)[..., None])[..., 0]
    wrist = rays / np.linalg.norm(rays, axis=1, keepdims=True) * batch.wrist_distance[:, None]
    projected = (batch.joints + wrist[:, None]) @ batch.camera.transpose(0, 2, 1)
    assert np.allclose(projected[..., :2] / projected[..., 2:], batch.keypoints, atol=1e-6)


@needs_shared
def test_hidden_joints_are_rarer_than_seen_ones_and_the_sheet_shows_them(batch: RenderBatch) -> None:
    assert 0.3 < batch.visible.mean() < 0.98 and batch.occluded.any()
    plain, marked = contact_sheet(batch, 3), contact_sheet(batch, 3, joints=True)
    assert plain.shape == marked.shape == (3 * 96, 3 * 96, 3)
    red = (marked == (255, 60, 60)).all(2)
    assert red.any() and not (plain == (255, 60, 60)).all(2).any()
    all_seen = dataclasses.replace(batch, visible=np.ones_like(batch.visible))
    assert not (contact_sheet(all_seen, 3, joints=True) == (255, 60, 60)).all(2).any()
