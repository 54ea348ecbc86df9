"""File names that OpenCV can take."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def name_for_opencv(path: Path) -> Iterator[str]:
    """A name of the file for OpenCV's videos, which end the process at names that are not UTF-8: there, that of a link.

    The file may be opened as long as the block lasts; what is open then stays so.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory(prefix="handmesh_name_") as folder:
            link = Path(folder) / f"link{path.suffix.encode(errors='replace').decode()}"
            link.symlink_to(path.absolute())
            yield str(link)
    else:
        yield str(path)
