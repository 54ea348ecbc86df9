"""A network that answers the truth has no error; one that answers something else has the error computed by hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from support.tiny_mesh_network import write_tiny_mesh_network

from handmesh_ros.evaluation.datasets import Sample
from handmesh_ros.evaluation.evaluate import evaluate
from handmesh_ros.hand import Side
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.crop import CropRegion
from handmesh_ros.perception.crop_rules import region_from_keypoints
from handmesh_ros.perception.mesh_net import MeshNetwork


@pytest.fixture
def network(tmp_path: Path) -> MeshNetwork:
    return MeshNetwork(write_tiny_mesh_network(tmp_path / "tiny.onnx"))


def sample_for(network: MeshNetwork, folder: Path, side: Side, offset: float = 0.0) -> Sample:
    """A picture whose labels are what the network answers for it, the thumb's tip moved by ``offset`` metres."""
    K = np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]])
    camera = Camera(width=320, height=240, K=K)
    estimate = network.predict(np.zeros((1, 3, network.patch_size, network.patch_size), np.float32))
    drawn = CropRegion(np.array([200.0, 90.0]), 80.0, 0.0, mirror=side is Side.LEFT)
    keypoints = drawn.to_image(estimate.keypoints)
    region = region_from_keypoints(keypoints, network.crop_scale, mirror=drawn.mirror)  # the crop that evaluate() takes
    joints = estimate.joints @ region.axes_in_camera(camera).T + [0.02, 0.01, 0.5]
    joints[4] += [0, 0, offset]
    path = folder / "picture.png"
    cv2.imwrite(str(path), np.full((240, 320, 3), 90, np.uint8))
    return Sample(path, K, keypoints, joints, None, side)


@pytest.mark.parametrize("side", list(Side))
def test_aligned_errors_of_the_truth_are_zero(network: MeshNetwork, tmp_path: Path, side: Side) -> None:
    summary = evaluate([sample_for(network, tmp_path, side)], network).summary()
    assert summary["samples"] == 1
    assert summary["MPJPE mm"] < 1e-3
    assert summary["PA-MPJPE mm"] < 1e-3


def test_a_moved_joint_shows(network: MeshNetwork, tmp_path: Path) -> None:
    summary = evaluate([sample_for(network, tmp_path, Side.RIGHT, offset=0.021)], network).summary()
    # Wrists on each other, one joint of 21 off by 21 mm: 1 mm in the mean.
    assert summary["MPJPE mm"] == pytest.approx(1.0, abs=1e-3)
    assert 0.1 < summary["PA-MPJPE mm"] < 3.0  # least squares spreads one large error over all joints


def test_without_3d_labels_only_2d_is_reported(network: MeshNetwork, tmp_path: Path) -> None:
    full = sample_for(network, tmp_path, Side.RIGHT)
    flat = Sample(full.path, None, full.keypoints, None, None, full.side)
    summary = evaluate([flat], network).summary()
    assert "PA-MPJPE mm" not in summary
    assert "2D PCK@0.1" in summary
