"""The committed 778-vertex template: levels, spirals, regressor, poses, shapes. Needs no assets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.paths import SHARED, needs_shared

from handmesh_ros.hand import INDEX_MCP, JOINT_NAMES, LITTLE_MCP, MIDDLE_MCP
from handmesh_training.template import HandTemplate, TemplateError
from handmesh_training.template.hand_template import LEVELS
from handmesh_training.template.poses import sample_poses, segment_distance, self_collides
from handmesh_training.template.rig import load_rig, skin
from handmesh_training.template.rotation_batches import axis_rotation, from_rotation_vectors, rotation_vectors, slerp
from handmesh_training.template.shapes import mean_shape, sample_shapes
from handmesh_training.template.topology import closest_on_mesh, edge_set, is_clean_disc, spirals


@pytest.fixture(scope="module")
def template():
    return HandTemplate.load()


@pytest.fixture(scope="module")
def hands(template):
    rng = np.random.default_rng(11)
    rotations, shapes = sample_poses(template.rig, template.poses, rng, 200), sample_shapes(template.rig, rng, 200)
    return rotations, shapes, *template.pose(rotations, shapes)


def test_levels_are_clean_discs(template):
    assert tuple(len(np.unique(faces)) for faces in template.faces) == LEVELS
    for count, faces in zip(LEVELS, template.faces, strict=True):
        assert is_clean_disc(count, faces)
        edges, _ = edge_set(faces)
        assert count - len(edges) + len(faces) == 1


def test_spirals_start_at_their_vertex_and_never_repeat(template):
    for count, spiral, faces in zip(LEVELS, template.spirals, template.faces, strict=False):
        assert spiral.shape == (count, 9)
        assert (spiral[:, 0] == np.arange(count)).all()
        assert all(len(set(row)) == 9 for row in spiral.tolist())
        neighbours = {tuple(edge) for edge in edge_set(faces)[0].tolist()}
        assert all(tuple(sorted(pair)) in neighbours for pair in spiral[:, :2].tolist()), "the second entry is a neighbour"


def test_spiral_of_a_fan_goes_round():
    angles = np.arange(9) * 2 * np.pi / 9
    vertices = np.concatenate([[[0, 0, 0]], np.stack([np.sin(angles), np.zeros(9), -np.cos(angles)], 1)])
    faces = np.array([[0, 1 + k, 1 + (k + 1) % 9] for k in range(9)])
    spiral = spirals(vertices, faces, 9)
    assert spiral[0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    with pytest.raises(ValueError, match="a spiral needs"):
        spirals(vertices, faces, 12)


def test_upsampling_is_barycentric_and_close(template):
    vertices = template.rig.vertices
    for indices, weights, limit_mm in zip(template.upsampling_indices[:1], template.upsampling_weights[:1], [0.6], strict=True):
        assert indices.shape == weights.shape == (778, 3)
        assert np.allclose(weights.sum(1), 1, atol=1e-6) and weights.min() > -1e-6
        # Coarse places are not stored: recover them by least squares and see how much of the fine mesh they explain.
        matrix = np.zeros((778, 389))
        np.add.at(matrix, (np.arange(778)[:, None], indices), weights)
        coarse = np.linalg.lstsq(matrix, vertices, rcond=None)[0]
        assert 1000 * np.linalg.norm(matrix @ coarse - vertices, axis=1).mean() < limit_mm


def test_regressor_finds_the_joints_of_unseen_hands(template, hands):
    _, _, vertices, joints = hands
    assert template.regressor.min() >= 0 and np.allclose(template.regressor.sum(1), 1, atol=1e-5)
    error = 1000 * np.linalg.norm(template.regressor @ vertices - joints, axis=-1)
    assert error.mean() < 0.4
    assert error.mean(0).max() < 1.5, JOINT_NAMES[error.mean(0).argmax()]


def test_it_is_a_right_hand(template):
    joints = template.regressor @ template.mean_vertices
    back = np.cross(joints[LITTLE_MCP] - joints[0], joints[INDEX_MCP] - joints[0])
    assert back[0] > 0, "fingers -Z and thumb side +Y: the back is +X"
    assert joints[4, 1] > joints[20, 1]
    a, b, c = (template.mean_vertices[template.faces[0][:, k]] for k in range(3))
    assert (a * np.cross(b, c)).sum() > 0


def test_the_reference_size_is_that_of_the_mean_hand(template):
    joints = template.pose(template.rig.rest_rotations, mean_shape(template.rig))[1]
    assert np.isclose(template.reference_size_m, np.linalg.norm(joints[MIDDLE_MCP] - joints[0]))
    assert 0.077 < template.reference_size_m < 0.083


def test_sampled_hands_do_not_pierce_themselves_and_keep_joint_limits(template, hands):
    rotations, _, _, joints = hands
    unstretched = template.pose(rotations)[1]
    assert not self_collides(unstretched).any()
    for first in (5, 9, 13, 17):
        proximal, middle, distal = (joints[:, first + k + 1] - joints[:, first + k] for k in range(3))
        for here, there in ((proximal, middle), (middle, distal)):
            cosine = (here * there).sum(1) / np.linalg.norm(here, axis=1) / np.linalg.norm(there, axis=1)
            assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 135


def test_colliding_fingers_are_found(template):
    straight = template.pose(template.rig.rest_rotations)[1]
    into_middle = straight.copy()
    into_middle[7:9] = straight[11:13] + [0, 0.004, 0]
    thumb_in_palm = straight.copy()
    thumb_in_palm[4] = (straight[9] + straight[0]) / 2
    assert self_collides(np.stack([straight, into_middle, thumb_in_palm])).tolist() == [False, True, True]


def test_sampling_is_reproducible(template):
    first, second = (sample_poses(template.rig, template.poses, np.random.default_rng(4), 5) for _ in range(2))
    assert (first == second).all()


@needs_shared
def test_building_again_gives_the_committed_template(template):
    pytest.importorskip("fast_simplification")
    from handmesh_training.template.build import build_template

    built = build_template(SHARED / "assets")
    assert all((a == b).all() for a, b in zip(built.faces, template.faces, strict=True))
    assert all((a == b).all() for a, b in zip(built.spirals, template.spirals, strict=True))
    assert np.abs(built.rig.vertices - template.rig.vertices).max() < 1e-6
    assert np.abs(built.regressor - template.regressor).max() < 0.02
    assert built.rig.bone_names == template.rig.bone_names


@needs_shared
def test_template_lies_on_the_full_mesh_in_every_pose(template, hands):
    rotations, shapes, vertices, joints = hands
    full = load_rig(SHARED / "assets", "hand_r")
    transforms = full.bone_transforms(rotations[:2], shapes[:2])
    assert np.allclose(full.joint_positions(transforms), joints[:2], atol=1e-5)
    for surface, points in zip(skin(full, transforms), vertices[:2], strict=True):
        assert 1000 * closest_on_mesh(points, surface, full.faces)[2].mean() < 0.15


def test_a_missing_or_wrong_file_is_named(tmp_path):
    with pytest.raises(TemplateError, match="missing"):
        HandTemplate.load(tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", something=np.zeros(3))
    with pytest.raises(TemplateError, match="not a hand template"):
        HandTemplate.load(tmp_path / "other.npz")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1.7, 1.7), min_size=3, max_size=3))
def test_rotation_vectors_survive_the_way_there_and_back(vector):
    rotation = from_rotation_vectors(np.array(vector))
    assert np.allclose(rotation @ rotation.T, np.eye(3)) and np.isclose(np.linalg.det(rotation), 1)
    assert np.allclose(rotation_vectors(rotation), vector, atol=1e-6)


def test_slerp_goes_half_way():
    start, end = axis_rotation("y", np.array(0.2)), axis_rotation("y", np.array(1.0))
    assert np.allclose(slerp(start, end, np.array(0.5)), axis_rotation("y", np.array(0.6)))


def test_segment_distance():
    a, b = np.zeros(3), np.array([1.0, 0, 0])
    cases = [((0.5, 1, 0), (0.5, 2, 0), 1), ((0.5, -1, 1), (0.5, 1, 1), 1), ((2, 0, 0), (3, 0, 0), 1), ((0, 0, 2), (1, 0, 2), 2)]
    for c, d, distance in cases:
        assert np.isclose(segment_distance(a, b, np.array(c, float), np.array(d, float)), distance)
