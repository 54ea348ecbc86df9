"""One picture, or a folder of pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.sources.frames import DEFAULT_RATE, Frame, FrameSource, LeftOut, SourceError

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp")


class PictureSource(FrameSource):
    """One picture, or the pictures of a folder in natural order (2.png before 10.png).

    Raises:
        SourceError: the folder holds no picture.
    """

    def __init__(self, path: Path, rate: float = DEFAULT_RATE) -> None:
        super().__init__(str(path))
        self.rate = rate
        self.is_single = path.is_file()
        named = [path] if self.is_single else _named_as_pictures(path)
        self.files, self._no_pictures = [], []
        for file in named:
            why = _no_picture(file)
            if why is None:
                self.files.append(file)
            else:
                self._no_pictures.append(LeftOut(str(file), why))
        self.frame_count = len(self.files)

    def _frames(self) -> Iterator[Frame]:
        self.left_out += self._no_pictures
        for index, path in enumerate(self.files):
            try:
                rgb = read_picture(path)
            except (SourceError, OSError) as error:
                if self.is_single:
                    raise
                self.left_out.append(LeftOut(str(path), str(error).removeprefix(f"{path}: ")))
                continue
            yield Frame(index, index / self.rate, rgb)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB.

    Raises:
        SourceError: the file is no picture, or too large a one.
        OSError: it cannot be read.
    """
    # Read by Python: cv2.imread cannot open every file name.
    data = np.frombuffer(path.read_bytes(), np.uint8)
    if not data.size:
        raise SourceError(f"{path}: the file is empty")
    try:
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise SourceError(f"{path}: OpenCV refuses this picture ({error.err})") from error
    if bgr is None:
        raise SourceError(f"{path}: not a picture that OpenCV can read; it may be damaged")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _named_as_pictures(folder: Path) -> list[Path]:
    paths = [path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES]
    if not paths:
        raise SourceError(f"{folder}: no pictures in this folder (looked for {', '.join(PICTURE_SUFFIXES)})")
    return sorted(paths, key=lambda path: [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", path.name)])


def _no_picture(path: Path) -> str | None:
    """Why this file of a picture's name is none; None where it may be one."""
    if path.is_dir():
        return "a folder"
    if not path.is_file():
        return "no ordinary file"
    if path.name.startswith("._"):
        return "what macOS keeps of another file, no picture"
    return None
