"""Vectors of three, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handmesh_ros.perception.vectors import (
    ORIGIN,
    across_and_along,
    cross,
    direction,
    dot,
    least,
    length,
    minus,
    plus,
    plus_two,
    ray_covariance,
    row_crosses,
    row_dots,
    squares_across_and_along,
    times,
    vector_of,
)

NUMBERS = st.floats(-10.0, 10.0)
VECTORS = st.tuples(NUMBERS, NUMBERS, NUMBERS)
RAY = direction((0.3, -0.2, 0.9))


@given(a=VECTORS, b=VECTORS, factor=NUMBERS)
def test_single_vectors_are_what_numpy_makes_of_them(a: tuple, b: tuple, factor: float) -> None:
    x, y = np.array(a), np.array(b)
    assert dot(a, b) == pytest.approx(x @ y)
    assert cross(a, b) == pytest.approx(np.cross(x, y))
    assert length(a) == pytest.approx(np.linalg.norm(x))
    assert minus(a, b) == pytest.approx(x - y)
    assert times(factor, a) == pytest.approx(factor * x)
    assert plus(a, factor, b) == pytest.approx(x + factor * y)
    assert plus_two(a, factor, b, -2.0, a) == pytest.approx(factor * y - x)
    assert vector_of(x) == a


def test_rows_are_what_numpy_makes_of_them() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 4, 5, 3))
    assert row_dots(a, b)[..., 0] == pytest.approx((a * b).sum(axis=-1))
    assert row_crosses(a, b) == pytest.approx(np.cross(a, b))
    assert least(a) == a.min()


def test_a_direction_has_length_one_and_nothing_has_none() -> None:
    assert length(direction((3.0, 4.0, 12.0))) == pytest.approx(1.0)
    assert direction(ORIGIN) == ORIGIN


@given(vector=VECTORS)
def test_across_and_along_make_the_vector_again(vector: tuple) -> None:
    across, along = across_and_along(vector, RAY)
    assert dot(across, RAY) == pytest.approx(0.0, abs=1e-9)
    assert plus(across, along, RAY) == pytest.approx(vector, abs=1e-9)
    assert squares_across_and_along(vector, RAY) == pytest.approx((dot(across, across) / 2.0, along**2), abs=1e-9)


def test_a_rays_covariance_has_its_variances_along_and_across_it() -> None:
    covariance = ray_covariance(RAY, 2.0, 5.0)
    assert covariance @ RAY == pytest.approx(5.0 * np.array(RAY))
    across = np.cross(RAY, (1.0, 0.0, 0.0))
    assert covariance @ across == pytest.approx(2.0 * across)
    assert np.linalg.eigvalsh(covariance) == pytest.approx([2.0, 2.0, 5.0])
