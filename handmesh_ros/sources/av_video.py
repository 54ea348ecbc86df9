"""A video through PyAV, which tells of every frame its time and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from handmesh_ros.limits import MAX_PIXELS, too_large
from handmesh_ros.sources.frames import DEFAULT_RATE, NO_MORE, NOTHING_DECODED, UNDECODABLE, Frame, FrameSource, LeftOut, SourceError

if TYPE_CHECKING:
    from av.container import InputContainer

MAX_BROKEN_READS = 100  # reads in a row at which the file itself, not one frame, is broken: the rest is given up
END_S = 1.0  # sound may go on for less after the last picture
CONNECT_S, READ_S = 10.0, 10.0  # an address that does not answer
# Playlists and descriptions of streams, under whatever name, would open addresses; FFmpeg forbids that for the files that it opens itself.
FILES_ONLY = {"protocol_whitelist": "file,crypto,data"}


class AvVideo(FrameSource):
    """A video file, or one at an address; stamps are the film's own, from its beginning.

    Raises:
        SourceError: no video, or one with larger pictures than are read.
    """

    def __init__(self, where: Path | str) -> None:
        super().__init__(str(where))
        self.files = [where] if isinstance(where, Path) else []
        with self._open() as (container, stream):
            rate = float(stream.average_rate or stream.base_rate or 0)
            self.rate = rate if 0 < rate < 1000 else DEFAULT_RATE
            self.frame_count = stream.frames or None
            self.is_live = container.duration is None and not self.files

    def _frames(self) -> Iterator[Frame]:
        given, number, packets, stamp_s = 0, 0, 0, 0.0
        reformatter = VideoReformatter()  # one for all: a frame's own is prepared anew, which takes longer than its work
        with self._open() as (container, stream):
            counted = stream.frames
            begin = float(stream.start_time * stream.time_base) if stream.start_time is not None and stream.time_base else None
            length_s = (container.duration or 0) / av.time_base
            for packet in self._packets(container, stream):
                packets += bool(packet.size)
                try:
                    pictures = packet.decode()
                except av.FFmpegError:
                    self.left_out.append(LeftOut(f"frame {number}", UNDECODABLE))
                    number += 1
                    continue
                for picture in pictures:
                    if picture.is_corrupt:
                        self.left_out.append(LeftOut(f"frame {number}", UNDECODABLE))
                    else:
                        begin = picture.time if begin is None else begin
                        stamp_s = number / self.rate if picture.time is None else picture.time - begin
                        yield Frame(number, stamp_s, _upright(picture, reformatter))
                        given += 1
                    number += 1
            if "matroska" in container.format.name:
                length_s -= begin or 0.0  # counted from zero, wherever the film begins
        if not given:
            raise SourceError(f"{self.name}: {NOTHING_DECODED}")
        if packets < counted:
            self.left_out.append(LeftOut(f"{counted - packets} frames", "the file ends before them"))
        elif number < counted:
            self.left_out.append(LeftOut(f"{counted - number} frames", "the decoder makes no picture of them"))
        elif not counted and length_s - stamp_s > END_S:
            self.left_out.append(LeftOut(f"{stamp_s:.2f} s to {length_s:.2f} s", NO_MORE))

    def _packets(self, container: InputContainer, stream: VideoStream) -> Iterator[av.Packet[VideoStream]]:
        """What the file holds of the stream; goes on behind what cannot be read."""
        failures, cause = 0, ""
        while failures < MAX_BROKEN_READS:
            try:
                for packet in container.demux(stream):
                    failures = 0
                    yield packet
                return
            except (av.FFmpegError, OSError) as error:
                failures, cause = failures + 1, str(error)
        self.left_out.append(LeftOut("the rest", f"the file cannot be read any further ({cause})"))

    @contextmanager
    def _open(self) -> Iterator[tuple[InputContainer, VideoStream]]:
        with ExitStack() as stack:
            try:
                # A file opened by Python: PyAV takes no name that is not UTF-8.
                file = stack.enter_context(self.files[0].open("rb")) if self.files else self.name
                options = FILES_ONLY if self.files else {}
                container = stack.enter_context(av.open(file, "r", options=options, timeout=(CONNECT_S, READ_S)))
            except (av.FFmpegError, OSError) as error:
                raise SourceError(f"{self.name}: neither a video nor a picture that can be read ({error.strerror})") from error
            except UnicodeDecodeError as error:  # PyAV reads what is written about the film, too
                raise SourceError(f"{self.name}: not a video that can be read (what is written about it is no text)") from error
            stream = container.streams.best("video")
            # PyAV gives a stream whose codec FFmpeg does not know no codec context.
            if not isinstance(stream, VideoStream) or stream.codec_context is None:
                raise SourceError(f"{self.name}: holds no video" + (" of a known codec" if stream is not None else ""))
            if stream.width * stream.height > MAX_PIXELS:
                raise SourceError(f"{self.name}: {too_large(stream.width, stream.height)}")
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}  # the header above may lie
            yield container, stream


def _upright(picture: av.VideoFrame, reformatter: VideoReformatter) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB as the film says that it is to be shown."""
    rgb = np.asarray(reformatter.reformat(picture, format="rgb24").to_ndarray(), np.uint8)
    quarters = round(picture.rotation / 90)  # counter-clockwise
    return np.ascontiguousarray(np.rot90(rgb, quarters)) if quarters else rgb
