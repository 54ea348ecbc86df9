"""Quaternions against transforms3d's, and where it is hardest: at half turns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transforms3d.euler import euler2mat
from transforms3d.quaternions import mat2quat

from handmesh_ros.perception.quaternions import quaternions_xyzw

angles = st.floats(-np.pi, np.pi)


@given(angles, angles, angles)
def test_quaternions_are_those_of_transforms3d_in_xyzw_order(a: float, b: float, c: float) -> None:
    rotation = euler2mat(a, b, c)
    w, x, y, z = mat2quat(rotation)
    found = quaternions_xyzw(rotation[None])[0]
    assert abs(found @ [x, y, z, w]) == pytest.approx(1, abs=1e-9)  # q and -q are the same rotation
    assert found[3] >= 0 and np.linalg.norm(found) == pytest.approx(1)


@pytest.mark.parametrize("axis", range(3))
def test_half_turns_have_exact_quaternions(axis: int) -> None:
    rotation = np.diag([1.0 if i == axis else -1.0 for i in range(3)])
    np.testing.assert_allclose(np.abs(quaternions_xyzw(rotation[None])[0]), np.eye(4)[axis], atol=1e-12)
