"""Rotations as vectors and as matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handmesh_ros.perception.rotations import rotation_matrix, rotation_vector


@given(x=st.floats(-3, 3), y=st.floats(-3, 3), z=st.floats(-3, 3))
def test_rotation_vector_and_matrix_are_inverse(x: float, y: float, z: float) -> None:
    rotation = rotation_matrix(np.array([x, y, z]))
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-9)
    assert rotation_matrix(rotation_vector(rotation)) == pytest.approx(rotation, abs=1e-6)


def test_half_a_turn_has_an_axis() -> None:
    for axis in (np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.array([0.6, 0.0, -0.8])):
        vector = rotation_vector(rotation_matrix(axis * np.pi))
        assert np.linalg.norm(vector) == pytest.approx(np.pi)
        assert abs(vector @ axis) == pytest.approx(np.pi)
