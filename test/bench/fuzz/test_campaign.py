"""Whatever an input does to its reader is seen, counted, and can be had again."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.breaking_reader import KINDS, find, make, use

pytest.importorskip("rclpy", reason="needs ROS 2")

from handmesh_ros.bench.fuzz import campaign
from handmesh_ros.bench.fuzz.campaign import fuzz, tried
from handmesh_ros.bench.fuzz.targets import TARGETS
from handmesh_ros.bench.fuzz.trial import FuzzTarget, FuzzTrial, file_trial, generator_of, shares
from handmesh_ros.errors import InputError


def test_every_kind_of_failure_is_counted_and_its_input_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "KILL_AFTER_S", 0.5)
    count = 8
    inputs = [make(generator_of(684, "all", number)) for number in range(count)]
    assert set(inputs) == {kind.encode() for kind in KINDS}, "choose another seed"
    (result,) = fuzz(find, ["all"], count, 684, tmp_path / "failures")
    expected = {"good": "accepted", "refused": "refused", "broken": "error", "memory": "error", "wrong": "wrong output", "slow": "slow",
                "killed": "crash", "stuck": "hang"}  # fmt: skip
    for kind, outcome in expected.items():
        same = sum(content.decode() in [name for name, other in expected.items() if other == outcome] for content in inputs)
        assert result.kinds[outcome] == same, kind
    assert result.tried == count and result.failed == count - result.kinds["accepted"] - result.kinds["refused"]
    assert result.failures["crash", "signal 11"] == [number for number, content in enumerate(inputs) if content == b"killed"]
    assert any(what.startswith("KeyError") for _, what in result.failures)
    for path in result.kept:
        assert path.read_bytes() == inputs[int(path.name.rpartition("_")[2])]


def test_inputs_are_shared_out() -> None:
    targets = [FuzzTarget("a", 3.0, lambda _: FuzzTrial(make, use)), FuzzTarget("b", 1.0, lambda _: FuzzTrial(make, use))]
    assert shares(1000, targets) == {"a": 750, "b": 250}
    assert shares(1, targets) == {"a": 1, "b": 1}


def test_an_input_does_not_depend_on_those_before() -> None:
    assert generator_of(1, "image", 5).bytes(8) == generator_of(1, "image", 5).bytes(8)
    assert len({generator_of(*key).bytes(8) for key in [(1, "image", 5), (2, "image", 5), (1, "film", 5), (1, "image", 6)]}) == 4


def test_a_reader_that_refuses_its_own_good_file_is_no_target(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        file_trial(tmp_path / "x", [b"refused"], lambda path: use(path.read_bytes()))


# Those that load networks or films take longer; `handmesh bench endurance` has them all.
@pytest.mark.parametrize("name", [name for name in TARGETS if name not in ("noise", "camera_info of a hand", "film")])
@pytest.mark.filterwarnings("ignore")
def test_readers_take_or_refuse_what_is_broken(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    for package in target.needs:
        pytest.importorskip(package)
    trial = target.prepare(tmp_path)
    for number in range(12):
        outcome = tried(trial, trial.make(generator_of(0, name, number)), target.hang_s)
        assert outcome.kind in ("accepted", "refused"), f"input {number}: {outcome}"
