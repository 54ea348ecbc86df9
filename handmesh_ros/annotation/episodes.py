"""One episode's pictures out of a file that holds several: a stretch of a video, or rows of a parquet file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handmesh_ros.decoding import decode_picture
from handmesh_ros.sources import Frame, FrameSource, SourceError


@dataclass(frozen=True)
class EpisodePart:
    """Where an episode's pictures are in their file.

    Attributes:
        index: number of the episode.
        length: its frames.
        rate: frames a second.
        start_s: where it begins in a video.
        column: of a parquet file's pictures; empty: it is a video.
    """

    index: int
    length: int
    rate: float
    start_s: float = 0.0
    column: str = ""


class EpisodeSource(FrameSource):
    """The frames of an episode, numbered from 0, with stamps that begin at 0."""

    def __init__(self, path: Path, part: EpisodePart) -> None:
        super().__init__(str(path))
        self.files, self.rate, self.frame_count = [path], part.rate, part.length
        self._path, self._part = path, part

    def _frames(self) -> Iterator[Frame]:
        return episode_frames(self._path, self._part)


def episode_frames(path: Path, part: EpisodePart) -> Iterator[Frame]:
    """The frames of an episode, numbered from 0, with stamps that begin at 0.

    Raises:
        SourceError: the file cannot be read, or holds fewer frames.
    """
    pictures = _rows(path, part) if part.column else _stretch(path, part)
    count = 0
    for count, rgb in enumerate(pictures, 1):
        yield Frame(count - 1, (count - 1) / part.rate, rgb)
        if count == part.length:
            return
    raise SourceError(f"{path}: holds {count} of the {part.length} frames of episode {part.index}")


def _stretch(path: Path, part: EpisodePart) -> Iterator[np.ndarray]:
    import av
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()  # as in handmesh_ros/sources/av_video.py
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            begin = float((stream.start_time or 0) * (stream.time_base or 1))
            if part.start_s > 0.0:
                container.seek(int((begin + part.start_s) * av.time_base))  # the key frame before
            for picture in container.decode(stream):
                if (picture.time or 0.0) - begin > part.start_s - 0.5 / part.rate:
                    yield reformatter.reformat(picture, format="rgb24").to_ndarray()
    except (av.FFmpegError, IndexError, OSError) as error:
        raise SourceError(f"{path}: no video that can be read ({error})") from error


def _rows(path: Path, part: EpisodePart) -> Iterator[np.ndarray]:
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=[part.column, "frame_index"], filters=[("episode_index", "=", part.index)])
    for cell in table.sort_by("frame_index")[part.column]:
        value = cell.as_py()
        data = value["bytes"] if value.get("bytes") else (path.parent / value["path"]).read_bytes()
        yield decode_picture(data)
