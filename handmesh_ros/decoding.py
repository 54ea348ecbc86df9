"""A compressed picture to an array, of a file or of a message. Never trusts the bytes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import HandmeshError
from handmesh_ros.limits import ADVICE_SMALLER, MAX_PIXELS

# Nothing in a JPEG's compressed part can look like these markers.
JPEG_BEGIN, JPEG_SCAN, JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
# Its chunks: length (4 bytes), kind (4), content, checksum (4).
PNG_BEGIN, PNG_LAST_CHUNK, PNG_CHUNK_FRAME = b"\x89PNG\r\n\x1a\n", b"IEND", 12


class PictureError(HandmeshError, ValueError):
    """The bytes are no picture that can be used; the message says why, and not whose they are."""


class UnknownPictureError(HandmeshError, ValueError):
    """OpenCV makes no picture of the bytes: another format, or damaged."""


def decode_picture(data: bytes) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of a JPEG, PNG or whatever else OpenCV knows.

    Raises:
        PictureError: empty, cut off, larger than :data:`MAX_PIXELS`.
        UnknownPictureError: damaged, or of a kind that OpenCV does not know.
    """
    if not data:
        raise PictureError("empty")
    if data.startswith(JPEG_BEGIN) and data.rfind(JPEG_END) <= data.rfind(JPEG_SCAN):
        # OpenCV would make it half a picture and grey below.
        raise PictureError(f"the JPEG of {len(data)} bytes has no end: truncated on its way")
    if data.startswith(PNG_BEGIN) and _ends_within_a_chunk(data):
        # OpenCV (seen: 4.14) takes the memory for what a chunk claims before it reads it: 125 bytes took 1.4 GB.
        raise PictureError(f"the PNG of {len(data)} bytes ends within a part of it: damaged, or truncated on its way")
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        if "IMAGE_PIXELS" in str(error):
            raise PictureError(f"claims to have more than the {MAX_PIXELS} pixels that are read: {ADVICE_SMALLER}") from error
        raise PictureError(f"OpenCV refuses it ({error.err})") from error
    if bgr is None:
        raise UnknownPictureError(f"{len(data)} bytes that cannot be decoded: damaged data")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _ends_within_a_chunk(png: bytes) -> bool:
    place = len(PNG_BEGIN)
    while place < len(png):
        length, kind = int.from_bytes(png[place : place + 4], "big"), png[place + 4 : place + 8]
        place += PNG_CHUNK_FRAME + length
        if kind == PNG_LAST_CHUNK:
            break  # what comes behind is not read
    return place > len(png)
