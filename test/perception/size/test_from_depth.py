"""The size of a hand from an aligned depth image, of hands whose size is known."""

from __future__ import annotations

import numpy as np
import pytest
from support.synthetic_hand import SIZE_M, hand, rotation

from handmesh_ros.hand import BONES, Side
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.size.from_depth import metres_of_depth, size_from_depth
from handmesh_ros.perception.size.hand_size import HandSizeError

CAMERA = Camera(640, 480, np.array([[600.0, 0, 319.5], [0, 600, 239.5], [0, 0, 1]]))
WRIST = np.array([0.02, 0.06, 0.5])
BACKGROUND_M = 1.2


def balls() -> tuple[np.ndarray, float]:
    """(N, 3) centres of balls along the bones and across the palm, and their radius, metres: a hand with its palm to the camera."""
    joints, _ = hand(Side.RIGHT, np.full((5, 3), 0.15), wrist=rotation(2, -np.pi / 2))
    pairs = [*BONES, (5, 9), (9, 13), (13, 17), (1, 17), (1, 5), (0, 17)]
    return np.concatenate([joints[a] + np.linspace(0, 1, 12)[:, None] * (joints[b] - joints[a]) for a, b in pairs]), 0.009


def depth_of_hand(rng: np.random.Generator) -> np.ndarray:
    """(H, W) metres, as a depth camera sees the balls before a wall."""
    centres, radius = balls()
    depth = np.full((480, 640), BACKGROUND_M)
    rows, columns = np.mgrid[0:480, 0:640]
    for x, y, z in centres + WRIST:
        u, v = 600 * x / z + 319.5, 600 * y / z + 239.5
        reach = int(600 * radius / z) + 2
        window = np.s_[max(int(v) - reach, 0) : int(v) + reach, max(int(u) - reach, 0) : int(u) + reach]
        bulge = radius**2 - ((columns[window] - u) ** 2 + (rows[window] - v) ** 2) * (z / 600) ** 2
        depth[window] = np.where(bulge > 0, np.minimum(depth[window], z - np.sqrt(np.maximum(bulge, 0))), depth[window])
    return depth + rng.normal(0, 0.002, depth.shape)


def mesh(rng: np.random.Generator, factor: float = 1.0, noise_m: float = 0.0) -> np.ndarray:
    """(V, 3) points all over the balls, placed as if the hand were ``factor`` times as large."""
    centres, radius = balls()
    directions = rng.normal(size=(len(centres), 12, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    points = (centres[:, None] + radius * directions).reshape(-1, 3) + rng.normal(0, noise_m, (len(centres) * 12, 3))
    return factor * (points + WRIST)


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.25])
@pytest.mark.parametrize("millimetres", [False, True])
def test_the_true_size_is_found_whatever_was_assumed(factor: float, millimetres: bool) -> None:
    rng = np.random.default_rng(0)
    depth = depth_of_hand(rng)
    image = np.rint(1e3 * depth).astype(np.uint16) if millimetres else depth.astype(np.float32)
    found = size_from_depth(image, CAMERA, mesh(rng, factor), factor * SIZE_M)
    assert found.size_m == pytest.approx(SIZE_M, rel=0.01)
    assert 0.02 <= found.relative_sigma < 0.03


def test_holes_flying_pixels_a_shifted_mesh_and_an_object_before_the_hand_do_little() -> None:
    rng = np.random.default_rng(1)
    depth = depth_of_hand(rng).astype(np.float32)
    depth[rng.uniform(size=depth.shape) < 0.02] = 0.0
    depth[rng.uniform(size=depth.shape) < 0.01] = np.nan
    depth[200:230, 300:400] = np.nan
    depth[rng.uniform(size=depth.shape) < 0.02] = 0.8
    depth[260:290, 330:350] = 0.40
    vertices = mesh(rng, 1.1, 0.004) + np.array([0.006, -0.004, 0.0])
    found = size_from_depth(depth, CAMERA, vertices, 1.1 * SIZE_M)
    assert found.size_m == pytest.approx(SIZE_M, rel=0.02)


def test_the_stated_uncertainty_holds() -> None:
    """With a common error of 1 % of where the hand was placed, and noise on mesh and depth."""
    errors = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        found = size_from_depth(depth_of_hand(rng), CAMERA, mesh(rng, 1.0 + 0.01 * rng.normal(), 0.004), SIZE_M)
        errors.append((found.size_m / SIZE_M - 1.0) / found.relative_sigma)
    assert np.abs(errors).max() < 2.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda depth: depth[:240], "align depth to colour"),
        (lambda depth: np.zeros_like(depth), "measures 0 points"),
        (lambda depth: depth[..., None], "uint16 millimetres"),
        (lambda depth: (1000 * depth).astype(np.int32), "uint16 millimetres"),
        (lambda depth: np.random.default_rng(0).uniform(0.4, 0.9, (30, 40)).repeat(16, 0).repeat(16, 1), "no single surface"),
    ],
    ids=["size", "empty", "channels", "type", "nonsense"],
)
def test_depth_that_does_not_fit_is_refused(change: object, message: str) -> None:
    rng = np.random.default_rng(2)
    with pytest.raises(HandSizeError, match=message):
        size_from_depth(change(depth_of_hand(rng)), CAMERA, mesh(rng), SIZE_M)  # type: ignore[operator]


def test_no_hand_is_that_large() -> None:
    rng = np.random.default_rng(3)
    with pytest.raises(HandSizeError, match="hand size"):
        size_from_depth(1.8 * depth_of_hand(rng), CAMERA, mesh(rng), SIZE_M)


def test_what_was_not_measured_is_nan() -> None:
    assert np.isnan(metres_of_depth(np.array([[0, 1500]], np.uint16))[0, 0])
    assert metres_of_depth(np.array([[0, 1500]], np.uint16))[0, 1] == pytest.approx(1.5)
    assert np.isnan(metres_of_depth(np.array([[np.inf, -1.0, np.nan]], np.float32))).all()
