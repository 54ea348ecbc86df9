"""Labelled pictures: labels fit what is drawn, equal seeds give equal pictures, light and shadow behave."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from support.paths import REPO, SHARED, needs_shared

from handmesh_ros.perception.onnx_session import OnnxNetwork
from handmesh_training.renders.assets import AssetError, irradiance_form, linear_to_srgb, load_assets, srgb_to_linear
from handmesh_training.renders.batch import RenderBatch, Studio, render_batch
from handmesh_training.renders.cache import CacheError, StudioOrder, read_cache, shard_paths, write_cache
from handmesh_training.renders.sensor import Sensor, blurred, expose
from handmesh_training.renders.shadow import ShadowMap
from handmesh_training.renders.views import hand_rotation
from handmesh_training.template.rig import skin

SIZE = 128
LANDMARKS = REPO / "models" / "hand_landmark.onnx"


@pytest.fixture(scope="module")
def batch(studio: Studio) -> RenderBatch:
    return render_batch(studio, np.random.default_rng(3), 16, size=SIZE, occluder_share=0.0)


@needs_shared
def test_joints_lie_on_the_drawn_hand(batch: RenderBatch) -> None:
    places = np.clip((batch.keypoints * SIZE).astype(int), 0, SIZE - 1)
    on_hand = np.stack([mask[xy[:, 1], xy[:, 0]] > 0 for mask, xy in zip(batch.mask, places, strict=True)])
    assert on_hand.mean() > 0.99


@needs_shared
def test_keypoints_are_the_projected_joints(batch: RenderBatch) -> None:
    # In crop axes the crop's camera looks along z: x/z and y/z fit the keypoints by one scale and the ray through the middle.
    for joints, keypoints, distance in zip(batch.joints, batch.keypoints, batch.wrist_distance, strict=True):
        offset = keypoints[0] - 0.5
        best = np.inf
        for focal in np.geomspace(0.3, 12, 400):  # in sides of the crop
            z = distance / np.sqrt(1 + (offset / focal) @ (offset / focal))
            wrist = np.array([*(offset / focal * z), z])
            points = joints + wrist
            best = min(best, np.abs(points[:, :2] / points[:, 2:] * focal + 0.5 - keypoints).max())
        # The picture plane is not square to the ray of a hand far off the axis: a few hundredths remain.
        assert best < 0.06


@needs_shared
def test_the_mesh_follows_from_the_parameters(studio: Studio, batch: RenderBatch) -> None:
    rig = studio.rigs[1]
    transforms = rig.bone_transforms(batch.local_rotations, batch.bone_scale)
    turn = batch.rotation.transpose(0, 2, 1)
    joints = (rig.joint_positions(transforms) - batch.wrist[:, None]) @ turn
    assert np.allclose(joints, batch.joints, atol=1e-9)
    vertices = (skin(rig, transforms) - batch.wrist[:, None]) @ turn
    nearest = np.linalg.norm(vertices[:, :, None] - batch.joints[:, None], axis=3).min(1)
    assert nearest[:, 1:].max() < 0.02  # joints lie inside the flesh


@needs_shared
def test_posing_on_the_device_is_the_rigs_skinning(studio: Studio, batch: RenderBatch) -> None:
    rig, surface = studio.rigs[0], studio.surfaces[0]
    transforms = rig.bone_transforms(batch.local_rotations, batch.bone_scale)
    posed = surface.pose(torch.from_numpy(rig.skin_matrices(transforms)).float())
    assert np.allclose(posed.numpy(), skin(rig, transforms), atol=2e-6)


@needs_shared
def test_equal_seeds_give_equal_pictures(studio: Studio) -> None:
    first, second = (render_batch(studio, np.random.default_rng(5), 3, size=64, occluder_share=1.0) for _ in range(2))
    for field in dataclasses.fields(RenderBatch):
        assert np.array_equal(getattr(first, field.name), getattr(second, field.name)), field.name
    assert first.occluded.all()
    other = render_batch(studio, np.random.default_rng(6), 3, size=64, occluder_share=1.0)
    assert not np.array_equal(first.images, other.images)


@needs_shared
def test_the_arm_leaves_the_crop_downwards(batch: RenderBatch) -> None:
    # Crops are upright by wrist -> middle mcp.
    up = batch.keypoints[:, 9] - batch.keypoints[:, 0]
    long_enough = np.linalg.norm(up, axis=1) > 0.15
    angles = np.degrees(np.arctan2(up[:, 0], -up[:, 1]))[long_enough]
    assert np.abs(angles).max() < 30


def test_hand_rotation_turns_as_its_words_say() -> None:
    back, palm, rolled = hand_rotation(np.array([0.0, np.pi, 0.0]), np.zeros(3), np.array([0.0, 0.0, np.pi / 2]))
    fingers, back_of_hand, thumb = np.array([0.0, 0, -1]), np.array([1.0, 0, 0]), np.array([0.0, 1, 0])
    assert np.allclose(back @ back_of_hand, [0, 0, -1]) and np.allclose(palm @ back_of_hand, [0, 0, 1])
    assert np.allclose(back @ fingers, [0, -1, 0]) and np.allclose(rolled @ fingers, [1, 0, 0], atol=1e-12)
    # A right hand from its back, fingers up: the thumb is on the left.
    assert np.allclose(back @ thumb, [-1, 0, 0]) and np.allclose(palm @ thumb, [1, 0, 0])
    assert np.allclose(np.linalg.det([back, palm, rolled]), 1)


@needs_shared
def test_a_hand_in_front_of_the_light_shades_what_lies_behind(studio: Studio) -> None:
    surface, rig = studio.surfaces[1], studio.rigs[1]
    vertices = torch.from_numpy(rig.vertices).float()[None]
    light = torch.tensor([[1.0, 0.0, 0.0]])  # onto the back of the hand
    shadows = ShadowMap.cast(light, vertices, surface)
    middle = torch.from_numpy(rig.joint_positions(rig.bone_transforms(rig.rest_rotations))[9]).float()
    points = middle + torch.tensor([[0.05, 0, 0], [-0.05, 0, 0], [-0.05, 0.13, 0]])
    assert shadows.lit(points, torch.zeros(3, dtype=torch.int64)).tolist() == [1.0, 0.0, 1.0]


def test_irradiance_of_a_bright_sky() -> None:
    sky = np.zeros((32, 64, 3))
    sky[:16] = [1.0, 2.0, 3.0]
    form = irradiance_form(sky)
    value = {name: np.array(n + (1,)) for name, n in {"up": (0, 1, 0), "down": (0, -1, 0), "side": (1, 0, 0)}.items()}
    received = {name: np.einsum("i,cij,j->c", n, form, n) for name, n in value.items()}
    # A surface that faces the sky receives all of it, one on edge half.
    assert np.allclose(received["up"], [1, 2, 3], rtol=0.05)
    assert np.allclose(received["side"], [0.5, 1, 1.5], rtol=0.05)
    assert np.abs(received["down"]).max() < 0.2


def test_srgb_both_ways() -> None:
    value = torch.linspace(0, 1, 256)
    assert torch.allclose(linear_to_srgb(srgb_to_linear(value)), value, atol=1e-5)
    assert float(srgb_to_linear(torch.tensor(0.5))) == pytest.approx(0.2140, abs=1e-3)


def sensor(**changes: torch.Tensor) -> Sensor:
    plain = Sensor(
        gain=torch.ones(1, 3), blur_px=torch.full((1,), 0.05), motion_px=torch.zeros(1, 2), shot_noise=torch.zeros(1),
        read_noise=torch.zeros(1), jpeg_quality=torch.full((1,), 100.0),
    )  # fmt: skip
    return dataclasses.replace(plain, **changes)


def test_a_perfect_sensor_changes_nothing_and_faults_add_up() -> None:
    ramp = torch.linspace(0, 1, 32 * 32 * 3).view(1, 32, 32, 3)
    noise = torch.Generator().manual_seed(0)
    perfect = expose(ramp, sensor(), noise)
    assert (perfect.int() - (linear_to_srgb(ramp) * 255).round().int()).abs().max() <= 1
    point = torch.zeros(1, 33, 33, 3)
    point[0, 16, 16] = 1.0
    smeared = expose(point, sensor(motion_px=torch.tensor([[8.0, 0.0]])), noise)[0, :, :, 0]
    assert (smeared[16] > 0).sum() >= 8 and (smeared[:, 16] > 0).sum() <= 2
    grey = torch.full((1, 64, 64, 3), 0.2)
    noisy = expose(grey, sensor(read_noise=torch.tensor([0.01])), noise).float()
    assert 1.0 < float(noisy.std()) < 6.0
    coarse = expose(ramp, sensor(jpeg_quality=torch.tensor([10.0])), noise)
    difference = (coarse.float() - perfect.float()).abs().mean()
    assert 0.2 < float(difference) < 12


@needs_shared
def test_a_cache_gives_back_what_was_drawn(studio: Studio, tmp_path: Path) -> None:
    write_cache(studio, tmp_path, 8, seed=1, size=64, shard_size=5, batch_size=2)
    shards = list(read_cache(tmp_path))
    assert [len(shard.images) for shard in shards] == [5, 5]
    rng = np.random.default_rng([1, 0])
    drawn = render_batch(studio, rng, 2, size=64)
    assert np.allclose(shards[0].joints[:2], drawn.joints, atol=1e-6)
    assert np.abs(shards[0].images[:2].astype(int) - drawn.images).mean() < 6
    broken = tmp_path / "renders_00001.npz"
    broken.write_bytes(broken.read_bytes()[:1000])
    with pytest.raises(CacheError, match=r"renders_00001\.npz"):
        list(read_cache(tmp_path))


@needs_shared
def test_several_processes_draw_what_one_would(studio: Studio, tmp_path: Path) -> None:
    write_cache(StudioOrder(SHARED / "assets"), tmp_path / "two", 8, seed=1, size=16, workers=2, shard_size=4)
    (tmp_path / "one").mkdir()
    first, second = shard_paths(tmp_path / "two")
    second.rename(tmp_path / "one" / second.name)
    write_cache(StudioOrder(SHARED / "assets"), tmp_path / "two", 8, seed=1, size=16, shard_size=4)  # one shard is there already
    again = list(read_cache(tmp_path / "two"))[1]
    before = next(read_cache(tmp_path / "one"))
    assert first.exists()
    np.testing.assert_allclose(again.joints, before.joints, atol=1e-6)
    np.testing.assert_array_equal(again.images, before.images)


@needs_shared
def test_a_cache_of_before_visibility_was_known_stays_readable(studio: Studio, tmp_path: Path) -> None:
    write_cache(studio, tmp_path, 2, seed=1, size=64, shard_size=2)
    with np.load(tmp_path / "renders_00000.npz") as shard:
        older = {name: shard[name] for name in shard.files if name not in ("visible", "camera")}
    np.savez(tmp_path / "renders_00000.npz", **older)
    (batch,) = read_cache(tmp_path)
    assert np.isnan(batch.visible).all() and batch.visible.shape == (2, 21)
    assert np.isnan(batch.camera).all() and batch.camera.shape == (2, 3, 3)


def test_a_blur_has_the_width_that_is_asked_for() -> None:
    point = torch.zeros(2, 3, 33, 33)
    point[:, :, 16, 16] = 1
    spread = torch.tensor([0.8, 1.5])
    result = blurred(point, spread, 6)
    torch.testing.assert_close(result.sum((2, 3)), torch.ones(2, 3))
    steps = torch.arange(33.0) - 16
    widths = (result.sum(2)[:, 0] * steps**2).sum(1).sqrt()
    torch.testing.assert_close(widths, spread, atol=0.06, rtol=0)


def test_missing_assets_are_named(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="caucasian_realistic_baseColor"):
        load_assets(tmp_path)
    with pytest.raises(CacheError, match="no renders"):
        list(read_cache(tmp_path))


@needs_shared
@pytest.mark.skipif(not LANDMARKS.is_file(), reason="needs models/hand_landmark.onnx: handmesh models --provision")
def test_a_network_that_knows_real_hands_recognises_the_renders(studio: Studio) -> None:
    network = OnnxNetwork(LANDMARKS, 1, "landmark network")
    found, near = [], []
    for seed in range(4):
        drawn = render_batch(studio, np.random.default_rng(seed), 12, size=224, occluder_share=0.0)
        for image, keypoints, brightness in zip(drawn.images, drawn.keypoints, drawn.brightness, strict=True):
            if not 0.15 < brightness < 0.9:
                continue
            patch = image.transpose(2, 0, 1)[None].astype(np.float32) / 255
            landmarks, presence = network.run(["landmarks", "presence"], patch)
            found.append(presence.item() > 0.5)
            error = np.linalg.norm(landmarks.reshape(21, 3)[:, :2] / 224 - keypoints, axis=1).mean()
            near.append(error < 0.15 * np.ptp(keypoints, axis=0).max())
    assert np.mean(found) >= 0.85
    assert np.mean(near) >= 0.75
