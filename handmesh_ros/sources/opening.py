"""Which kind of source the user means."""

from __future__ import annotations

from pathlib import Path

from handmesh_ros.sources.frames import FrameSource, SourceError
from handmesh_ros.sources.live import CameraSource
from handmesh_ros.sources.pictures import PICTURE_SUFFIXES, PictureSource
from handmesh_ros.sources.videos import VideoSource


def open_source(text: str) -> FrameSource:
    """The source that ``text`` names: a file or folder if there is one of that name, else a camera's index or address.

    Raises:
        SourceError: there is no such input, or it cannot be read.
    """
    path = Path(text).expanduser()
    if "://" in text or path.is_char_device():
        return CameraSource(text)
    if path.is_dir() or (path.is_file() and path.suffix.lower() in PICTURE_SUFFIXES):
        return PictureSource(path)
    if path.is_file():
        return VideoSource(path)
    if text.isdecimal():
        return CameraSource(int(text))
    raise SourceError(f"{text!r}: no such file or folder; give a video, a folder of pictures, a picture, or a camera's index (0, 1, ...)")
