"""How long each stage of a frame took."""

from __future__ import annotations

import time


class Stopwatch:
    """Adds up seconds by stage; ``restart`` begins a new frame."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def restart(self) -> None:
        self._seconds = {}

    def stage(self, name: str) -> Stage:
        """Counts the time inside a ``with`` block for this stage."""
        return Stage(self._seconds, name)

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of each stage since the last restart."""
        return dict(self._seconds)


class Stage:
    """A context manager; a class, because contextlib's would cost a tenth of a short stage."""

    def __init__(self, seconds: dict[str, float], name: str) -> None:
        self._seconds, self._name = seconds, name

    def __enter__(self) -> None:
        self._begin = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._seconds[self._name] = self._seconds.get(self._name, 0.0) + time.perf_counter() - self._begin
