"""Messages serialized once and then patched.

Making and serializing a message of many parts (poses, points) costs Python up to tens of milliseconds, but only its numbers change from
frame to frame. So it is serialized once with recognisable numbers, marks, in the places that change, the places are found in the bytes,
and from then on a frame only writes its numbers there.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from handmesh_ros.messages.types import Header, Time, serialize_message

# Numbers that no real message holds: a coordinate near 1e300, a stamp of the year 2035.
MARK = 1.2345678901234e300
MARK_BYTES = np.float64(MARK).tobytes()
MARKED_STAMP = Time(sec=0x7A6B5C4D, nanosec=987_654_321)
STAMP = struct.Struct("=iI")

TEMPLATES_KEPT = 8  # of each kind: two or three serve one camera; more come only where its frame_id changes
Template = TypeVar("Template")


def kept(make: Callable[..., Template]) -> Callable[..., Template]:
    """``make``, but what it was asked for lately is given again instead of made anew; its arguments must be hashable."""
    return lru_cache(TEMPLATES_KEPT)(make)


def marked_header(frame_id: str) -> Header:
    return Header(stamp=MARKED_STAMP, frame_id=frame_id)


class SerializedTemplate:
    """The bytes of one message. Its places are asked for in the order in which they stand in the message."""

    def __init__(self, message: Any) -> None:
        self._bytes = bytearray(serialize_message(message))
        self._end = 0  # of the last place
        self._stamps: list[slice] = []

    def place(self, dtype: DTypeLike, count: int, mark: bytes = MARK_BYTES) -> NDArray[Any]:
        """A view of ``count`` numbers, of which the first holds the mark, into the bytes."""
        return self._view(dtype, count, self._bytes.index(mark, self._end))

    def place_after(self, dtype: DTypeLike, count: int) -> NDArray[Any]:
        """A view of the ``count`` numbers that follow the last place."""
        return self._view(dtype, count, self._end)

    def _view(self, dtype: DTypeLike, count: int, begin: int) -> NDArray[Any]:
        view = np.frombuffer(self._bytes, dtype, count, begin)
        self._end = begin + view.nbytes
        return view

    def place_stamp(self) -> None:
        """The next marked header gets the stamp of the image."""
        begin = self._bytes.index(_serialized(MARKED_STAMP), self._end)
        self._end = begin + STAMP.size
        self._stamps.append(slice(begin, self._end))

    def message(self, stamp: Time) -> bytes:
        """What was written into the places, ready for ``Publisher.publish``."""
        serialized = _serialized(stamp)
        for place in self._stamps:
            self._bytes[place] = serialized
        return bytes(self._bytes)


def _serialized(stamp: Time) -> bytes:
    return STAMP.pack(stamp.sec, stamp.nanosec)
