"""The lifted model's own network: shapes, what it must keep whatever its weights, export, a short training."""

import numpy as np
import onnxruntime as ort
import pytest
import torch

from handmesh_ros.hand import INDEX_MCP, JOINT_COUNT, LITTLE_MCP, MIDDLE_MCP
from handmesh_training.labels.landmark_network import Observations
from handmesh_training.lifted.accuracy import measure_accuracy, picture_percent
from handmesh_training.lifted.corrector_training import Pairs, direction_error, mean_of_looks, picture_error, train_corrector
from handmesh_training.lifted.decoder_training import disturb, fit_linear_part, mesh_loss, train_decoder
from handmesh_training.lifted.export import export_decoder
from handmesh_training.lifted.network import Lifted, NetworkSize, palm_axes
from handmesh_training.lifted.recipe import TrainError, main
from handmesh_training.lifted.renders import RenderObservations, in_the_networks_regime
from handmesh_training.renders.truth import true_hands
from handmesh_training.template import HandTemplate
from handmesh_training.template.meshes import sample_meshes
from handmesh_training.template.poses import sample_poses
from handmesh_training.template.rotation_batches import random_rotations
from handmesh_training.template.shapes import sample_shapes

SMALL = NetworkSize(hidden=32, features=8, channels=(8, 8, 8, 8))


@pytest.fixture(scope="module")
def template():
    return HandTemplate.load()


@pytest.fixture(scope="module")
def hands(template):
    return tuple(map(torch.from_numpy, sample_meshes(template, np.random.default_rng(0), 400)))


@pytest.fixture
def network(template):
    """Small, its weights random everywhere, those that start at zero too."""
    torch.manual_seed(0)
    network = Lifted(template, SMALL)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network.eval()


def observed(template, count, seed=0):
    """Hands seen in the picture plane as the landmark network would see them: flattened depth, a little noise."""
    rng = np.random.default_rng(seed)
    rotations, shapes = sample_poses(template.rig, template.poses, rng, count), sample_shapes(template.rig, rng, count)
    turn = random_rotations(rng, count).astype(np.float32)
    joints = true_hands(template, rotations, shapes, turn, with_vertices=False)[1]
    world = joints * np.array([1, 1, 0.7], np.float32) + rng.normal(0, 0.002, joints.shape).astype(np.float32)
    landmarks = joints / 0.4 + np.array([0.5, 0.7, 0], np.float32)
    seen = Observations(landmarks.astype(np.float32), world, np.ones(count), np.ones(count))
    return RenderObservations(seen, joints, landmarks[..., :2], rotations, shapes, turn)


def test_shapes_and_the_wrist_at_the_origin(network, hands):
    joints = hands[1][:3]
    vertices, found = network(joints / 0.3 + 0.5, joints)
    assert vertices.shape == (3, 778, 3) and found.shape == (3, JOINT_COUNT, 3)
    assert found[:, 0].abs().max() < 1e-7
    wrist = network.decoder.regressor @ vertices
    assert torch.allclose(wrist, found, atol=1e-6), "joints are those of the mesh"


def test_without_training_the_corrector_gives_the_world_landmarks_at_reference_size(template, hands):
    joints = hands[1][:5]
    corrected = Lifted(template, SMALL).corrector(joints, 1.7 * joints + 0.05)
    ratio = (corrected[:, 1:] / joints[:, 1:]).flatten(1)
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio), rtol=1e-3)
    assert abs(corrected[:, MIDDLE_MCP].norm(dim=1).mean() / template.reference_size_m - 1) < 0.05


def test_the_corrector_ignores_where_and_how_large_the_hand_is_in_the_crop(network, hands):
    joints = hands[1][:5]
    landmarks = joints / 0.3
    moved = 0.6 * landmarks + torch.tensor([0.1, 0.3, 0.0])
    assert torch.allclose(network.corrector(landmarks, joints), network.corrector(moved, 2 * joints - 0.1), atol=1e-5)


def test_the_decoder_turns_with_its_joints(network, hands):
    turn = torch.from_numpy(random_rotations(np.random.default_rng(1), 5)).float()
    joints = hands[1][:5]
    upright, turned = network.decoder(joints)[0], network.decoder(joints @ turn.transpose(1, 2))[0]
    assert torch.allclose(upright @ turn.transpose(1, 2), turned, atol=1e-5)


def test_palm_axes_are_a_right_handed_frame_of_the_palm(hands):
    joints = hands[1][:20]
    axes = palm_axes(joints)
    assert torch.allclose(axes.transpose(1, 2) @ axes, torch.eye(3).expand(20, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(axes), torch.ones(20), atol=1e-5)
    in_palm = joints @ axes
    assert (in_palm[:, INDEX_MCP, 1] > in_palm[:, LITTLE_MCP, 1]).all() and (in_palm[:, MIDDLE_MCP, 0] > 0.07).all()


def test_the_exported_decoder_says_what_torch_says(template, network, hands, tmp_path):
    path = tmp_path / "decoder.onnx"
    fit_linear_part(network.decoder, template, 0)
    export_decoder(network, template, path, "a test")
    session = ort.InferenceSession(str(path))
    assert session.get_modelmeta().custom_metadata_map["training"] == "a test"
    for joints in hands[1][:4]:
        landmarks = (joints / 0.3 + 0.4)[None]
        vertices, found = session.run(["vertices", "joints"], {"landmarks": landmarks.numpy(), "world_landmarks": joints[None].numpy()})
        with torch.no_grad():
            expected_vertices, expected_joints = network(landmarks, joints[None])
        assert np.abs(vertices - expected_vertices.numpy()).max() < 1e-5
        assert np.abs(found - expected_joints.numpy()).max() < 1e-5


def test_the_linear_part_alone_is_close(template, hands):
    network = Lifted(template, SMALL)
    fit_linear_part(network.decoder, template, 0)
    vertices, joints = hands
    with torch.no_grad():
        assert 1000 * (network.decoder(joints)[0] - vertices).norm(dim=2).mean() < 2.0


def test_errors_of_the_corrector_are_carried_along_the_finger(hands):
    joints = hands[1]
    moved = (disturb(joints, 0.002) - joints).norm(dim=2).mean(0)
    assert moved[0] == 0 and moved[8] > moved[5] > 0.001


def test_a_short_training_of_the_corrector_undoes_flattened_depth(template):
    renders = observed(template, 600)
    scale = template.reference_size_m / np.linalg.norm(renders.joints[:, MIDDLE_MCP], axis=1)[:, None, None]
    target = torch.from_numpy((renders.joints * scale).astype(np.float32))
    pairs = Pairs(torch.from_numpy(renders.seen.landmarks), torch.from_numpy(renders.seen.world), target, torch.ones(len(target)))
    torch.manual_seed(0)
    network = Lifted(template, NetworkSize(hidden=64))
    losses = []
    before = (network.corrector(pairs.landmarks, pairs.world) - target).norm(dim=2).mean()
    train_corrector(network.corrector, pairs, pairs, steps=200, batch=64, report=lambda _, loss: losses.append(loss))
    after = (network.corrector(pairs.landmarks, pairs.world) - target).norm(dim=2).mean()
    assert after < 0.75 * before
    assert np.mean(losses[-20:]) < 0.75 * np.mean(losses[:20])


def test_a_short_training_of_the_decoder_lowers_the_loss_and_goes_on_from_its_checkpoint(template, tmp_path):
    torch.manual_seed(0)
    network = Lifted(template, SMALL)
    corrected = torch.from_numpy(sample_meshes(template, np.random.default_rng(3), 50)[1])
    losses: list[float] = []
    options = {"steps": 201, "seed": 0, "hands": 300, "batch": 4, "checkpoint": tmp_path / "decoder.pt"}
    train_decoder(network.decoder, template, corrected, report=lambda _, loss: losses.append(loss), **options)
    assert np.mean(losses[-20:]) < 0.8 * np.mean(losses[:20])
    steps: list[int] = []
    train_decoder(Lifted(template, SMALL).decoder, template, corrected, report=lambda step, _: steps.append(step), **options)
    assert steps == [200]


def test_mesh_loss_is_zero_for_the_truth_and_sees_a_shift_only_once(template, hands):
    vertices, faces = hands[0][:2], torch.from_numpy(template.faces[0])
    assert mesh_loss(vertices, vertices, faces) < 0.01
    shifted = vertices + torch.tensor([0.001, 0, 0])
    assert abs(mesh_loss(shifted, vertices, faces) - 1) < 0.02, "edges and normals do not change"


def test_picture_error_ignores_depth_place_and_scale(hands):
    joints = hands[1][:4]
    keypoints = 3 * joints[..., :2] + 0.2
    assert picture_error(joints * torch.tensor([1, 1, 5.0]), keypoints).max() < 0.05
    assert picture_error(joints * torch.tensor([1, 0.5, 1.0]), keypoints).min() > 1
    assert picture_percent(joints.numpy(), keypoints.numpy()) < 0.01


def test_direction_error_ignores_length(hands):
    joints = hands[1][:4]
    assert direction_error(1.3 * joints, joints).max() < 0.05
    assert direction_error(joints, joints.flip(2)).min() > 1


def test_looks_are_averaged_in_the_axes_of_the_first(hands):
    joints = hands[1][:2].numpy()
    angle = 0.3
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    second = joints.copy()
    second[..., :2] = joints[..., :2] @ turn  # seen in a crop that is turned by the angle
    axes = np.stack([np.eye(2), turn])[None].repeat(2, 0)
    assert np.allclose(mean_of_looks(np.stack([joints, second], 1), axes), joints, atol=1e-6)


def test_renders_that_the_network_misreads_are_left_out(template):
    renders = observed(template, 40)
    good = in_the_networks_regime(renders)
    assert good.mean() > 0.8
    renders.seen.right[:20] = 0.1
    renders.seen.landmarks[20:30, 8] += 2.0
    renders.seen.presence[30:] = 0.1
    assert not in_the_networks_regime(renders).any()


def test_a_perfect_observation_is_reported_as_nearly_perfect(template):
    renders = observed(template, 30)
    renders.seen.world[:] = renders.joints
    network = Lifted(template, SMALL)
    fit_linear_part(network.decoder, template, 0)
    pairs = Pairs(*(torch.from_numpy(x) for x in (renders.seen.landmarks, renders.seen.world, renders.joints)), torch.ones(30))
    report = measure_accuracy(network, template, renders, pairs)
    assert report.hands == 30 and report.world_pa < 0.01 < report.joints_pa < 1.5 and report.vertices_pa < 2.5
    assert report.real_world_picture_percent < 0.01 < report.real_picture_percent < 1.5


def test_a_missing_configuration_or_key_is_named(tmp_path):
    with pytest.raises(TrainError, match="no such configuration"):
        main(tmp_path / "none.yaml")
    (tmp_path / "short.yaml").write_text("seed: 0\n")
    with pytest.raises(TrainError, match="corrector"):
        main(tmp_path / "short.yaml")
