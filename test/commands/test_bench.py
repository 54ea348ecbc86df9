"""What ``handmesh bench`` offers."""

import json

import pytest

from handmesh_ros.cli import main
from handmesh_ros.commands.bench import BENCHES
from handmesh_ros.summary import Summary


def test_a_benchmark_that_is_not_there_is_named_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "filters"]) == 1
    told = capsys.readouterr().err
    assert "'filters'" in told and all(name in told for name in BENCHES)


def test_with_json_the_figures_of_each_benchmark_are_in_one_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(BENCHES, "stages", lambda _: Summary("  place   0.3 ms", {"place_ms": 0.3}))
    assert main(["bench", "stages", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"stages": {"place_ms": 0.3}}
    assert main(["bench", "stages"]) == 0
    assert capsys.readouterr().out == "== stages\n  place   0.3 ms\n"


@pytest.mark.parametrize("option", ["--minutes=0", "--minutes=nan", "--fuzz=0", "--seed=-1"])
def test_an_endurance_run_of_nothing_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "endurance", option]) == 1
    assert option.partition("=")[0] in capsys.readouterr().err
