"""How large a picture may be: a few hundred bytes can claim gigabytes."""

from __future__ import annotations

import os

# Set by handmesh_ros/__init__.py before OpenCV is imported, unless the user has: 67 million, so that what phones of 64 MPix take fits;
# about 0.4 GB are needed while it is decoded.
MAX_PIXELS = int(os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"])
ADVICE_SMALLER = "make it smaller, or set OPENCV_IO_MAX_IMAGE_PIXELS"


def too_large(width: int, height: int) -> str:
    """Why a picture of this size is not read."""
    return f"{width}x{height} pixels, more than the {MAX_PIXELS} that are read: {ADVICE_SMALLER}"
