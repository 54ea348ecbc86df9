"""The rigged hand: reading, opened wrist, kinematics, skinning."""

import numpy as np
import pytest
from support.paths import SHARED, needs_shared

from handmesh_ros.hand import JOINT_NAMES, JOINT_PARENTS, THUMB_TIP, WRIST
from handmesh_training.template.gltf import GltfError, read_skinned_mesh
from handmesh_training.template.rig import load_poses, load_rig, skin
from handmesh_training.template.rotation_batches import axis_rotation
from handmesh_training.template.topology import edge_set
from handmesh_training.template.wrist import WRIST_REST, boundary_edges, drop_lid, weld

ASSETS = SHARED / "assets"


@pytest.fixture(scope="module")
def rig():
    return load_rig(ASSETS, "hand_r")


@needs_shared
def test_opened_hand_is_one_disc_with_a_clean_rim():
    source = read_skinned_mesh(ASSETS / "hand" / "hand_r.gltf")
    faces = drop_lid(source.vertices, source.faces)
    _, welded = weld(source.vertices, faces)
    used = np.unique(welded)
    edges, counts = edge_set(welded)
    assert (len(used), len(faces), int((counts == 1).sum())) == (1487, 2952, 20)
    assert len(used) - len(edges) + len(faces) == 1
    assert counts.max() == 2


@needs_shared
@pytest.mark.parametrize("mesh", ["hand_r", "Hand_Nails_R", "Hand_Glove_low_R"])
def test_forearm_ends_behind_the_wrist_and_faces_outwards(mesh):
    rig = load_rig(ASSETS, mesh)
    assert rig.vertices[:, 2].max() > 0.2
    _, welded = weld(rig.vertices, rig.faces)
    rim = boundary_edges(welded)
    far = np.unique(rig.vertices[:, 2].max())
    assert len(rim) >= 18 and np.isclose(rig.vertices[:, 2], far).sum() >= 18
    a, b, c = (rig.vertices[rig.faces[:, k]] for k in range(3))
    assert (a * np.cross(b, c)).sum() > 0, "counter-clockwise faces enclose a positive volume"
    assert np.allclose(rig.bone_weights.sum(1), 1)


@needs_shared
def test_rest_pose_and_default_pose_leave_the_mesh_alone(rig):
    for rotations in (rig.rest_rotations, load_poses(ASSETS, rig)["Default pose"]):
        assert np.abs(skin(rig, rig.bone_transforms(rotations)) - rig.vertices).max() < 1e-6


@needs_shared
def test_joints_lie_where_they_belong(rig):
    joints = rig.joint_positions(rig.bone_transforms(rig.rest_rotations))
    assert np.allclose(joints[WRIST], WRIST_REST, atol=1e-6)
    heads = rig.bone_transforms(rig.rest_rotations)[:, :3, 3]
    for joint, name in enumerate(JOINT_NAMES):
        if joint != WRIST and name != "thumb_cmc" and not name.endswith("_tip"):
            assert np.allclose(joints[joint], heads[rig.joint_bones[joint]]), f"{name} is where its bone turns"
    assert joints[THUMB_TIP, 1] > joints[:, 1].mean(), "the thumb is at +Y"
    for finger_start in (5, 9, 13, 17):
        assert (np.diff(joints[finger_start : finger_start + 4, 2]) < 0).all(), "fingers point along -Z"
    for joint, name in enumerate(JOINT_NAMES):
        nearest = np.linalg.norm(rig.vertices - joints[joint], axis=1).min()
        depth = {"wrist": 0.03, "thumb_cmc": 0.018, "thumb_mcp": 0.015}.get(name, 0.0135)  # the first ones lie deep in the hand
        assert nearest < depth, name
        if name.endswith("_tip"):
            direction = joints[joint] - joints[JOINT_PARENTS[joint]]
            near = rig.vertices[np.linalg.norm(rig.vertices - joints[joint], axis=1) < 0.012] - joints[joint]
            ahead = (near @ direction).max() / np.linalg.norm(direction)
            assert 0.001 < ahead < 0.005, f"{name} is near the end of its finger"


@needs_shared
def test_all_meshes_have_the_same_joints(rig):
    other = load_rig(ASSETS, "Hand_Nails_R")
    assert np.allclose(rig.joint_offsets, other.joint_offsets) and rig.bone_names == other.bone_names


@needs_shared
def test_turning_the_root_turns_everything(rig):
    turn = axis_rotation("x", np.array(0.7))
    rotations = rig.rest_rotations.copy()
    rotations[0] = turn @ rotations[0]
    before, after = (rig.bone_transforms(r) for r in (rig.rest_rotations, rotations))
    root = before[0, :3, 3]
    assert np.allclose(skin(rig, after) - root, (skin(rig, before) - root) @ turn.T)
    assert np.allclose(rig.joint_positions(after) - root, (rig.joint_positions(before) - root) @ turn.T)


@needs_shared
def test_flexion_about_z_bends_a_finger_to_the_palm_and_nothing_else(rig):
    rotations = rig.rest_rotations.copy()
    bone = rig.bone("Index_Intermediate_R")
    rotations[bone] = rotations[bone] @ axis_rotation("z", np.array(0.8))
    before, after = (rig.joint_positions(rig.bone_transforms(r)) for r in (rig.rest_rotations, rotations))
    moved = np.linalg.norm(after - before, axis=1) > 1e-9
    assert [JOINT_NAMES[j] for j in np.flatnonzero(moved)] == ["index_dip", "index_tip"]
    assert after[8, 0] < before[8, 0] - 0.01, "towards the palm, -X"


@needs_shared
def test_stretching_a_bone_moves_the_rest_of_its_finger(rig):
    scale = np.ones((rig.bone_count, 3))
    scale[rig.bone("Middle_Proximal_R"), 1] = 1.2
    before, after = (rig.joint_positions(rig.bone_transforms(rig.rest_rotations, s)) for s in (None, scale))
    knuckle = rig.bone_transforms(rig.rest_rotations)[rig.bone("Middle_Proximal_R"), :3, 3]
    assert np.isclose(np.linalg.norm(after[10] - knuckle) / np.linalg.norm(before[10] - knuckle), 1.2)
    assert np.allclose((after - before)[10], (after - before)[12])
    assert np.allclose(after[13:], before[13:])


@needs_shared
def test_batches_equal_single_calls(rig):
    poses = np.stack(list(load_poses(ASSETS, rig).values()))
    together = skin(rig, rig.bone_transforms(poses))
    assert np.allclose(together[3], skin(rig, rig.bone_transforms(poses[3])))


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(GltfError, match="no such glTF file"):
        read_skinned_mesh(tmp_path / "none.gltf")
    broken = tmp_path / "broken.gltf"
    broken.write_text('{"buffers": [], "meshes": []}')
    with pytest.raises(GltfError, match=r"broken\.gltf"):
        read_skinned_mesh(broken)
