"""Crops: where the patch's corners are, that the pixels follow, and that a hand off the axis comes back where it was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.synthetic_hand import random_hand

from handmesh_ros.hand import Side
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.crop import CropError, CropRegion, extract_patch

CORNERS = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
CENTER = np.array([100.0, 50])
ANGLES = st.floats(-np.pi, np.pi)


def test_corners_without_rotation() -> None:
    region = CropRegion(CENTER, 20)
    np.testing.assert_allclose(region.to_image(CORNERS), [[90, 40], [110, 40], [90, 60], [110, 60]])
    mirrored = CropRegion(CENTER, 20, mirror=True)
    np.testing.assert_allclose(mirrored.to_image(CORNERS), [[110, 40], [90, 40], [110, 60], [90, 60]])


def test_positive_angle_turns_clockwise_on_the_screen() -> None:
    """A quarter turn clockwise: the patch's up is the image's right."""
    region = CropRegion(CENTER, 20, np.pi / 2)
    top, bottom = region.to_image(np.array([[0.5, 0], [0.5, 1]]))
    np.testing.assert_allclose([top, bottom], [[110, 50], [90, 50]], atol=1e-12)


@given(ANGLES, st.floats(2, 3000), st.booleans())
def test_there_and_back(angle: float, size: float, mirror: bool) -> None:
    region = CropRegion(CENTER, size, angle, mirror)
    fractions = np.random.default_rng(0).uniform(-1, 2, (9, 2))
    np.testing.assert_allclose(region.to_patch(region.to_image(fractions)), fractions, atol=1e-9)
    # Patch pixel i covers the fractions i/S to (i+1)/S.
    patch_pixels = np.column_stack([region.to_image(fractions), np.ones(9)]) @ region.matrix(64).T
    np.testing.assert_allclose((patch_pixels + 0.5) / 64, fractions, atol=1e-9)


@given(st.floats(-3, 3), st.booleans())
def test_a_blob_lands_where_the_region_says(angle: float, mirror: bool) -> None:
    frame = np.zeros((240, 320, 3), np.uint8)
    y, x = np.mgrid[:240, :320]
    blob = np.array([170.0, 130.0])
    frame[..., 1] = 255 * np.exp(-((x - blob[0]) ** 2 + (y - blob[1]) ** 2) / 50)
    region = CropRegion(np.array([160.0, 120]), 128, angle, mirror)
    patch = extract_patch(frame, region, 64)
    assert patch.shape == (1, 3, 64, 64)
    assert patch.dtype == np.float32
    assert patch[0, [0, 2]].max() == 0, "the channels keep their order"
    weight = patch[0, 1] / patch[0, 1].sum()
    centre = np.array([(weight.sum(0) * np.arange(64)).sum(), (weight.sum(1) * np.arange(64)).sum()])
    np.testing.assert_allclose((centre + 0.5) / 64, region.to_patch(blob[None])[0], atol=0.003)


def test_mirrored_patch_is_the_flipped_patch() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    plain = extract_patch(frame, CropRegion(np.array([80.0, 60]), 50, 0.0), 32)
    mirrored = extract_patch(frame, CropRegion(np.array([80.0, 60]), 50, 0.0, mirror=True), 32)
    np.testing.assert_allclose(mirrored, plain[..., ::-1], atol=1.5 / 255)


def test_identity_crop_copies_pixels() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    patch = extract_patch(frame, CropRegion(np.array([31.5, 31.5]), 64), 64)
    np.testing.assert_allclose(patch[0].transpose(1, 2, 0), frame / np.float32(255), atol=1e-6)


def test_outside_is_black_and_buffer_is_reused() -> None:
    frame = np.full((100, 100, 3), 255, np.uint8)
    buffer = np.empty((1, 3, 32, 32), np.float32)
    half = extract_patch(frame, CropRegion(np.array([-0.5, 50]), 64), 32, out=buffer)
    assert half is buffer
    assert half[..., :15].max() == 0
    assert half[..., 17:].min() == 1
    assert extract_patch(frame, CropRegion(np.array([-500.0, 50]), 64), 32).max() == 0


def test_a_large_hand_is_averaged_not_sampled() -> None:
    """One-pixel stripes of a 4K frame become grey, not moire."""
    frame = np.zeros((2160, 3840, 3), np.uint8)
    frame[:, ::2] = 255
    patch = extract_patch(frame, CropRegion(np.array([1900.3, 1000]), 1800, 0.1), 128)
    assert patch.std() < 0.12


@pytest.mark.parametrize("size", [25.0, 33.0, 50.0, 83.0])
@given(st.floats(-3, 3), st.booleans(), st.floats(5, 75), st.floats(5, 55))
def test_a_region_larger_than_the_patch_keeps_things_in_their_places(size: float, angle: float, mirror: bool, x: float, y: float) -> None:
    """The frame's colours say where a pixel lies; the region may reach over the border."""
    rows, columns = np.mgrid[:60, :80]
    frame = np.stack((columns * 3, rows * 4, np.full(rows.shape, 255)), -1).astype(np.uint8)
    region = CropRegion(np.array([x, y]), size, angle, mirror)
    patch = extract_patch(frame, region, 16)[0] * 255
    cells = (np.stack(np.meshgrid(np.arange(16), np.arange(16)), -1).reshape(-1, 2) + 0.5) / 16
    pixels = region.to_image(cells).reshape(16, 16, 2)
    margin = 2 * int(size / 16)
    inside = ((pixels > margin) & (pixels < np.array([79, 59]) - margin)).all(axis=2)
    assert (patch[2][inside] > 254.5).all()
    off = (np.stack((patch[0] / 3, patch[1] / 4), -1) - pixels)[inside]
    assert np.abs(off).max(initial=0.0) < 0.4  # half a pixel off would be a shifted grid


@pytest.mark.parametrize("frame", [np.zeros((0, 0, 3), np.uint8), np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.float32)])
def test_no_picture_is_refused(frame: np.ndarray) -> None:
    with pytest.raises(CropError, match="must be a uint8 RGB array"):
        extract_patch(frame, CropRegion(CENTER, 20), 32)


@pytest.mark.parametrize("size", [0.0, -5.0, 1.0, np.nan, np.inf])
def test_regions_without_size_are_refused(size: float) -> None:
    with pytest.raises(CropError, match=r"wide|finite"):
        CropRegion(CENTER, size)
    with pytest.raises(CropError, match="finite"):
        CropRegion(np.array([np.nan, 0]), 10)


@given(st.integers(0, 2**32 - 1), st.sampled_from(list(Side)))
def test_hand_off_the_axis_is_turned_back(seed: int, side: Side) -> None:
    """A camera turned to look straight at the hand sees what the patch shows; its axes must lead back to the true joints."""
    rng = np.random.default_rng(seed)
    camera = Camera(640, 480, np.array([[500.0, 0, 319.5], [0, 500, 239.5], [0, 0, 1]]))
    truth, _ = random_hand(rng, side)
    wrist = camera.normalize(rng.uniform((30, 30), (610, 450))[None])[0]
    region = CropRegion(camera.project(np.array([[*wrist, 1.0]]))[0], 200, rng.uniform(-3, 3), mirror=side is Side.LEFT)

    # An ideal network's answer, built independently: the virtual camera's axes in the world, z along the viewing ray.
    z = np.array([*wrist, 1.0]) / np.linalg.norm([*wrist, 1.0])
    across = np.cross([0, 0, 1.0], z)
    angle, across = np.arctan2(np.linalg.norm(across), z[2]), across / max(np.linalg.norm(across), 1e-300)
    skew = np.array([[0, -across[2], across[1]], [across[2], 0, -across[0]], [-across[1], across[0], 0]])
    look = np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew
    c, s = np.cos(region.angle), np.sin(region.angle)
    virtual = look @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    answer = truth @ virtual
    if region.mirror:
        answer[:, 0] *= -1

    np.testing.assert_allclose(answer @ region.axes_in_camera(camera).T, truth, atol=1e-9)


def test_crop_axes_agree_with_the_picture() -> None:
    """Near the centre a small step along the crop's x moves the projection along the patch's x; likewise y. Both ways round."""
    camera = Camera(640, 480, np.array([[500.0, 0, 319.5], [0, 500, 239.5], [0, 0, 1]]))
    for mirror in (False, True):
        region = CropRegion(np.array([420.0, 180.0]), 150, 0.7, mirror)
        axes = region.axes_in_camera(camera)
        assert np.linalg.det(axes) == pytest.approx(-1 if mirror else 1)
        origin = np.array([*camera.normalize(region.center[None])[0], 1.0])
        steps = region.to_patch(camera.project(origin + 1e-4 * axes.T[:2])) - 0.5
        np.testing.assert_allclose(steps / np.abs(steps).max(), np.eye(2), atol=0.05)
