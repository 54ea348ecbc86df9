"""``python -m benchmarks``."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import REPO

from benchmarks.__main__ import BENCHMARKS, main


def test_a_benchmark_is_run_by_name(tmp_path: Path) -> None:
    # In a process of its own: Fast DDS reads its profile once, with the first node of a process, and other tests need theirs.
    command = [sys.executable, "-m", "benchmarks", "markers", "--out", str(tmp_path)]
    result = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "== markers" in result.stdout and "times cheaper" in result.stdout and "== filters" not in result.stdout


def test_a_benchmark_that_is_not_there_is_named_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["stages"])
    assert exit_.value.code == 2
    told = capsys.readouterr().err
    assert "'stages'" in told and all(name in told for name in BENCHMARKS)
