"""Cropping rules: upright and tight around the hand, steady where the hand trembles, at once where it leaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handmesh_ros.perception.crop import CropError, CropRegion
from handmesh_ros.perception.crop_rules import region_from_keypoints, steadied

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
