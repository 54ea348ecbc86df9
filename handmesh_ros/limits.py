"""How large a picture may be: a few hundred bytes can claim gigabytes."""

from __future__ import annotations

MAX_PIXELS = 1 << 26  # 67 million; what phones of 64 MPix take fits, and about 0.4 GB are needed while it is decoded


def too_large(width: int, height: int) -> str:
    """Why a picture of this size is not read."""
    return f"{width}x{height} pixels, more than the {MAX_PIXELS} that are read: make it smaller"
