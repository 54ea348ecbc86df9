"""How long each stage of a frame took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Adds up seconds by stage; ``restart`` begins a new frame."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def restart(self) -> None:
        self._seconds = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - begin

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of each stage since the last restart."""
        return dict(self._seconds)
