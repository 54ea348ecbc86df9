"""What long work shows: in a terminal one line in its place, in a log a line now and then, with --quiet nothing."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
import time

import pytest
from support.paths import REPO

from handmesh_ros import progress as shown
from handmesh_ros.progress import Progress, clock, hands_so_far, progress_over, say, silenced

PROGRAM = """
import time
from handmesh_ros.progress import Progress, say
with Progress("work", 40) as progress:
    for number in range(4):
        time.sleep(0.25)
        progress.advance(10, f"a hand in {number}")
    say("half way")
print("done", flush=True)
"""


def test_in_a_terminal_the_line_is_kept_in_its_place_and_goes_at_the_end() -> None:
    terminal, inside = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=REPO, stdout=inside, stderr=inside) as program:
        program.wait(60)
    os.close(inside)
    text = os.read(terminal, 1 << 16).decode()
    os.close(terminal)
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", text)]
    assert lines[1] == "work: 0 of 40 frames"
    assert any(re.fullmatch(r"work: 20 of 40 frames, \d+\.\d/s, 0:0[01] left; a hand in 1", line) for line in lines)
    assert text.count("\n") == 2 and lines[-3:] == ["half way", "done", ""]


def test_in_a_log_a_line_comes_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(shown, "LOG_S", 0.5)
    with Progress("work", None, "clips", done=5) as progress:
        for _ in range(7):
            time.sleep(0.1)
            progress.advance(note=hands_so_far(3, 1))
    printed = capsys.readouterr()
    assert re.fullmatch(r"work: 1\d clips, \d+\.\d/s; a hand in 3, 1 left out\n", printed.err) and printed.out == ""


def test_what_is_slow_says_how_long_one_takes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(shown, "LOG_S", 0.0)
    monkeypatch.setattr(shown, "REFRESH_S", 0.0)
    with Progress("work", 7200) as progress:
        time.sleep(1.05)
        progress.advance()
    assert re.fullmatch(r"work: 1 of 7200 frames, 1\.\d s each, 2:\d\d:\d\d left\n", capsys.readouterr().err)


def test_quiet_shows_nothing_and_holds_for_its_block_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "LOG_S", 0.0)
    monkeypatch.setattr(shown, "REFRESH_S", 0.0)
    with silenced(True):
        assert list(progress_over([1, 2], "work")) == [1, 2]
        say("a note")
    assert capsys.readouterr().err == ""
    assert list(progress_over([1, 2], "work")) == [1, 2]
    say("a note")
    assert "work: 2 of 2 frames" in (told := capsys.readouterr().err) and told.endswith("a note\n")


def test_threads_may_share_it() -> None:
    with Progress("work", 40_000) as progress:
        threads = [threading.Thread(target=lambda: [progress.advance() for _ in range(10_000)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert "40000 of 40000" in progress._line()
        progress.reach(7, "as far as that")
        assert progress._line().endswith("as far as that") and "7 of 40000" in progress._line()


def test_times_are_as_on_a_clock() -> None:
    assert [clock(seconds) for seconds in (0.4, 59.6, 123, 3723)] == ["0:00", "1:00", "2:03", "1:02:03"]
