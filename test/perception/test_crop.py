"""Crops: where the patch's corners are, that the pixels follow, and that a hand off the axis comes back where it was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.synthetic_hand import random_hand

from handmesh_ros.hand import Side
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.crop import CropError, CropRegion, extract_patch, region_from_keypoints, region_from_palm, steadied
from handmesh_ros.perception.detect import PalmDetection

CORNERS = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
CENTER = np.array([100.0, 50])
ANGLES = st.floats(-np.pi, np.pi)


def open_hand(size: float = 100.0, angle: float = 0.0, shift: tuple[float, float] = (300.0, 200.0)) -> np.ndarray:
    """Keypoints of a flat right hand seen from its back, fingers up; ``size`` px from wrist to middle mcp, turned clockwise."""
    upright = np.zeros((21, 2))
    for finger, (x, y) in enumerate([(-0.25, -0.3), (-0.25, -0.95), (0, -1), (0.2, -0.93), (0.38, -0.83)]):
        away = np.array([-0.35, -0.2]) if finger == 0 else np.array([0, -0.28])
        upright[1 + 4 * finger : 5 + 4 * finger] = (x, y) + away * np.arange(4)[:, None]
    c, s = np.cos(angle), np.sin(angle)
    return size * upright @ np.array([[c, s], [-s, c]]) + shift


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
    assert CropRegion(np.array([-0.5, 50]), 64).visible_share(100, 100) == pytest.approx(0.5)
    assert CropRegion(np.array([50.0, 50]), 64).visible_share(100, 100) == 1.0


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
    with pytest.raises(CropError, match="expected uint8"):
        extract_patch(frame, CropRegion(CENTER, 20), 32)


@pytest.mark.parametrize("size", [0.0, -5.0, 1.0, np.nan, np.inf])
def test_regions_without_size_are_refused(size: float) -> None:
    with pytest.raises(CropError, match=r"wide|finite"):
        CropRegion(CENTER, size)
    with pytest.raises(CropError, match="finite"):
        CropRegion(np.array([np.nan, 0]), 10)


@given(ANGLES, st.floats(5, 500))
def test_region_of_keypoints_is_upright_and_tight(angle: float, size: float) -> None:
    keypoints = open_hand(size, angle)
    region = region_from_keypoints(keypoints, 1.3)
    fractions = region.to_patch(keypoints)
    wrist, middle = fractions[0], fractions[9]
    assert abs(np.degrees(np.arctan2(middle[0] - wrist[0], wrist[1] - middle[1]))) < 2.5
    low, high = fractions.min(0), fractions.max(0)
    np.testing.assert_allclose((low + high) / 2, 0.5, atol=1e-9)
    assert (high - low).max() == pytest.approx(1 / 1.3)


@given(ANGLES, st.integers(0, 1000))
def test_turning_the_image_turns_the_region(angle: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    keypoints = open_hand() + rng.normal(scale=5, size=(21, 2))
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    plain, turned = region_from_keypoints(keypoints, 1.5), region_from_keypoints(keypoints @ turn.T, 1.5)
    np.testing.assert_allclose(turned.center, turn @ plain.center, atol=1e-6)
    assert turned.size == pytest.approx(plain.size)
    assert np.cos(turned.angle - plain.angle - angle) == pytest.approx(1)


def test_a_fist_towards_the_camera_does_not_spin() -> None:
    """Wrist hidden behind the knuckles: 2 px of noise must not turn the crop; with a previous crop it stays near that."""
    rng = np.random.default_rng(0)
    fist = 0.25 * (open_hand() - open_hand().mean(0)) + 200
    fist[0] = (fist[5] + 2 * fist[9] + fist[13]) / 4
    previous = CropRegion(np.array([200.0, 200]), 150, 1.0)
    angles = [region_from_keypoints(fist + rng.normal(scale=2, size=(21, 2)), 1.5, previous=previous).angle for _ in range(300)]
    assert np.degrees(np.std(angles)) < 15
    assert abs(np.mean(angles) - 1.0) < 0.1


def test_the_hint_of_the_previous_crop_says_nothing_of_a_clear_hand() -> None:
    plain = region_from_keypoints(open_hand(angle=0.3), 1.5)
    hinted = region_from_keypoints(open_hand(angle=0.3), 1.5, previous=CropRegion(CENTER, 10, -2.5))
    assert hinted.angle == plain.angle


@pytest.mark.parametrize("keypoints", [np.full((21, 2), 7.0), np.full((21, 2), np.nan), np.zeros((20, 2))])
def test_keypoints_without_a_hand_are_refused(keypoints: np.ndarray) -> None:
    with pytest.raises(CropError):
        region_from_keypoints(keypoints, 1.3)


@given(ANGLES)
def test_region_of_a_palm(angle: float) -> None:
    """MediaPipe's rule on a palm pointing along ``angle``: 2.6 boxes large, half a box towards the fingers."""
    up = np.array([np.sin(angle), -np.cos(angle)])
    keypoints = np.zeros((7, 2))
    keypoints[0], keypoints[2] = (200, 150) - 30 * up, (200, 150) + 30 * up
    region = region_from_palm(PalmDetection(np.array([160.0, 110, 240, 190]), keypoints, 0.9), mirror=True)
    np.testing.assert_allclose(region.center, (200, 150) + 40 * up, atol=1e-9)
    assert region.size == pytest.approx(2.6 * 80)
    assert np.cos(region.angle - angle) == pytest.approx(1)
    assert region.mirror


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


def test_a_trembling_crop_is_steadied_and_stays_on_the_hand() -> None:
    """Keypoints tremble by 3 px: angle and size do so by half as much, and the centre is the hand's."""
    rng = np.random.default_rng(0)
    region, raw, held = None, [], []
    for frame in range(300):
        keypoints = open_hand(angle=0.002 * frame, shift=(300.0 + frame, 200.0)) + rng.normal(scale=3, size=(21, 2))
        seen = region_from_keypoints(keypoints, 1.5, previous=region)
        region = steadied(seen, region)
        np.testing.assert_array_equal(region.center, seen.center)
        raw.append((seen.angle, seen.size))
        held.append((region.angle, region.size))
    trembles = [np.abs(np.diff(values, n=2, axis=0)).mean(axis=0) for values in (raw, held)]
    assert (trembles[1] < 0.6 * trembles[0]).all()
    np.testing.assert_allclose(held[-1], raw[-1], rtol=0.05, err_msg="it must follow a hand that turns")


def test_what_leaps_is_followed_at_once() -> None:
    region = CropRegion(CENTER, 100, 3.1)
    near = steadied(CropRegion(CENTER, 100, -3.1), region)
    assert np.cos(near.angle - np.pi) > 0.9999, "the shorter way round"
    for leap in (
        CropRegion(CENTER + (30, 0), 101, 3.1), CropRegion(CENTER, 140, 3.1), CropRegion(CENTER, 100, 2.5),
        CropRegion(CENTER, 101, 3.1, mirror=True),
    ):  # fmt: skip
        assert steadied(leap, region) is leap
    assert steadied(region, None) is region
