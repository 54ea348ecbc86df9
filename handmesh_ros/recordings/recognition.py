"""Which files are ROS recordings, by their names."""

from __future__ import annotations

import re
from pathlib import Path

STORAGES = (".mcap", ".db3")


def is_bag(path: Path) -> bool:
    """Whether this is the file or folder of a ROS recording."""
    if path.is_dir():
        return (path / "metadata.yaml").is_file() or bool(storages_in(path))
    return path.is_file() and path.suffix.lower() in (*STORAGES, ".bag")


def storages_in(folder: Path) -> list[Path]:
    """The files with messages of a recording's folder, in the order in which they were written."""
    return sorted((path for path in folder.iterdir() if path.suffix.lower() in STORAGES), key=_natural)


def _natural(path: Path) -> list[int | str]:
    """bag_2.mcap comes before bag_10.mcap."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", path.name)]
