"""Small recordings for tests: films of any times, damaged and turned ones."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

av = pytest.importorskip("av", reason="recordings are made with PyAV")

WIDTH, HEIGHT = 64, 48
VARIABLE_MS = [33 * number for number in range(12)] + [396 + 100 * number for number in range(8)]  # 30 a second, then 10
TURNS = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}  # clockwise degrees -> a b c d of the track header's matrix


def gray(number: int) -> int:
    """What brightness frame ``number`` of a film has."""
    return 20 + 10 * (number % 20)


def write_film(path: Path, stamps_ms: Sequence[int], codec: str = "libx264", gop: int = 8, corner: bool = False, **options: str) -> Path:
    """A film whose frames have these times, each of its own brightness; with ``corner`` dark red at the top left.

    ``options`` are the container's."""
    tick = Fraction(33, 1000) if path.suffix == ".avi" else Fraction(1, 100) if codec == "gif" else Fraction(1, 1000)  # AVI has one rate
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=1 / tick if path.suffix == ".avi" else 30)
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = {"mjpeg": "yuvj420p", "gif": "gray", "apng": "rgb24"}.get(codec, "yuv420p")
        stream.time_base = stream.codec_context.time_base = tick
        stream.codec_context.gop_size = gop
        for number, stamp in enumerate(stamps_ms):
            rgb = np.full((HEIGHT, WIDTH, 3), gray(number), np.uint8)
            if corner:
                rgb[: HEIGHT // 2, : WIDTH // 2] = (120, 0, 0)
            picture = av.VideoFrame.from_ndarray(rgb, "rgb24")
            picture.pts, picture.time_base = round(stamp / 1000 / tick), tick
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def packet_places(path: Path) -> list[tuple[int, int, bool]]:
    """Of every packet of the film: where it begins in the file, its bytes, and whether it is a key frame."""
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size, packet.is_keyframe) for packet in container.demux(video=0) if packet.size]


def damage(path: Path, packets: Sequence[int], byte: int = 0) -> Path:
    """Overwrite these packets of the film."""
    data = bytearray(path.read_bytes())
    places = packet_places(path)
    for number in packets:
        begin, size, _ = places[number]
        data[begin : begin + size] = bytes([byte]) * size
    path.write_bytes(data)
    return path


def turn(path: Path, degrees: int) -> Path:
    """Write into an MP4 that it is to be shown turned clockwise, as phones do."""
    data = bytearray(path.read_bytes())
    matrix = data.find(b"tkhd") + 44  # ISO 14496-12, version 0
    a, b, c, d = (65536 * value for value in TURNS[degrees])
    data[matrix : matrix + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path
