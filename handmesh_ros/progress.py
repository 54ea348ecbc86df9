"""What long work shows while it lasts: one line on stderr, the same in every command."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TypeVar

REFRESH_S = 0.2  # a line in a terminal is as old as that
LOG_S = 30.0  # between the lines of a log: 120 an hour
RATE_OVER_S = 30.0  # the rate is that of the last so many seconds: a fast beginning promises nothing for the end

Item = TypeVar("Item")

_quiet = False
_shown: list[Progress] = []  # the line in the terminal, and those that wait below it


class Progress:
    """``my.mp4: 120 of 300 frames, 31.2/s, 0:05 left; a hand in 118, 2 left out``, as long as the ``with`` block lasts.

    In a terminal the line is kept up to date in its place and goes at the end, else a new one comes every 30 s. Threads may share it.

    Args:
        what: is worked on.
        total: how many there are; None: nobody knows.
        unit: what is counted.
        done: before this run.
        shown: False for all but one of several processes that do the same.
    """

    def __init__(self, what: str, total: int | None, unit: str = "frames", *, done: int = 0, shown: bool = True) -> None:
        self._what, self._total, self._unit, self._done, self._note = what, total, unit, done, ""
        self._is_shown = shown and not _quiet and sys.stderr is not None
        self._in_place = self._is_shown and sys.stderr.isatty()
        self._width = 0
        self._lock = threading.Lock()
        self._told_s = time.monotonic()
        self._history = deque([(self._told_s, done)])

    def __enter__(self) -> Progress:
        if self._in_place:
            if _shown:
                _shown[-1]._draw("")
            _shown.append(self)
            self._draw(self._line())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._in_place:
            self._draw("")
            _shown.remove(self)

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """So many more are done; ``note`` is what else there is to say, until the next one."""
        with self._lock:
            self._show(self._done + count, note)

    def reach(self, done: int, note: str | None = None) -> None:
        """So many are done by now."""
        with self._lock:
            self._show(done, note)

    def _show(self, done: int, note: str | None) -> None:
        self._done = done
        if note is not None:
            self._note = note
        now = time.monotonic()
        if self._is_shown and now - self._history[-1][0] >= REFRESH_S:
            self._history.append((now, done))
            while now - self._history[1][0] > RATE_OVER_S:
                self._history.popleft()
            if self._in_place:
                self._draw(self._line())
            elif now - self._told_s >= LOG_S:
                self._told_s = now
                print(self._line(), file=sys.stderr, flush=True)

    def _line(self) -> str:
        (first_s, first), (last_s, last) = self._history[0], self._history[-1]
        of_all = "" if self._total is None else f" of {self._total}"
        line = f"{self._what}: {self._done}{of_all} {self._unit}"
        if last > first:
            rate = (last - first) / (last_s - first_s)
            line += f", {rate:.1f}/s" if rate >= 1 else f", {1 / rate:.1f} s each"
            if self._total is not None:
                line += f", {clock(max(0, self._total - self._done) / rate)} left"
        return f"{line}; {self._note}" if self._note else line

    def _draw(self, line: str) -> None:
        """In place of what stands there; spaces instead of codes, which not every terminal knows."""
        line = line[: _columns() - 1]
        sys.stderr.write(f"\r{line:<{self._width}}" if line else f"\r{'':<{self._width}}\r")
        sys.stderr.flush()
        self._width = len(line)


def _columns() -> int:
    """Of the terminal; some do not tell."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80


def progress_over(items: Collection[Item], what: str, unit: str = "frames") -> Iterator[Item]:
    """The items, one after the other, with a line of progress."""
    with Progress(what, len(items), unit) as progress:
        for item in items:
            yield item
            progress.advance()


def say(text: str) -> None:
    """A line for people on stderr while the work goes on, above its progress; not with ``--quiet``."""
    if not _quiet and sys.stderr is not None:
        if _shown:
            _shown[-1]._draw("")
        print(text, file=sys.stderr, flush=True)


def hands_so_far(with_hand: int, left_out: int) -> str:
    """The note of work on frames: in how many there was a hand, and how many parts of the input gave none."""
    return f"a hand in {with_hand}, {left_out} left out" if left_out else f"a hand in {with_hand}"


def clock(seconds: float) -> str:
    """``1:02:03``, or ``2:03`` below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def silenced(quiet: bool) -> Iterator[None]:
    """With ``quiet`` nothing of this file is shown while the block lasts."""
    global _quiet
    before, _quiet = _quiet, quiet
    try:
        yield
    finally:
        _quiet = before
