"""``python -m benchmarks``."""

from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS, main


def test_a_benchmark_is_run_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["markers", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "== markers" in printed and "times cheaper" in printed and "== filters" not in printed


def test_a_benchmark_that_is_not_there_is_named_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["stages"])
    assert exit_.value.code == 2
    told = capsys.readouterr().err
    assert "'stages'" in told and all(name in told for name in BENCHMARKS)
