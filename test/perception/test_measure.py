"""From a synthetic hand in the camera's frame to the crop a perfect network would see, and back."""

from pathlib import Path

import numpy as np
import pytest
from support.tiny_mesh_network import METADATA, open_hand, write_tiny_mesh_network
from transforms3d.axangles import axangle2mat

from handmesh_ros.errors import InputError
from handmesh_ros.hand import MIDDLE_MCP, Side
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.crop import CropRegion
from handmesh_ros.perception.measure import Glance, HandMeter
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.perception.onnx_session import ModelContractError
from handmesh_ros.perception.size.hand_size import HandSize
from handmesh_ros.perception.stopwatch import Stopwatch

CAMERA = Camera(width=640, height=480, K=np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]]))
FRAME = np.full((480, 640, 3), 120, np.uint8)
SIZE = HandSize(0.095, 0.08)


def perfect_meter(
    folder: Path, joints_camera: np.ndarray, region: CropRegion, right_probability: float, noise: dict[str, str] | None = None
) -> HandMeter:
    """A meter whose network answers this hand exactly when it sees this region."""
    axes = region.axes_in_camera(CAMERA)
    joints = (joints_camera - joints_camera[0]) @ axes  # its inverse is its transpose
    path = write_tiny_mesh_network(
        folder / "perfect.onnx",
        joints=joints,
        keypoints=region.to_patch(CAMERA.project(joints_camera)),
        right_probability=right_probability,
        metadata=METADATA | (noise or {}),
    )
    return HandMeter(MeshNetwork(path), Stopwatch())


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("position", [(0.0, 0.0, 0.5), (0.2, -0.12, 0.6), (-0.28, 0.15, 0.7)])
def test_a_perfect_network_gives_the_true_hand(tmp_path: Path, side: Side, position: tuple[float, float, float]) -> None:
    hand = open_hand().astype(float) @ axangle2mat([0.2, 1.0, 0.4], 0.7).T
    if side is Side.LEFT:
        hand = hand * [-1, 1, 1]
    truth = hand + position
    center = CAMERA.project(truth).mean(axis=0)
    region = CropRegion(center, 200.0, 0.3, mirror=side is Side.LEFT)
    # The network sees a right hand in the patch, mirrored or not.
    measured = perfect_meter(tmp_path, truth, region, 0.97).measure(Glance(FRAME, CAMERA, 1.5), region, SIZE)
    assert measured is not None
    np.testing.assert_allclose(measured.hand.joints, truth, atol=2e-6)
    np.testing.assert_allclose(measured.hand.keypoints, CAMERA.project(truth), atol=1e-3)
    assert measured.hand.side is side
    assert measured.right_probability == pytest.approx(0.97 if side is Side.RIGHT else 0.03, abs=1e-6)
    assert measured.hand.side_score == pytest.approx(0.97, abs=1e-6)
    assert measured.hand.stamp_s == 1.5
    assert np.linalg.norm(measured.hand.joints[MIDDLE_MCP] - measured.hand.joints[0]) == pytest.approx(0.095, rel=1e-4)


def test_the_position_is_as_sure_as_the_network_says(tmp_path: Path) -> None:
    """Twice the noise of both kinds is twice the uncertainty; noise in metres grows with the hand."""
    truth = open_hand() + np.array([0.05, 0.0, 0.5])
    region = CropRegion(CAMERA.project(truth).mean(axis=0), 200.0)
    spreads = []
    for keypoint_sigma, joint_sigma_m, size_m in (
        ("0.01", "0.004", 0.095),
        ("0.02", "0.008", 0.095),
        ("1e-6", "0.004", 0.06),
        ("1e-6", "0.004", 0.12),
    ):
        noise = {"keypoint_sigma": keypoint_sigma, "joint_sigma_m": joint_sigma_m}
        meter = perfect_meter(tmp_path, truth, region, 0.97, noise)
        measured = meter.measure(Glance(FRAME, CAMERA, 0.0), region, HandSize(size_m, 0.0))
        assert measured is not None
        spreads.append(np.sqrt(np.trace(measured.hand.position_covariance)))
    assert spreads[1] == pytest.approx(2 * spreads[0], rel=0.05)
    assert spreads[3] == pytest.approx(2 * spreads[2], rel=0.05)


def test_fingers_beyond_the_reach_of_the_lens_say_nothing_new(tmp_path: Path) -> None:
    """Barrel distortion has an end: pixels farther out, as those of a hand that reaches out of the picture, have no ray."""
    barrel = Camera(640, 480, CAMERA.K, np.array([-0.3, 0.0, 0.0, 0.0, 0.0]))
    hand = open_hand().astype(float) @ axangle2mat([0, 0, 1], np.pi / 2).T + (0.22, 0.0, 0.35)  # fingers to the right
    region = CropRegion(np.array([700.0, 240.0]), 400.0, 0.0)
    pixels = np.where(hand[:, :1] < 0.9 * hand[:, 2:], barrel.project(hand), CAMERA.project(hand))
    unseen = np.isnan(barrel.normalize(pixels)).any(axis=1)
    assert 4 < unseen.sum() < 17
    axes = region.axes_in_camera(barrel)
    path = write_tiny_mesh_network(tmp_path / "net.onnx", joints=(hand - hand[0]) @ axes, keypoints=region.to_patch(pixels))
    measured = HandMeter(MeshNetwork(path), Stopwatch()).measure(Glance(FRAME, barrel, 0.0), region, SIZE)
    assert measured is not None
    placed = measured.hand.joints
    np.testing.assert_allclose(measured.evidence.rays[unseen], placed[unseen, :2] / placed[unseen, 2:])
    np.testing.assert_allclose(measured.evidence.rays[~unseen], barrel.normalize(pixels)[~unseen], atol=1e-5)


def test_a_larger_hand_is_farther_away(tmp_path: Path) -> None:
    truth = open_hand() + np.array([0.05, 0.0, 0.5])
    region = CropRegion(CAMERA.project(truth).mean(axis=0), 200.0)
    meter = perfect_meter(tmp_path, truth, region, 0.97)
    measured = meter.measure(Glance(FRAME, CAMERA, 0.0), region, HandSize(0.095 * 1.1, 0.0))
    assert measured is not None
    np.testing.assert_allclose(measured.hand.joints, truth * 1.1, atol=5e-6)


def test_a_hand_taken_for_one_of_the_other_side_says_so(tmp_path: Path) -> None:
    truth = open_hand() + np.array([0.05, 0.0, 0.5])
    region = CropRegion(CAMERA.project(truth).mean(axis=0), 200.0)
    measured = perfect_meter(tmp_path, truth, region, right_probability=0.1).measure(Glance(FRAME, CAMERA, 0.0), region, SIZE)
    assert measured is not None
    assert measured.hand.side is Side.RIGHT and measured.hand.side_score == pytest.approx(0.1)


def test_a_network_that_gives_no_number_for_a_picture_is_named(tmp_path: Path) -> None:
    meter = HandMeter(MeshNetwork(write_tiny_mesh_network(tmp_path / "nan.onnx", nan_at=0.25)), Stopwatch())
    frame, region = np.full_like(FRAME, 64), CropRegion(np.array([320.0, 240]), 100.0)
    with pytest.raises(ModelContractError, match=r"nan\.onnx.*NaN"):
        meter.measure(Glance(frame, CAMERA, 0.0), region, SIZE)
    assert meter.measure(Glance(frame + 64, CAMERA, 0.0), region, SIZE) is not None


def test_a_frame_of_another_size_than_the_cameras_is_refused() -> None:
    with pytest.raises(InputError, match=r"320x240.*640x480"):
        Glance(np.zeros((240, 320, 3), np.uint8), CAMERA, 0.0)


def test_every_stage_is_timed(tmp_path: Path) -> None:
    stopwatch = Stopwatch()
    meter = HandMeter(MeshNetwork(write_tiny_mesh_network(tmp_path / "tiny.onnx")), stopwatch)
    meter.measure(Glance(FRAME, CAMERA, 0.0), CropRegion(np.array([320.0, 240]), 100.0), SIZE)
    assert set(stopwatch.seconds) == {"crop", "network", "place", "frames"}
