"""Where frames come from: a video, a folder of pictures, one picture or a camera. Without ROS."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import HandmeshError

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
DEFAULT_RATE = 30.0  # of pictures and of devices that do not tell theirs, Hz


class SourceError(HandmeshError, ValueError):
    """The input cannot be read; the message names it and says what to do."""


class Frame(NamedTuple):
    """One picture: its number from 0, its time in seconds, and (H, W, 3) uint8 RGB."""

    number: int
    stamp_s: float
    rgb: NDArray[np.uint8]


class FrameSource(ABC):
    """Yields frames in order; iterate again to start again (a camera just goes on).

    Attributes:
        name: what the user gave.
        rate: frames a second, nominal.
        frame_count: number of frames, None where it is unknown.
        is_live: True for a camera: frames come when they come and stamps are wall-clock time; otherwise stamps begin at 0.
        is_single: True for one picture.
    """

    name: str
    rate: float = DEFAULT_RATE
    frame_count: int | None = None
    is_live: bool = False
    is_single: bool = False

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None:  # noqa: B027 - most sources hold nothing open
        """Let go of the device or file; harmless when repeated."""


class PictureSource(FrameSource):
    """One picture, or the pictures of a folder in natural order (2.png before 10.png)."""

    def __init__(self, path: Path, rate: float = DEFAULT_RATE) -> None:
        self.name = str(path)
        self.rate = rate
        self.is_single = path.is_file()
        self._paths = [path] if self.is_single else _pictures_of(path)
        self.frame_count = len(self._paths)

    def __iter__(self) -> Iterator[Frame]:
        for index, path in enumerate(self._paths):
            yield Frame(index, index / self.rate, read_picture(path))


class VideoSource(FrameSource):
    """A video file; stamps are frame number / rate."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        capture = self._open()
        rate = capture.get(cv2.CAP_PROP_FPS)
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        capture.release()
        self.rate = rate if 0 < rate < 1000 else DEFAULT_RATE
        self.frame_count = int(count) if count > 0 else None

    def __iter__(self) -> Iterator[Frame]:
        capture = self._open()
        try:
            index = 0
            while True:
                read, bgr = capture.read()
                if not read:
                    break
                yield Frame(index, index / self.rate, _to_rgb(bgr))
                index += 1
            if index == 0:
                raise SourceError(f"{self.name}: no frame of this video can be decoded; play it to see whether it is whole")
        finally:
            capture.release()

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(self.name)
        if not capture.isOpened():
            raise SourceError(f"{self.name}: neither a video nor a picture that OpenCV can read")
        return capture


class CameraSource(FrameSource):
    """A camera by index (0, 1, ...), device path or stream address."""

    is_live = True

    def __init__(self, device: int | str) -> None:
        self.name = str(device)
        self._capture = cv2.VideoCapture(device)
        if not self._capture.isOpened():
            raise SourceError(
                f"camera {device}: cannot be opened; is it plugged in, used by another program, "
                "and may you read it (ls -l /dev/video*, group 'video')?"
            )
        # One buffered frame: an older picture is of no use to anybody.
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate < 1000 else DEFAULT_RATE

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while True:
            read, bgr = self._capture.read()
            if not read:
                raise SourceError(f"camera {self.name}: no more frames after {index}; was it unplugged?")
            yield Frame(index, time.time(), _to_rgb(bgr))
            index += 1

    def close(self) -> None:
        self._capture.release()


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


def _pictures_of(folder: Path) -> list[Path]:
    paths = [path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES]
    if not paths:
        raise SourceError(f"{folder}: no pictures in this folder (looked for {', '.join(PICTURE_SUFFIXES)})")
    return sorted(paths, key=lambda path: [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", path.name)])


def read_picture(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB.

    Raises:
        SourceError: the file is no picture.
    """
    # Read by Python: cv2.imread cannot open every file name on Windows.
    data = np.frombuffer(path.read_bytes(), np.uint8)
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if bgr is None:
        raise SourceError(f"{path}: not a picture that OpenCV can read; it may be empty or damaged")
    return _to_rgb(bgr)


def _to_rgb(bgr: np.ndarray) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
