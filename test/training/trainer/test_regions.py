"""Labels follow the crop: a known hand drawn as dots, seen through turned, moved and mirrored crops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.dot_pictures import PIXELS_A_METRE, dot_pictures

from handmesh_ros.perception.crop import CropRegion, extract_patch
from handmesh_ros.perception.crop_rules import region_from_keypoints
from handmesh_training.trainer.dice import Dice, seeded
from handmesh_training.trainer.gallery import Gallery
from handmesh_training.trainer.pictures import SIDE, mirrored
from handmesh_training.trainer.regions import TRACKER, TRAINING, Regions, beside, cut, shows

SIZE = 128
CPU = torch.device("cpu")


def dice(count: int, seed: int = 0) -> Dice:
    return Dice(seeded(seed, 0, CPU), count)


def one(center: tuple[float, float], size: float, angle: float = 0.0, mirror: bool = False) -> Regions:
    return Regions(torch.tensor([center]), torch.tensor([size]), torch.tensor([angle]), torch.tensor([mirror]))


@pytest.mark.parametrize("mirror", [False, True])
def test_a_region_is_the_runtimes_region(mirror: bool) -> None:
    picture = dot_pictures(1)
    ours, theirs = one((70.0, 85.0), 90.0, 0.7, mirror), CropRegion(np.array([70.0, 85.0]), 90.0, 0.7, mirror)
    np.testing.assert_allclose(ours.axes[0], theirs.axes, atol=1e-6)
    points = picture.keypoints[0]
    np.testing.assert_allclose(ours.to_patch(torch.from_numpy(points)[None])[0], theirs.to_patch(points), atol=1e-5)
    fractions = torch.rand(1, 5, 2)
    np.testing.assert_allclose(ours.to_picture(fractions)[0], theirs.to_image(fractions[0].numpy()), atol=1e-4)
    patch = cut(torch.from_numpy(picture.images), ours, SIZE)
    np.testing.assert_allclose(patch, extract_patch(picture.images[0], theirs, SIZE), atol=0.004)  # a grey value, for single precision


@pytest.mark.parametrize("mirror", [False, True])
def test_dots_lie_where_the_crop_says(mirror: bool) -> None:
    pictures = dot_pictures(20, 3)
    gallery, count = Gallery.hang([pictures], CPU), len(pictures)
    regions = gallery.regions(torch.arange(count), 1.5, torch.full((count,), mirror)).moved(TRAINING, dice(count))
    patches = cut(gallery.images, regions, SIZE)
    pixels = regions.to_patch(gallery.keypoints) * SIZE - 0.5
    inside = ((pixels > 1) & (pixels < SIZE - 2)).all(2)
    assert inside.sum(1).min() > 10
    for patch, points, shown in zip(patches, pixels, inside, strict=True):
        for x, y in points[shown].round().long():
            assert patch[:, y, x].min() > 0.5


@pytest.mark.parametrize("mirror", [False, True])
def test_meshes_turn_as_the_picture_does(mirror: bool) -> None:
    gallery = Gallery.hang([dot_pictures(1)], CPU)
    region = one((80.0, 85.0), 110.0, 0.7, mirror)
    joints = region.turned(gallery.vertices[:, :21].float())
    seen = (region.to_patch(gallery.keypoints) - region.to_patch(gallery.keypoints[:, :1])) * region.sizes
    torch.testing.assert_close(joints[..., :2] * PIXELS_A_METRE, seen, atol=0.15, rtol=0)
    torch.testing.assert_close(joints[..., 2], gallery.vertices[:, :21, 2].float())


def test_without_errors_a_look_is_the_runtimes_crop() -> None:
    pictures = dot_pictures(4)
    regions = Gallery.hang([pictures], CPU).regions(torch.arange(4), 1.35, torch.zeros(4, dtype=torch.bool))
    for k in range(4):
        expected = region_from_keypoints(pictures.keypoints[k], 1.35)
        np.testing.assert_allclose(regions.centers[k], expected.center, atol=1e-3)
        np.testing.assert_allclose([regions.sizes[k], regions.angles[k]], [expected.size, expected.angle], rtol=1e-5)


def test_a_trackers_errors_are_as_large_as_they_say() -> None:
    count = 4000
    exact = Regions(torch.zeros(count, 2), torch.full((count,), 100.0), torch.zeros(count), torch.zeros(count, dtype=torch.bool))
    moved = exact.moved(TRACKER, dice(count))
    assert moved.angles.std() == pytest.approx(np.radians(TRACKER.angle), rel=0.05)
    assert moved.centers.std(0).numpy() == pytest.approx([100 * TRACKER.shift] * 2, rel=0.05)
    assert (moved.sizes / 100).log().std() == pytest.approx(TRACKER.zoom, rel=0.05)
    wide = exact.moved(TRAINING, dice(count)).sizes > 140
    assert 0.03 < wide.float().mean() < 0.10


def test_what_is_no_real_picture_is_told() -> None:
    content = torch.tensor([[SIDE / 4, 0.0, SIDE, SIDE]])
    inside = shows(content, one((SIDE / 2 - 0.5, SIDE / 2 - 0.5), SIDE), SIZE)
    assert not inside[..., : SIZE // 4].any()
    assert inside[..., SIZE // 4 :].all()
    far = one((SIDE / 2 - 0.5, SIDE / 2 - 0.5), 2.0 * SIDE)
    assert shows(torch.tensor([[0.0, 0.0, SIDE, SIDE]]), far, SIZE).float().mean() == pytest.approx(0.25)
    patch = cut(torch.full((1, SIDE, SIDE, 3), 200, dtype=torch.uint8), far, SIZE)
    assert (patch[:, :, : SIZE // 4 - 1] == 0).all(), "black beyond the picture, as at the runtime's image border"


def test_mirroring_a_picture_takes_its_labels_along() -> None:
    picture = dot_pictures(1)
    image, keypoints, content = mirrored(picture.images[0], picture.keypoints[0], np.array([10.0, 0, 120, SIDE]))
    for x, y in np.rint(keypoints).astype(int):
        assert image[y, x].min() > 128
    np.testing.assert_allclose(content, [SIDE - 120, 0, SIDE - 10, SIDE])


def test_regions_beside_a_hand_show_nothing_of_it() -> None:
    pictures = dot_pictures(50)
    dots = torch.from_numpy(pictures.keypoints) * 0.4 + 6  # leaves room
    content = torch.from_numpy(pictures.content)
    regions, found = beside(dots, content, dice(50))
    assert found.sum() > 40
    fractions = regions.to_patch(dots)[found]
    assert not ((fractions > -0.05) & (fractions < 1.05)).all(2).any()
    centers = regions.centers[found]
    assert ((centers >= 0) & (centers <= SIDE)).all()
    _, found = beside(torch.from_numpy(pictures.keypoints), content * 0 + torch.tensor([78, 60, 82, 64]), dice(50))
    assert not found.any(), "where there is no room none is claimed"
