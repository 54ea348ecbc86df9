"""One picture, or a folder of pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.decoding import PictureError, UnknownPictureError, decode_picture
from handmesh_ros.limits import MAX_PIXELS
from handmesh_ros.sources.frames import DEFAULT_RATE, Frame, FrameSource, LeftOut, SourceError
from handmesh_ros.sources.with_pillow import holds_several, picture_with_pillow

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp", ".heic", ".heif", ".avif")
MAX_BYTES = 8 * MAX_PIXELS + (1 << 20)  # four channels of 16 bit, and what is written about the picture
MIN_SIDE = 16  # pixels; in less no palm is found, and no calibration makes sense


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
    """(H, W, 3) uint8 RGB, upright.

    Raises:
        SourceError: the file is no picture, too large or too small a one, or holds several.
        OSError: it cannot be read.
    """
    if path.stat().st_size > MAX_BYTES:
        raise SourceError(f"{path}: {path.stat().st_size} bytes, more than a picture of {MAX_PIXELS} pixels needs")
    data = path.read_bytes()  # by Python: cv2.imread cannot open every file name
    if holds_several(data):
        raise SourceError(f"{path}: holds several pictures; give it by itself")
    try:
        rgb = decode_picture(data)
    except UnknownPictureError:
        rgb = picture_with_pillow(path, data)
    except PictureError as error:
        raise SourceError(f"{path}: {error}") from error
    height, width = rgb.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise SourceError(f"{path}: {width}x{height} pixels are too few for a hand")
    return rgb


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
