"""Outputs get their name when they are whole, and nobody's file is destroyed on the way."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.paths import REPO

from handmesh_ros.errors import InputError
from handmesh_ros.outputs import LinesWriter, OutputError, check_outputs


def test_lines_appear_under_their_name_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "hands.jsonl"
    with LinesWriter(path) as lines:
        lines.write({"frame": 0})
        assert not path.exists()
        lines.write({"frame": 1})
    assert path.read_text() == '{"frame": 0}\n{"frame": 1}\n' and lines.remains is None
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_keeps_the_former_file_and_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "hands.jsonl"
    path.write_text("former")
    with pytest.raises(ZeroDivisionError), LinesWriter(path) as lines:
        lines.write({"frame": 0})
        raise ZeroDivisionError
    assert path.read_text() == "former"
    assert lines.remains is not None and lines.remains.read_text() == '{"frame": 0}\n'
    assert lines.remains.name.startswith("hands.part-") and lines.remains.suffix == ".jsonl"


def test_a_failure_before_the_first_line_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), LinesWriter(tmp_path / "hands.jsonl") as lines:
        raise ZeroDivisionError
    assert lines.remains is None and list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_whole_lines_and_is_named(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with (
            pytest.raises(OutputError, match=r"hands\.jsonl: cannot be written: File too large"),
            LinesWriter(tmp_path / "hands.jsonl") as lines,
        ):
            for frame in range(1000):
                lines.write({"frame": frame, "filler": "x" * 50})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert lines.remains is not None
    kept = [json.loads(line)["frame"] for line in lines.remains.read_text().splitlines()]
    assert kept == list(range(len(kept))) and 10 < len(kept) < 20
    assert lines.remains.read_bytes().endswith(b"\n")


def test_killed_in_the_middle_the_lines_until_then_are_whole(tmp_path: Path) -> None:
    program = f"""
import os
from pathlib import Path
from handmesh_ros.outputs import LinesWriter
with LinesWriter(Path({str(tmp_path / "hands.jsonl")!r})) as lines:
    for frame in range(7):
        lines.write({{"frame": frame}})
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=REPO, timeout=60).returncode == -9
    (remains,) = tmp_path.iterdir()
    assert [json.loads(line)["frame"] for line in remains.read_text().splitlines()] == list(range(7))


def test_a_link_stays_a_link_and_rights_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "target.jsonl", tmp_path / "link.jsonl"
    target.write_text("former")
    target.chmod(0o640)
    link.symlink_to(target)
    with LinesWriter(link) as lines:
        lines.write({})
    assert link.is_symlink() and target.read_text() == "{}\n" and target.stat().st_mode & 0o777 == 0o640


def test_what_is_no_ordinary_file_stays_what_it_is() -> None:
    with LinesWriter(Path("/dev/null")) as lines:
        lines.write({})
    assert Path("/dev/null").is_char_device()


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with LinesWriter(pipe) as lines:
        lines.write({"frame": 0})
    assert os.read(reader, 100) == b'{"frame": 0}\n' and pipe.is_fifo()
    os.close(reader)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"hands\.jsonl: cannot be written"):
        LinesWriter(tmp_path / "file" / "hands.jsonl")


def symbolic(tmp_path: Path) -> Path:
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "mine.mp4")
    return tmp_path / "link.jsonl"


def hard(tmp_path: Path) -> Path:
    os.link(tmp_path / "mine.mp4", tmp_path / "hard.jsonl")
    return tmp_path / "hard.jsonl"


NAMES_OF_THE_INPUT: dict[str, Callable[[Path], Path]] = {
    "its own": lambda folder: folder / "mine.mp4",
    "relative": lambda folder: Path("mine.mp4"),
    "detour": lambda folder: folder / "sub" / ".." / "mine.mp4",
    "symbolic link": symbolic,
    "hard link": hard,
    "through a linked folder": lambda folder: folder / "linked" / "mine.mp4",
    "non-UTF-8 link": lambda folder: folder / os.fsdecode(b"m\xe9.mp4"),
}


@pytest.mark.parametrize("name", NAMES_OF_THE_INPUT)
def test_the_input_is_refused_as_an_output_by_any_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.mp4").write_text("mine")
    (tmp_path / "sub").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path)
    (tmp_path / os.fsdecode(b"m\xe9.mp4")).symlink_to("mine.mp4")
    with pytest.raises(InputError, match=r"would overwrite the input .*mine\.mp4"):
        check_outputs([NAMES_OF_THE_INPUT[name](tmp_path)], [tmp_path / "other.yaml", tmp_path / "mine.mp4"])


def test_two_outputs_in_one_file_are_refused(tmp_path: Path) -> None:
    for second in ("out.mp4", "OUT.mp4", "new/../out.mp4"):
        with pytest.raises(InputError, match="two outputs"):
            check_outputs([tmp_path / "out.mp4", tmp_path / second], [])


def test_a_folder_is_refused_as_an_output(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder"):
        check_outputs([tmp_path], [])


def test_outputs_beside_the_input_are_fine(tmp_path: Path) -> None:
    (tmp_path / "mine.mp4").write_text("mine")
    (tmp_path / "old.jsonl").write_text("of an earlier run")
    check_outputs([tmp_path / "old.jsonl", tmp_path / "new.mp4"], [tmp_path / "mine.mp4", tmp_path / "missing.yaml"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "hands.jsonl"
    path.write_text("mine")
    path.chmod(0o444)
    with pytest.raises(OutputError, match="may not be written") as caught:
        LinesWriter(path)
    assert isinstance(caught.value.__cause__, PermissionError) and caught.value.__cause__.errno != errno.ENOSPC
