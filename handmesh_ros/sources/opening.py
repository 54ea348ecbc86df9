"""Which kind of source the user means."""

from __future__ import annotations

import mmap
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from handmesh_ros.sources.frames import FrameSource, SourceError
from handmesh_ros.sources.live import CameraSource
from handmesh_ros.sources.opencv_video import OpenCvVideo
from handmesh_ros.sources.pictures import PICTURE_SUFFIXES, PictureSource
from handmesh_ros.sources.with_pillow import PagesSource, holds_several, is_heic

LIVE_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtp", "udp", "tcp", "srt")  # the others may hold a recording


def open_source(text: str) -> FrameSource:
    """The source that ``text`` names: a file or folder if there is one of that name, else a camera's index or an address.

    Raises:
        SourceError: there is no such input, or it cannot be read.
    """
    if not text:
        raise SourceError("the input's name is empty")  # a variable of a shell that is not set; else it would be this folder
    scheme = urlsplit(text).scheme if "://" in text else ""
    path = Path(url2pathname(urlsplit(text).path)) if scheme == "file" else Path(text).expanduser()
    if scheme not in ("", "file"):
        return _at_address(text, scheme)
    if path.is_char_device():
        return CameraSource(text)
    if path.is_dir():
        return PictureSource(path)
    if path.is_file():
        return _of_file(path)
    if text.isdecimal():
        return CameraSource(int(text))
    raise SourceError(
        f"{text!r}: no such file or folder; give a video, a folder of pictures, a picture, a camera's index (0, 1, ...) or an address"
    )


def _of_file(path: Path) -> FrameSource:
    if not path.stat().st_size:
        raise SourceError(f"{path}: the file is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        several, heic = holds_several(content), is_heic(content)
    if several:
        return PagesSource(path)
    if path.suffix.lower() in PICTURE_SUFFIXES or heic:
        return PictureSource(path)
    return _video(path)


def _at_address(address: str, scheme: str) -> FrameSource:
    """A recording at the address, or what it sends now."""
    if scheme not in LIVE_SCHEMES:
        source = _video(address)
        if not source.is_live:
            return source
    return CameraSource(address)


def _video(where: Path | str) -> FrameSource:
    try:
        import av
    except ImportError:
        return OpenCvVideo(where)
    if not hasattr(av.VideoFrame, "rotation"):  # older than 14, as some distributions have it
        return OpenCvVideo(where)
    from handmesh_ros.sources.av_video import AvVideo

    return AvVideo(where)
