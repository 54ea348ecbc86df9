"""What a process holds, and whether it becomes more."""

import os

import numpy as np
import pytest

from handmesh_ros.bench.endurance.process_watch import process_sample, slope_per_hour

TIMES = np.arange(0.0, 3600.0, 5.0)


def test_this_process_is_looked_at() -> None:
    sample = process_sample(os.getpid(), 3.0)
    assert sample is not None and sample.time_s == 3.0
    assert sample.resident_mb > sample.own_mb > 5 and sample.threads >= 1 and sample.handles >= 3
    assert process_sample(2**22 + 1, 0.0) is None


def test_a_leak_is_found_under_noise() -> None:
    noise = np.random.default_rng(0).normal(0, 0.5, len(TIMES))
    assert slope_per_hour(TIMES.tolist(), (100 + 2.0 * TIMES / 3600 + noise).tolist()) == pytest.approx(2.0, abs=0.3)


def test_a_single_step_is_no_leak() -> None:
    assert slope_per_hour(TIMES.tolist(), np.where(TIMES < 1200, 100.0, 100.8).tolist()) == pytest.approx(0.0, abs=1e-9)
    assert slope_per_hour([0.0], [100.0]) == 0.0
