"""The root of every error that this project raises on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REASON_CHARACTERS = 300  # of another library's error, which may quote the whole file


class HandmeshError(Exception):
    """Something outside the code is not as it should be: an input, a file, a setting, the machine.

    The message names it and says what to do, so who reads it needs no traceback. Every error class of ``handmesh_ros`` and
    ``handmesh_training`` descends from this one and most also from ValueError or RuntimeError. Whatever else is raised is a fault of the
    code.
    """


class InputError(HandmeshError, ValueError):
    """A setting or an input that cannot be used."""


@contextmanager
def reading(path: Path, kind: str, error: type[HandmeshError]) -> Iterator[None]:
    """Whatever the block raises becomes an ``error`` that names the file and says what it should be, such as "labels of crops".

    For readers of archives, YAML, JSON, pickles and checkpoints: damaged ones raise nearly anything, also for lack of memory. An error of
    the project's own that names the file already passes.
    """
    try:
        yield
    except Exception as cause:
        if isinstance(cause, HandmeshError):
            if str(path) in str(cause):
                raise
            raise error(f"{path}: {cause}") from cause
        reason = " ".join(str(cause).split())[:REASON_CHARACTERS] or type(cause).__name__
        raise error(f"{path}: not {kind} ({reason})") from cause
