"""The network that begins with MediaPipe's landmark network: it is that network, layer by layer, and exports exactly."""

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
import torch
from support.network_parts import made_up_levels, randomize
from support.paths import REPO

from handmesh_training.export.build import ModelCard, build_model, parity
from handmesh_training.networks import MobRecon, NetworkConfig, NetworkConfigError, count_parts
from handmesh_training.networks.heads import Pose2D
from handmesh_training.networks.landmarkstack import LandmarkEncoder, LandmarkFileError, load_encoder
from handmesh_training.networks.lifting import JointSkin
from handmesh_training.networks.refinement import PoseRefinement
from handmesh_training.template import HandTemplate
from handmesh_training.template.meshes import sample_meshes

LITE = NetworkConfig.from_yaml(REPO / "config" / "networks" / "mobrecon_lite.yaml")
LANDMARK_MODEL = REPO / "models" / "hand_landmark.onnx"
needs_landmark_model = pytest.mark.skipif(not LANDMARK_MODEL.is_file(), reason=f"{LANDMARK_MODEL} is missing: make models")


@needs_landmark_model
def test_it_computes_what_the_landmark_network_computes() -> None:
    network = MobRecon(LITE, made_up_levels()).eval()
    network.load_landmark_weights(LANDMARK_MODEL)
    image = np.random.default_rng(0).random((1, 3, 224, 224), np.float32)
    session = ort.InferenceSession(LANDMARK_MODEL, providers=["CPUExecutionProvider"])
    marks, world, score, side = session.run(["landmarks", "world_landmarks", "presence", "handedness"], {"image": image})
    with torch.no_grad():
        encoded = network.encoder(2 * torch.from_numpy(image) - 1)
        pose = network.head(encoded)
        found = torch.sigmoid(network.presence_side(encoded))[0]
    np.testing.assert_allclose(pose.keypoints[0] * 224, marks.reshape(21, 3)[:, :2], atol=1e-2)
    np.testing.assert_allclose(pose.spatial[0, :, 1:] * 0.1, world.reshape(21, 3), atol=1e-5)
    np.testing.assert_allclose(found, [score.item(), side.item()], atol=1e-5)


def test_heatmaps_begin_as_bumps_around_the_first_guess_and_refinement_moves_nothing() -> None:
    network = MobRecon(LITE, made_up_levels()).eval()
    generator = torch.Generator().manual_seed(0)
    inside = 0.25 + 0.5 * torch.rand(1, 21, 2, generator=generator)  # the patch's border cuts wider bumps off
    network.head.marks.weight.data.zero_()
    network.head.marks.bias.data = torch.cat((inside, torch.zeros(1, 21, 1)), 2).flatten()
    with torch.no_grad():
        encoded = network.encoder(torch.rand(1, 3, 128, 128, generator=generator))
        pose = network.head(encoded)
        poses = network.refinement(encoded.latent, pose)
    np.testing.assert_allclose(poses[0].keypoints, inside, atol=1e-6)
    np.testing.assert_allclose(poses[1].keypoints, inside, atol=0.01)
    refined = poses[-1]
    np.testing.assert_allclose(refined.keypoints, inside, atol=0.01)
    np.testing.assert_allclose(refined.heatmaps.sum(dim=(2, 3)), 1.0, atol=1e-5)
    np.testing.assert_array_equal(refined.spatial, pose.spatial)


def test_evidence_in_the_maps_moves_a_keypoint_away_from_the_guess_round_by_round() -> None:
    refinement = PoseRefinement(16, 512).eval()
    fine = torch.zeros(1, 48, 16, 16)
    fine[0, 3, 12, 4] = 50.0  # joint 7 is seen in row 12, column 4 by the first round,
    fine[0, 4, 12, 6] = 50.0  # two columns further by the second
    for channel, one in zip((3, 4), refinement.rounds, strict=True):
        one.look.maps.weight.data[7, channel] = 1.0
    middle = torch.full((1, 21, 2), 0.5)
    with torch.no_grad():
        _, between, pose = refinement(fine, Pose2D(middle, None, torch.zeros(1, 21, 4), context=torch.zeros(1, 1152)))
    np.testing.assert_allclose(between.keypoints[0, 7], [4.5 / 16, 12.5 / 16], atol=1e-3)
    np.testing.assert_allclose(pose.keypoints[0, 7], [6.5 / 16, 12.5 / 16], atol=1e-3)
    np.testing.assert_allclose(pose.keypoints[0, 6], [0.5, 0.5], atol=1e-3)


def test_what_a_round_concludes_moves_keypoints_and_points_but_no_depth() -> None:
    refinement = PoseRefinement(16, 512).eval()
    refinement.rounds[1].leave.bias.data = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5]).repeat(21)
    start = Pose2D(torch.full((1, 21, 2), 0.5), None, torch.ones(1, 21, 4), context=torch.zeros(1, 1152))
    with torch.no_grad():
        pose = refinement(torch.zeros(1, 48, 16, 16), start)[-1]
    np.testing.assert_allclose(pose.keypoints[0] - 0.5, np.tile([0.1, 0.2], (21, 1)), atol=1e-3)
    np.testing.assert_allclose(pose.spatial[0] - 1, np.tile([0, 0.3, 0.4, 0.5], (21, 1)), atol=1e-6)


def test_the_whole_network_keeps_to_its_budget() -> None:
    assert count_parts(MobRecon(LITE, made_up_levels()))["total"].multiply_adds <= 130e6


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_exported_graph_computes_what_torch_computes(precision: str) -> None:
    network = randomize(MobRecon(LITE, made_up_levels())).eval()
    for one in network.refinement.rounds:
        one.leave.weight.data /= 100  # keypoints stay near the patch: beyond it, single precision is what differs
    worst = parity(network, build_model(network, ModelCard("lite", "Apache-2.0", "a test"), precision))
    assert set(worst) == {"vertices", "joints", "keypoints", "score", "side"}
    assert max(worst.values()) < 1e-4


def test_frozen_blocks_stay_and_cost_no_gradient() -> None:
    encoder = LandmarkEncoder()
    encoder.freeze(5)
    encoder(torch.rand(2, 3, 64, 64)).pooled.sum().backward()
    assert encoder.stem.weight.grad is None
    assert encoder.blocks[4].expand.weight.grad is None
    assert encoder.blocks[5].expand.weight.grad is not None
    encoder.freeze(0)
    encoder(torch.rand(2, 3, 64, 64)).pooled.sum().backward()
    assert encoder.stem.weight.grad is not None


def test_the_skin_over_true_joints_is_near_the_mesh() -> None:
    vertices, joints = map(torch.from_numpy, sample_meshes(HandTemplate.load(), np.random.default_rng(0), 300))
    skin = JointSkin(778)
    skin.fit(vertices[:200], joints[:200])
    spatial = torch.cat((torch.zeros(100, 21, 1), joints[200:] / 0.1 + 0.3), 2)  # moved: only differences count
    with torch.no_grad():
        found = skin(type("Pose", (), {"spatial": spatial})())
    assert 1e3 * (found - vertices[200:]).norm(dim=2).mean() < 4.0


def test_files_of_another_network_are_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(LandmarkFileError, match="handmesh models --provision"):
        load_encoder(LandmarkEncoder(), tmp_path / "none.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    with pytest.raises(LandmarkFileError, match=r"broken\.onnx"):
        load_encoder(LandmarkEncoder(), broken)


@pytest.mark.parametrize(
    "parts", [{"encoder": "landmark", "head": "mapreg"}, {"encoder": "landmark", "head": "landmark"}, {"pooling": "landmark"}]
)
def test_parts_that_do_not_fit_are_refused(parts: dict[str, str]) -> None:
    with pytest.raises(NetworkConfigError, match="landmark"):
        NetworkConfig(**parts)


@pytest.mark.parametrize("width", [0, 64])
def test_a_refinement_may_have_a_narrower_context_or_none(width: int) -> None:
    network = randomize(MobRecon(replace(LITE, context_channels=width), made_up_levels())).eval()
    for one in network.refinement.rounds:
        one.leave.weight.data /= 100
    worst = parity(network, build_model(network, ModelCard("lite", "Apache-2.0", "a test")))
    assert max(worst.values()) < 1e-4


def test_no_layer_of_the_refinement_can_die() -> None:
    """Where a plain ReLU would be silent for ever, because its inputs are all negative, every channel still has a gradient."""
    refinement = PoseRefinement(16, 32).train()
    for one in refinement.rounds:
        one.enter.bias.data.fill_(-50.0)
        one.leave.weight.data.normal_(std=0.01)
        for layer in one.layers:
            layer.first.bias.data.fill_(-50.0)
            layer.second.weight.data.normal_(std=0.01)
    start = Pose2D(torch.rand(4, 21, 2), None, torch.rand(4, 21, 4), context=torch.rand(4, 1152))
    end = refinement(torch.rand(4, 48, 16, 16), start)[-1]
    (end.spatial.square().sum() + end.keypoints.square().sum()).backward()
    for one in refinement.rounds:
        for layer in (one.enter, one.leave, *(part for residual in one.layers for part in (residual.first, residual.second))):
            assert (layer.weight.grad.abs().sum(1) > 0).all()
