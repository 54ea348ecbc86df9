"""Every combination of parts gives a mesh, joints and keypoints, and learns from all of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.network_parts import made_up_levels
from support.paths import REPO

from handmesh_training.networks import MobRecon, NetworkConfig, NetworkConfigError
from handmesh_training.networks.decoder import Upsampling
from handmesh_training.networks.heads import Pose2D, cell_centres
from handmesh_training.networks.lifting import GridPooling
from handmesh_training.networks.paper.heads import HeatmapHead, HeatmapPooling, SoftArgmaxHead
from handmesh_training.networks.spiral_operators import DSConv, SpiralConv
from handmesh_training.networks.stack import EncoderOutput

LEVELS = made_up_levels((12, 25, 50))
SMALL = {"decoder_channels": (256, 32, 16), "patch_size": 64}


@pytest.mark.parametrize(
    ("encoder", "head", "pooling", "decoder"),
    [
        ("ghost", "mapreg", "grid", "dsconv"),
        ("ghost", "heatmap", "heatmap", "spiral"),
        ("ghost", "soft_argmax", "heatmap", "spiral_lstm"),
        ("ghost", "soft_argmax", "grid", "dsconv"),
        ("ghost", "direct", "grid", "dsconv"),
        ("dense", "mapreg", "grid", "spiral"),
        ("resnet18", "mapreg", "grid", "dsconv"),
        ("resnet50", "mapreg", "grid", "dsconv"),
    ],
)
def test_combinations_give_finite_outputs_of_the_contract_and_gradients(encoder: str, head: str, pooling: str, decoder: str) -> None:
    config = NetworkConfig(encoder, head, pooling, decoder, presence=True, side=True, **SMALL)  # type: ignore[arg-type]
    network = MobRecon(config, LEVELS)
    output = network(torch.rand(2, 3, 64, 64))
    assert output.vertices.shape == (2, 50, 3)
    assert output.joints.shape == (2, 21, 3)
    assert output.keypoints.shape == (2, 21, 2)
    assert output.presence_side.shape == (2, 2)
    assert (output.heatmaps is None) == (head in ("mapreg", "direct"))
    heat = 0.0 if output.heatmaps is None else output.heatmaps.square().sum()
    loss = output.vertices.square().sum() + output.keypoints.square().sum() + output.presence_side.square().sum() + heat
    loss.backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert without == []


def test_joints_are_the_regressed_vertices() -> None:
    network = MobRecon(NetworkConfig("ghost", **SMALL), LEVELS).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        output = network(torch.rand(1, 3, 64, 64))
    np.testing.assert_allclose(output.joints[0], LEVELS.joint_regressor @ output.vertices[0].numpy(), atol=1e-6)


def test_grid_pooling_reads_cells_and_clamps_outside() -> None:
    latent = torch.arange(16.0).reshape(1, 1, 4, 4)
    keypoints = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1 / 6, 0.0], [5.0, 5.0]]])
    joint_features = GridPooling()(latent, Pose2D(keypoints, None))
    np.testing.assert_allclose(joint_features[0, :, 0], [0, 3, 12, 0.5, 15], atol=1e-5)


def test_heatmap_pooling_with_one_hot_cell_reads_that_part_of_the_latent_map() -> None:
    latent = torch.arange(16.0).reshape(1, 1, 4, 4)
    heatmaps = torch.zeros(1, 21, 16, 16)
    heatmaps[:, :, 9, 6] = 1  # inside the latent cell of row 2, column 1
    pooled = HeatmapPooling()(latent, Pose2D(torch.zeros(1, 21, 2), heatmaps))
    np.testing.assert_allclose(pooled[0, :, 0], 9.0)


@pytest.mark.parametrize("make", [HeatmapHead, SoftArgmaxHead])
def test_heatmap_heads_find_a_sharp_peak(make: type[HeatmapHead] | type[SoftArgmaxHead]) -> None:
    head = make(16)
    with torch.no_grad():
        head.maps.weight.fill_(1.0)
        head.maps.bias.zero_()
        pose_map = torch.zeros(1, 24, 16, 16)
        pose_map[:, :, 3, 12] = 2.0
        pose = head(EncoderOutput(torch.zeros(1, 256, 4, 4), pose_map))
    np.testing.assert_allclose(pose.keypoints[0], np.tile([12.5 / 16, 3.5 / 16], (21, 1)), atol=1e-3)
    np.testing.assert_allclose(pose.heatmaps.sum((2, 3)), 1, atol=1e-3)


def test_cell_centres_are_rows_of_x_and_y() -> None:
    np.testing.assert_allclose(cell_centres(2), [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]])


def test_dsconv_is_the_spiral_convolution_with_separable_weights() -> None:
    spiral = LEVELS.spirals[0]
    separable, full = DSConv(4, 5, spiral), SpiralConv(4, 5, spiral)
    with torch.no_grad():
        full.linear.weight.copy_(torch.einsum("oc,ck->okc", separable.mix.weight, separable.taps).flatten(1))
        full.linear.bias.zero_()
    x = torch.randn(25, 2, 4)  # vertices first
    torch.testing.assert_close(separable(x), full(x), atol=1e-5, rtol=1e-5)


def test_upsampling_is_the_matrix_product() -> None:
    matrix = LEVELS.upsampling[1]
    upsample = Upsampling(matrix)
    x = torch.randn(25, 2, 7)  # vertices first
    torch.testing.assert_close(upsample(x), torch.einsum("fv,vbc->fbc", torch.from_numpy(matrix), x))
    np.testing.assert_allclose(upsample.dense(), matrix)


@pytest.mark.parametrize("path", sorted((REPO / "config" / "networks").glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_descriptions_can_be_read(path: Path) -> None:
    assert isinstance(NetworkConfig.from_yaml(path), NetworkConfig)


def test_wrong_descriptions_name_the_fault(tmp_path: Path) -> None:
    with pytest.raises(NetworkConfigError, match=r"encoder is 'vgg'.*dense"):
        NetworkConfig(encoder="vgg")
    with pytest.raises(NetworkConfigError, match="makes none"):
        NetworkConfig(pooling="heatmap")
    with pytest.raises(NetworkConfigError, match="multiple of 32"):
        NetworkConfig(patch_size=100)
    file = tmp_path / "network.yaml"
    file.write_text("encodr: dense\n")
    with pytest.raises(NetworkConfigError, match="encodr"):
        NetworkConfig.from_yaml(file)
    with pytest.raises(NetworkConfigError, match="no such"):
        NetworkConfig.from_yaml(tmp_path / "none.yaml")


def test_channels_that_do_not_fit_the_template_are_refused() -> None:
    with pytest.raises(ValueError, match="5 decoder_channels for 2 finer levels"):
        MobRecon(NetworkConfig("ghost"), LEVELS)
