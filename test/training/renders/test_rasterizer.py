"""The rasteriser against shapes whose pictures are known exactly."""

import math

import numpy as np
import pytest
import torch

from handmesh_training.renders.rasterizer import Triangles, Visible, barycentric_weights, rasterize
from handmesh_training.renders.solids import ball, box, can

SIZE = 64


def triangles(corners: object, depth: object, two_sided: bool = False, image: object = None) -> Triangles:
    corners = torch.as_tensor(corners, dtype=torch.float32)
    count = len(corners)
    return Triangles(
        corners,
        1 / torch.as_tensor(depth, dtype=torch.float32),
        torch.zeros(count, dtype=torch.int64) if image is None else torch.as_tensor(image),
        torch.full((count,), two_sided),
    )


def picture(values: torch.Tensor, visible: Visible, count: int = 1, size: int = SIZE) -> torch.Tensor:
    flat = torch.zeros(count * size * size, dtype=values.dtype)
    flat[visible.sample] = values
    return flat.view(count, size, size)


# Counter-clockwise as seen: down the left side, then to the right.
LOWER_LEFT = [[[2.0, 2.0], [2.0, 62.0], [62.0, 62.0]]]


def test_covers_exactly_the_samples_inside() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        corners = rng.uniform(-20, 84, (3, 2))
        (ax, ay), (bx, by), (cx, cy) = corners
        visible = rasterize(triangles(corners[None], np.ones((1, 3)), two_sided=True), 1, SIZE, SIZE)
        y, x = np.mgrid[:SIZE, :SIZE] + 0.5
        sides = [
            (bx - ax) * (y - ay) - (by - ay) * (x - ax),
            (cx - bx) * (y - by) - (cy - by) * (x - bx),
            (ax - cx) * (y - cy) - (ay - cy) * (x - cx),
        ]
        inside = np.all([s >= 0 for s in sides], 0) | np.all([s <= 0 for s in sides], 0)
        drawn = picture(torch.ones(len(visible.sample)), visible)[0].numpy() > 0
        assert (drawn == inside).all()


def test_culls_back_faces_unless_two_sided() -> None:
    backwards = [LOWER_LEFT[0][::-1]]
    assert len(rasterize(triangles(LOWER_LEFT, [[1, 1, 1]]), 1, SIZE, SIZE).sample) > 1500
    assert len(rasterize(triangles(backwards, [[1, 1, 1]]), 1, SIZE, SIZE).sample) == 0
    assert len(rasterize(triangles(backwards, [[1, 1, 1]], two_sided=True), 1, SIZE, SIZE).sample) > 1500


def test_neighbours_leave_no_crack_and_a_fan_covers_once() -> None:
    angles = np.linspace(0, 2 * math.pi, 38)
    centre, rim = np.array([31.3, 30.7]), np.stack([31.3 + 29 * np.cos(angles), 30.7 - 29 * np.sin(angles)], 1)
    fan = np.stack([np.broadcast_to(centre, rim[:-1].shape), rim[:-1], rim[1:]], 1)
    visible = rasterize(triangles(fan, np.ones((37, 3))), 1, SIZE, SIZE)
    drawn = picture(torch.ones(len(visible.sample)), visible)[0].numpy()
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    assert (drawn[np.hypot(x - 31.3, y - 30.7) < 28.8] == 1).all()
    assert len(torch.unique(visible.sample)) == len(visible.sample)


def test_depth_of_a_slanted_plane_is_perspective_correct() -> None:
    focal, slope, offset = 60.0, 0.7, 2.0  # the plane z = offset + slope * x
    corners = np.array([[[0.0, 0.0], [0.0, 64.0], [64.0, 64.0]]])
    ray = (corners[..., 0] - 32) / focal
    depth = offset / (1 - slope * ray)
    given = triangles(corners, depth)
    visible = rasterize(given, 1, SIZE, SIZE)
    x = (visible.sample % SIZE) + 0.5
    expected = offset / (1 - slope * (x - 32) / focal)
    assert torch.allclose(1 / visible.inverse_depth, expected, rtol=1e-4)
    weights = barycentric_weights(given, visible, SIZE, SIZE)
    space_x = torch.as_tensor(depth * ray, dtype=torch.float32)[0]
    assert torch.allclose(weights @ space_x, expected * (x - 32) / focal, atol=2e-4)


def test_the_nearer_triangle_hides_the_farther_whatever_their_order() -> None:
    both = LOWER_LEFT * 2
    for near_first in (True, False):
        depth = [[1.0] * 3, [2.0] * 3] if near_first else [[2.0] * 3, [1.0] * 3]
        visible = rasterize(triangles(both, depth), 1, SIZE, SIZE)
        assert (visible.triangle == (0 if near_first else 1)).all()


def test_crossing_triangles_swap_where_they_cross() -> None:
    both = LOWER_LEFT * 2
    # Inverse depths 1..3 and 3..1 from left to right: they cross at the middle column.
    inverse = torch.tensor([[1.0, 1.0, 3.0], [3.0, 3.0, 1.0]])
    visible = rasterize(triangles(both, 1 / inverse), 1, SIZE, SIZE)
    column = visible.sample % SIZE
    assert (visible.triangle[column < 31] == 1).all()
    assert (visible.triangle[column > 32] == 0).all()


def test_pictures_of_a_batch_do_not_mix() -> None:
    visible = rasterize(triangles(LOWER_LEFT * 2, [[1.0] * 3, [2.0] * 3], image=[2, 0]), 3, SIZE, SIZE)
    drawn = picture(visible.inverse_depth, visible, 3)
    assert drawn[1].sum() == 0
    assert drawn[2].max() == pytest.approx(1.0) and drawn[0].max() == pytest.approx(0.5)


def test_behind_the_camera_is_not_drawn() -> None:
    given = Triangles(
        torch.tensor(LOWER_LEFT), torch.tensor([[1.0, 0.0, 1.0]]), torch.zeros(1, dtype=torch.int64), torch.ones(1, dtype=torch.bool)
    )
    assert len(rasterize(given, 1, SIZE, SIZE).sample) == 0


@pytest.mark.parametrize("solid", [ball, can, box])
def test_solids_are_closed_and_wound_outwards(solid: object) -> None:
    corners, normals = solid()  # type: ignore[operator]
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    volume = np.einsum("tk,tk->t", a, np.cross(b, c)).sum() / 6
    expected = {"ball": 4 / 3 * math.pi, "can": 2 * math.pi, "box": 8.0}[solid.__name__]  # type: ignore[attr-defined]
    assert volume == pytest.approx(expected, rel=0.08)
    flat = np.cross(b - a, c - a)
    real = np.linalg.norm(flat, axis=1) > 1e-9  # the poles of the ball are pinched
    assert (np.einsum("tk,tk->t", flat, normals.mean(1))[real] > 0).all()


def test_silhouette_and_depth_of_a_sphere() -> None:
    size, focal, distance, radius = 128, 200.0, 2.0, 0.4
    corners, _ = ball()
    space = torch.as_tensor(corners * radius + [0, 0, distance], dtype=torch.float32)
    screen = space[..., :2] / space[..., 2:] * focal + size / 2
    visible = rasterize(triangles(screen, space[..., 2]), 1, size, size)
    area = len(visible.sample)
    # A sphere's outline: tan of its half angle is r / sqrt(d^2 - r^2).
    expected = math.pi * (focal * radius / math.sqrt(distance**2 - radius**2)) ** 2
    assert 0.93 * expected < area < expected  # inscribed in the sphere with 16 segments
    assert float(1 / visible.inverse_depth.max()) == pytest.approx(distance - radius, rel=0.02)
