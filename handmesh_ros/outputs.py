"""Files that a user asked for: they take their name when they are whole, and never that of a file that is read.

An output is written into a file beside it, ``hands.part-x1y2.jsonl`` for ``hands.jsonl``, which is renamed when all is written. A run
that fails leaves the former ``hands.jsonl`` as it was, and what it had written in the other file.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from handmesh_ros.errors import HandmeshError, InputError


class OutputError(HandmeshError, OSError):
    """A file cannot be written; the message names it and the cause."""


class Output(Protocol):
    """What writers have in common: made for a ``with`` block, whose end without an error gives the file its name.

    Attributes:
        path: the file that the user asked for.
        remains: what a failed run leaves, None where nothing is left or nothing has failed.
    """

    path: Path
    remains: Path | None

    def __enter__(self) -> Output: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class UnfinishedFile:
    """A file on its way: ``working`` is where to write, :meth:`finish` gives it its name, :meth:`abandon` does not.

    What is no ordinary file, such as ``/dev/null`` or a pipe, is written to as it is. A link stays one: its target is written.

    Raises:
        OutputError: there cannot be such a file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._target = Path(os.path.realpath(path))
        self._is_special = self._target.exists() and not self._target.is_file()
        try:
            if self._target.exists() and not os.access(self._target, os.W_OK):
                raise PermissionError(0, "may not be written to")
            self.working = self._target if self._is_special else self._beside()
        except OSError as error:
            raise cannot_write(path, error) from error

    def _beside(self) -> Path:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        path = self._target.with_name(f"{self._target.stem}.part-{secrets.token_hex(2)}{self._target.suffix}")
        path.open("xb").close()
        if self._target.exists():
            path.chmod(self._target.stat().st_mode & 0o777)
        return path

    def finish(self) -> None:
        if not self._is_special:
            self.working.replace(self._target)

    def abandon(self) -> Path | None:
        """Leave what was written where it is; its name, or None where there is nothing to keep."""
        if self._is_special:
            return None
        if self.working.exists() and self.working.stat().st_size:
            return self.working
        self.discard()
        return None

    def discard(self) -> None:
        """Remove what was written: it is of no use."""
        if not self._is_special:
            self.working.unlink(missing_ok=True)


class LinesWriter:
    """Writes one JSON object a line (JSON Lines). Each line goes to the disk as a whole, so whatever ends the run leaves whole lines.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.remains: Path | None = None
        self._unfinished = UnfinishedFile(path)
        self._file = self._unfinished.working.open("wb", buffering=0)
        self._whole = 0  # bytes of whole lines

    def __enter__(self) -> LinesWriter:
        return self

    def write(self, record: dict[str, Any]) -> None:
        line = (json.dumps(record) + "\n").encode()
        try:
            written = 0
            while written < len(line):
                written += self._file.write(line[written:]) or 0
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self._whole += len(line)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None and self._file.seekable():
            self._file.truncate(self._whole)
        self._file.close()
        if kind is None:
            self._unfinished.finish()
        else:
            self.remains = self._unfinished.abandon()


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file at once.

    Raises:
        OutputError: it cannot be written; a former file of this name is as it was.
    """
    unfinished = UnfinishedFile(path)
    try:
        unfinished.working.write_bytes(content.encode() if isinstance(content, str) else content)
        unfinished.finish()
    except OSError as error:
        unfinished.discard()
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The error that names the file and the cause."""
    return OutputError(f"{path}: cannot be written: {error.strerror or error}")


def check_outputs(outputs: Iterable[Path], inputs: Sequence[Path]) -> None:
    """Refuse outputs that would destroy something: an input by whatever name, each other, a folder.

    Raises:
        InputError: the message names both.
    """
    read = {_identity(path): path for path in inputs if path.exists()}
    seen: dict[str, Path] = {}
    for output in outputs:
        if output.is_dir():
            raise InputError(f"{output}: a folder; give the name of a file to write")
        identity = _identity(output)
        if identity in read:
            raise InputError(f"{output}: would overwrite the input {read[identity]}; give the output another name")
        other = seen.setdefault(os.path.realpath(output).casefold(), output)
        if other is not output:
            raise InputError(f"{output} and {other}: two outputs in one file; give each a name of its own")


def _identity(path: Path) -> tuple[int, int] | None:
    """What a file is by whatever name (link, relative, other case); None where there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
