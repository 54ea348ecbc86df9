"""A few seconds of everything, over real DDS, with its report."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from handmesh_ros.bench.endurance import soak as soak_module
from handmesh_ros.bench.endurance.faults import FAULTS
from handmesh_ros.bench.endurance.report import FUZZ_HEADER, aims_table, fuzz_aims, fuzz_failures, fuzz_line, soak_aims, soak_table
from handmesh_ros.bench.fuzz.campaign import FuzzResult


def test_a_short_run_finds_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak_module, "WARM_UP_S", 0.5)
    monkeypatch.setattr(soak_module, "RECOVERY_S", 1.0)
    short = [replace(fault, seconds=0.7) for fault in FAULTS if fault.name in ("clock jumps", "services and parameters hammered")]
    result = soak_module.soak(3.0, 0, short)
    table = soak_table(result)
    assert result.calm.good == 90 and result.calm.answered > 3 and result.samples
    assert [part.name for part in result.faults] == [fault.name for fault in short] and all(fault.name in table for fault in short)
    assert (result.deaths, result.wrong, result.lost) == ((), {}, {}), table
    assert result.asked == result.answered > 10
    assert result.counts["hands"] > 5 and result.counts["/diagnostics"] > 0 and result.counts["mesh_faces"] > 0
    aims = soak_aims(result, 3.0)
    assert [aim.met for aim in aims] == [True, True, True, True, True, None, None], aims_table(aims)
    # ... and what is found is told.
    silent = replace(result.calm, name="clock jumps", with_hands=0, median_ms=math.nan, p99_ms=math.nan)
    more = (result.samples[0], result.samples[0]._replace(handles=900))
    worse = replace(result, samples=more, slope_mb=5.0, watched_s=3000.0,
                    deaths=("hand_node during 'x'",), wrong=Counter(nan=2), faults=(silent,),
                    answered=result.asked - 1, last=replace(result.last, p99_ms=2 * result.first.p99_ms))  # fmt: skip
    assert [aim.met for aim in soak_aims(worse, 3600.0)] == [False] * 7
    assert "ENDED BY ITSELF: hand_node" in soak_table(worse)


def test_what_broken_inputs_did_is_told() -> None:
    good, bad = FuzzResult("image", 7), FuzzResult("film", 7)
    good.kinds.update(accepted=3, refused=5)
    assert [aim.met for aim in fuzz_aims([good])] == [True] * 4
    bad.kinds.update(error=2, crash=1, slow=1, refused=4)
    bad.kinds["wrong output"] = 1
    bad.failures["error", "KeyError at a.py:3"] = [4, 9]
    assert [aim.met for aim in fuzz_aims([good, bad])] == [False] * 4
    assert "KeyError at a.py:3 (2 inputs of seed 7: 4, 9)" in fuzz_failures([good, bad]) and fuzz_failures([good]) == ""
    assert fuzz_line(good).split() == ["image", "8", "3", "5", "0", "0.00", "0"] and len(fuzz_line(bad)) == len(FUZZ_HEADER)
    assert "MISSED" in aims_table(fuzz_aims([bad])) and "met" in aims_table(fuzz_aims([good]))
