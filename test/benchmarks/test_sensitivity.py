"""What half and twice of a default does."""

from __future__ import annotations

from functools import partial

import pytest

from benchmarks.filters.former.belief import MotionParameters
from benchmarks.filters.former.still_or_moving import StillOrMoving
from benchmarks.filters.position import PositionBench
from benchmarks.filters.sensitivity import OF_POSITION, SensitivityRow, position_sensitivity
from benchmarks.filters.tables import sensitivity_table


def test_each_row_has_one_number_changed() -> None:
    rows = {(row.parameter, row.factor): row.figures for row in position_sensitivity(seconds=6.0, seeds=(0,))}
    assert len(rows) == 1 + 2 * len(vars(MotionParameters()))
    bench = PositionBench(seconds=6.0)
    for key, parameters in {
        ("(all)", 1.0): MotionParameters(),
        ("acceleration_mps2", 2.0): MotionParameters(acceleration_mps2=6.0),
    }.items():
        figures = bench.measure(partial(StillOrMoving, parameters))
        assert rows[key] == pytest.approx({name: getattr(figures, name) for name in OF_POSITION})
    assert rows["still_drift_m_per_sqrt_s", 2.0]["jitter_mm"] > rows["still_drift_m_per_sqrt_s", 0.5]["jitter_mm"]


def test_table_has_a_line_for_each_parameter() -> None:
    lags = {("(all)", 1.0): 8.0, ("noise_m", 0.5): 9.5, ("noise_m", 2.0): 7.0}
    lines = sensitivity_table([SensitivityRow(name, factor, {"lag_ms": lag}) for (name, factor), lag in lags.items()]).splitlines()
    assert lines[0] == "| parameter | changed to | lag ms |"
    assert lines[2:] == ["| (all) | as they are | 8.00 |", "| noise_m | half / twice | 9.50 / 7.00 |"]
