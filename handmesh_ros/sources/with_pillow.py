"""Pictures that OpenCV cannot read, and files that hold several: HEIC, animated WebP and PNG, TIFF of many pages. With Pillow."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.limits import MAX_PIXELS, too_large
from handmesh_ros.sources.frames import DEFAULT_RATE, UNDECODABLE, Frame, FrameSource, LeftOut, SourceError

if TYPE_CHECKING:
    from PIL import Image

HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
BROKEN = (OSError, EOFError, SyntaxError, ValueError, struct.error)  # what Pillow raises at damaged files
PNG_HEAD = 1 << 20  # bytes within which a PNG says whether it is animated, before its first picture
WITHOUT_WHITE = ("F", "I")  # modes of 32 bits, which Pillow would cut off at 255
ADVICE = "pip install pillow pi-heif"


class PagesSource(FrameSource):
    """An animated picture, with its own times, or the pages of a TIFF, 30 a second.

    Raises:
        SourceError: Pillow is missing, or cannot read it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.files = [path]
        with path.open("rb") as file, opened(path, file) as image:
            self.frame_count = getattr(image, "n_frames", 1)
            self.is_single = self.frame_count == 1
            length_s = sum(self._durations(image))
        self.rate = self.frame_count / length_s

    def _frames(self) -> Iterator[Frame]:
        stamp_s = 0.0
        with self.files[0].open("rb") as file, opened(self.files[0], file) as image:
            for number in range(self.frame_count or 1):
                try:
                    image.seek(number)
                    rgb, duration_s = _upright(image), _duration(image)
                except BROKEN:
                    self.left_out.append(LeftOut(f"frame {number}", UNDECODABLE))
                    duration_s = 1 / self.rate
                else:
                    yield Frame(number, stamp_s, rgb)
                stamp_s += duration_s

    def _durations(self, image: Image.Image) -> Iterator[float]:
        for number in range(self.frame_count or 1):
            with suppress(*BROKEN):
                image.seek(number)
            yield _duration(image)


def picture_with_pillow(path: Path, data: bytes) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB, upright; of several the first.

    Raises:
        SourceError: Pillow is missing, or cannot read it.
    """
    with opened(path, io.BytesIO(data)) as image:
        return _upright(image)


@contextmanager
def opened(path: Path, file: BinaryIO) -> Iterator[Image.Image]:
    """The file's picture, nothing of it decoded yet."""
    heic = is_heic(file.read(12))
    file.seek(0)
    try:
        from PIL import Image

        if heic:
            import pi_heif

            pi_heif.register_heif_opener()
    except ImportError as error:
        kind = "a HEIC picture, which needs" if heic else "holds several pictures, which needs"
        raise SourceError(f"{path}: {kind} Pillow{' and pi-heif' if heic else ''}: {ADVICE}") from error
    try:
        with Image.open(file) as image:
            if image.width * image.height > MAX_PIXELS:
                raise SourceError(f"{path}: {too_large(*image.size)}")
            if image.mode in WITHOUT_WHITE:
                raise SourceError(
                    f"{path}: its pixels are numbers of 32 bits, and nothing says which of them is white; save it with 8 or 16"
                )
            yield image
    except SourceError:
        raise
    except (Image.DecompressionBombError, *BROKEN) as error:
        raise SourceError(f"{path}: not a picture that can be read; it may be damaged") from error


def is_heic(data: bytes | mmap) -> bool:
    """Whether these are the first bytes of a HEIC picture, as phones write them, also under another name."""
    return data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS


def holds_several(data: bytes | mmap) -> bool:
    """Whether a WebP or PNG is animated, or a TIFF has more than one page."""
    if data[:4] == b"\x89PNG":
        return 0 <= data.find(b"acTL", 0, PNG_HEAD) < data.find(b"IDAT", 0, PNG_HEAD)
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X":
        return bool(data[20] & 2)
    if data[:4] in (b"II*\0", b"MM\0*"):
        order = "<" if data[:2] == b"II" else ">"
        try:
            (first,) = struct.unpack_from(f"{order}I", data, 4)
            (entries,) = struct.unpack_from(f"{order}H", data, first)
            (second,) = struct.unpack_from(f"{order}I", data, first + 2 + 12 * entries)
        except struct.error:
            return False
        return bool(second)
    return False


def _upright(image: Image.Image) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):  # which Pillow's conversion would cut off at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return np.asarray(image.convert("RGB"), np.uint8)


def _duration(image: Image.Image) -> float:
    """How long this picture of several is shown, seconds."""
    milliseconds = float(image.info.get("duration") or 0)
    return milliseconds / 1000 if milliseconds > 0 else 1 / DEFAULT_RATE
