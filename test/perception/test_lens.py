"""Lenses: there and back, and no ray where the lens sees none."""

import numpy as np
import pytest

from handmesh_ros.perception.lens import Fisheye, Lens, Pinhole, Polynomial

LENSES: dict[str, Lens] = {
    "pinhole": Pinhole(),
    "barrel": Polynomial(np.array([-0.45, 0.20, 0.001, -0.002, 0.0])),
    "rational": Polynomial(np.array([0.5, 0.2, 0.001, -0.002, 0.02, 0.6, 0.3, 0.05])),
    "fisheye": Fisheye(np.array([-0.01, 0.02, -0.003, 0.001])),
}


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES)
def test_there_and_back(lens: Lens) -> None:
    rays = np.stack(np.meshgrid(np.linspace(-0.6, 0.6, 13), np.linspace(-0.45, 0.45, 11)), -1).reshape(-1, 2)
    np.testing.assert_allclose(lens.undistort(lens.distort(rays)), rays, atol=1e-9)


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES)
def test_the_axis_is_not_bent_and_nothing_is_no_trouble(lens: Lens) -> None:
    np.testing.assert_allclose(lens.distort(np.zeros((1, 2))), 0, atol=1e-15)
    assert lens.distort(np.zeros((0, 2))).shape == lens.undistort(np.zeros((0, 2))).shape == (0, 2)


def test_a_barrel_folds_back_and_shows_nothing_beyond() -> None:
    """r (1 - 0.3 r^2) is largest, 0.7027, at r = 1.054: r = 1 and r = 1.107 are both bent to 0.7, and only the first is seen."""
    lens = Polynomial(np.array([-0.3, 0.0, 0.0, 0.0]))
    np.testing.assert_allclose(lens.undistort(np.array([[0.7, 0.0], [0.71, 0.0]])), [[1, 0], [np.nan, np.nan]], atol=1e-9)


def test_nothing_is_seen_on_the_axiss_other_side() -> None:
    """Far out a barrel's polynomial changes its sign: a ray of the left is bent to the right again."""
    barrel = Polynomial(np.array([-0.3, 0.0, 0.0, 0.0, 0.0]))
    mirrored = np.array([[-2.23, 0.3], [-2.24, 0.0], [-2.3, -0.2]])
    bent = barrel.distort(mirrored)
    assert (bent[:, 0] > 1.0).all()
    assert np.isnan(barrel.undistort(bent)).all()


def test_a_fisheye_sees_no_right_angle() -> None:
    assert np.isnan(Fisheye(np.zeros(4)).undistort(np.array([[np.pi / 2 + 0.01, 0]]))).all()
