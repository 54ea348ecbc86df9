"""Labels follow the crop: a known hand drawn as dots, seen through turned, moved and mirrored crops."""

import cv2
import numpy as np
import pytest
import torch
from synthetic_hand import hand

from handmesh_ros.hand import Side
from handmesh_ros.perception.crop import CropRegion
from handmesh_ros.training.mobrecon.batches import Batches, balanced_odds
from handmesh_ros.training.mobrecon.config import Batch
from handmesh_ros.training.mobrecon.photometric import covered, next_frame
from handmesh_ros.training.mobrecon.pictures import PictureSet, mirrored
from handmesh_ros.training.mobrecon.views import EXACT, TRAINING, beside, cut, look, turned

SIZE = 128


def pictures(count: int = 3, seed: int = 0) -> PictureSet:
    """Hands seen from afar (orthographic, 900 px a metre): every joint a white dot on black; the 'mesh' is the joints, 37 times."""
    rng = np.random.default_rng(seed)
    images, keypoints, vertices = [], [], []
    for _ in range(count):
        joints, _ = hand(Side.RIGHT, rng.uniform(0.0, 0.5, (5, 3)))
        joints = joints[:, [1, 0, 2]] * (1, -1, 1)  # fingers up in the picture
        points = joints[:, :2] * 900 + (128, 180)
        image = np.zeros((256, 256, 3), np.uint8)
        for x, y in points:
            cv2.circle(image, (round(x * 16), round(y * 16)), 3 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
        images.append(image)
        keypoints.append(points)
        vertices.append(np.tile(joints, (37, 1)))
    ones = np.ones(count, np.float32)
    content = np.tile(np.array([0, 0, 256, 256], np.float32), (count, 1))
    return PictureSet(
        tuple(images), np.array(keypoints, np.float32), ones, np.array(vertices, np.float16), ones, content, np.full(count, "dots")
    )


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_dots_lie_where_the_crop_says(seed: int, mirror: bool) -> None:
    rng = np.random.default_rng(seed)
    picture = pictures(1, seed)
    region = look(picture.keypoints[0], 1.5, TRAINING, rng)
    region = CropRegion(region.center, region.size, region.angle, mirror)
    patch = cut(picture.images[0], region, SIZE, picture.content[0], None)
    pixels = region.to_patch(picture.keypoints[0]) * SIZE - 0.5
    inside = ((pixels > 1) & (pixels < SIZE - 2)).all(1)
    assert inside.sum() > 10
    for x, y in np.rint(pixels[inside]).astype(int):
        assert patch[y, x].min() > 128


@pytest.mark.parametrize("mirror", [False, True])
def test_meshes_turn_as_the_picture_does(mirror: bool) -> None:
    picture = pictures(1)
    region = CropRegion(np.array([120.0, 130.0]), 180.0, 0.7, mirror)
    joints = turned(picture.vertices[0][:21], region)
    seen = (region.to_patch(picture.keypoints[0]) - region.to_patch(picture.keypoints[:1, 0])) * region.size
    np.testing.assert_allclose(joints[:, :2] * 900, seen, atol=0.2)
    np.testing.assert_allclose(joints[:, 2], picture.vertices[0][:21, 2], atol=1e-6)


def test_an_exact_look_is_the_runtimes_crop() -> None:
    keypoints = pictures(1).keypoints[0]
    region = look(keypoints, 1.5, EXACT, np.random.default_rng(0))
    fractions = region.to_patch(keypoints)
    assert fractions.max() - 0.5 == pytest.approx(1 / 3, abs=1e-6)
    np.testing.assert_allclose(np.ptp(fractions, axis=0).max(), 1 / 1.5, atol=1e-6)


def test_what_is_no_real_picture_is_filled() -> None:
    picture = pictures(1)
    region = CropRegion(np.array([128.0, 128.0]), 256.0)
    content = np.array([64.0, 0, 256, 256])
    def filling() -> np.ndarray:
        return np.full((SIZE, SIZE, 3), 77, np.uint8)

    assert (cut(picture.images[0], region, SIZE, content, filling)[:, :31] == 77).all()
    assert (cut(picture.images[0], region, SIZE, content, None)[:, :31] == 0).all()
    whole = cut(picture.images[0], region, SIZE, picture.content[0], None)
    np.testing.assert_array_equal(cut(picture.images[0], region, SIZE, picture.content[0], filling), whole)


def test_mirroring_a_picture_takes_its_labels_along() -> None:
    picture = pictures(1)
    image, keypoints, content = mirrored(picture.images[0], picture.keypoints[0], np.array([10.0, 0, 200, 256]))
    for x, y in np.rint(keypoints).astype(int):
        assert image[y, x].min() > 128
    np.testing.assert_allclose(content, [56, 0, 246, 256])


def test_a_step_gives_the_same_batch_every_time_and_another_step_another() -> None:
    background = [np.random.default_rng(1).integers(0, 255, (200, 220, 3), dtype=np.uint8)]
    batches = Batches(pictures(3), pictures(2, 5), background, Batch(renders=3, real=2, empty=1), SIZE, 1.5, seed=4)
    first, again, other = batches[7], batches[7], batches[8]
    assert first["patches"].shape == (8, 3, SIZE, SIZE)
    for name, value in first.items():
        torch.testing.assert_close(value, again[name], equal_nan=True)
    assert not torch.equal(first["patches"], other["patches"])
    assert first["pair"].tolist() == [-1, -1, -1, 4, 3, 6, 5, -1]
    assert first["presence"].tolist() == [1] * 7 + [0]
    assert torch.isnan(first["right"]).tolist() == [False] * 7 + [True]
    # A mirrored patch shows a left hand, whose mesh is not asked for.
    assert ((first["mesh_weights"] > 0) == ~first["mirrored"]).all()


def test_regions_beside_a_hand_show_nothing_of_it() -> None:
    rng = np.random.default_rng(0)
    picture = pictures(1)
    dots = picture.keypoints[0] * 0.4 + 10  # leaves room
    found = [region for _ in range(50) if (region := beside(dots, picture.content[0], rng)) is not None]
    assert len(found) > 25
    for region in found:
        assert (picture.content[0][:2] <= region.center).all() and (region.center <= picture.content[0][2:]).all()
        fractions = region.to_patch(dots)
        assert not ((fractions > -0.05) & (fractions < 1.05)).all(axis=1).any()


def test_a_covered_hand_is_gone_and_the_rest_stays() -> None:
    patch = np.zeros((SIZE, SIZE, 3), np.uint8)
    keypoints = np.random.default_rng(0).uniform(SIZE * 0.4, SIZE * 0.6, (21, 2))
    shown = covered(patch, keypoints, np.full_like(patch, 200))
    assert all(shown[y, x].min() == 200 for x, y in np.rint(keypoints).astype(int))
    assert shown[:, : SIZE // 4].max() == 0


def test_the_next_frame_differs_as_a_video_does() -> None:
    smooth = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 256, (128, 128, 3), dtype=np.uint8), (0, 0), 6)
    patch = np.clip((smooth.astype(float) - smooth.mean()) * 8 + 128, 0, 255).astype(np.uint8)
    before = patch.copy()
    rng = np.random.default_rng(5)
    frames = [next_frame(patch, rng) for _ in range(50)]
    assert np.array_equal(patch, before) and all(f.dtype == np.uint8 and f.shape == patch.shape for f in frames)
    changes = np.array([np.abs(f.astype(float) - patch).mean() for f in frames])
    assert changes.min() > 0.1 and 1 < np.median(changes) < 6 and changes.max() < 16, "of 255: seen by a network, hardly by an eye"
    again = next_frame(patch, np.random.default_rng(5))
    assert np.array_equal(again, frames[0])


def test_patches_without_a_hand_come_from_everywhere() -> None:
    grey = [np.full((SIZE, SIZE, 3), 128, np.uint8)]
    batches = Batches(pictures(3), pictures(2, 5), grey, Batch(renders=0, real=0, empty=8), SIZE, 1.5, seed=4)
    rows = [batches[step] for step in range(5)]
    assert all((row["presence"] == 0).all() for row in rows)
    plain = torch.cat([row["patches"].float().flatten(1).std(1) < 30 for row in rows])
    assert 0.2 < plain.float().mean() < 0.6


def test_a_source_counts_by_the_root_of_its_size() -> None:
    odds = balanced_odds(np.array(["a"] * 100 + ["b"] * 4))
    assert odds.sum() == pytest.approx(1)
    assert odds[:100].sum() / odds[100:].sum() == pytest.approx(5)
