"""Which files are ROS recordings, by their names, and frames of whatever a user names."""

from __future__ import annotations

import re
from pathlib import Path

from handmesh_ros.errors import InputError
from handmesh_ros.sources import FrameSource, open_source

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


def open_input(text: str, topic: str | None) -> FrameSource:
    """Frames of a video, folder, picture or camera, or of the images on this topic of a ROS recording.

    Raises:
        HandmeshError: it cannot be opened, or a topic is given for what is no recording of ROS.
    """
    path = Path(text).expanduser()
    if is_bag(path):
        from handmesh_ros.recordings.bag_source import BagSource  # needs rosbags, which other inputs do without

        return BagSource(path, topic)
    if topic:
        raise InputError(f"--topic: {text} is no ROS recording (.mcap, .db3, or their folder)")
    return open_source(text)
