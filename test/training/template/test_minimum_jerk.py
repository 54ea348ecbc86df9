"""Minimum jerk."""

from __future__ import annotations

import numpy as np
import pytest

from handmesh_training.template.minimum_jerk import minimum_jerk


def test_minimum_jerk_starts_and_ends_at_rest() -> None:
    part = np.linspace(0, 1, 1001)
    way = minimum_jerk(part)
    assert way[0] == 0 and way[-1] == 1 and way[500] == pytest.approx(0.5)
    speed = np.gradient(way, part)
    assert speed.max() == pytest.approx(1.875, abs=1e-3)
    assert speed[0] < 1e-3 and speed[-1] < 1e-3
