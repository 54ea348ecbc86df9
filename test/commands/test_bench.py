"""What ``handmesh bench`` offers."""

import pytest

from handmesh_ros.cli import main
from handmesh_ros.commands.bench import BENCHES


def test_a_benchmark_that_is_not_there_is_named_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "filters"]) == 1
    told = capsys.readouterr().err
    assert "'filters'" in told and all(name in told for name in BENCHES)


@pytest.mark.parametrize("option", ["--minutes=0", "--minutes=nan", "--fuzz=0", "--seed=-1"])
def test_an_endurance_run_of_nothing_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "endurance", option]) == 1
    assert option.partition("=")[0] in capsys.readouterr().err
