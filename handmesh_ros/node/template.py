"""Messages serialized once and then patched.

Making and serializing a message of many parts (poses, points) costs Python up to tens of milliseconds, but only its numbers change from
frame to frame. So it is serialized once with recognisable numbers, marks, in the places that change, the places are found in the bytes,
and from then on a frame only writes its numbers there.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import DTypeLike, NDArray
from rclpy.serialization import serialize_message
from std_msgs.msg import Header

# Numbers that no real message holds: a coordinate near 1e300, a stamp of the year 2035.
MARK = 1.2345678901234e300
MARK_BYTES = np.float64(MARK).tobytes()
MARKED_STAMP = Time(sec=0x7A6B5C4D, nanosec=987_654_321)
STAMP = struct.Struct("=iI")


def marked_header(frame_id: str) -> Header:
    return Header(stamp=MARKED_STAMP, frame_id=frame_id)


class SerializedTemplate:
    """The bytes of one message. Its places are asked for in the order in which they stand in the message."""

    def __init__(self, message: Any) -> None:
        self._bytes = bytearray(serialize_message(message))
        self._end = 0  # of the last place
        self._stamps: list[slice] = []

    def place(self, dtype: DTypeLike, count: int, mark: bytes = MARK_BYTES) -> NDArray[Any]:
        """A view of ``count`` numbers, of which the first holds the mark, into the bytes; ``b""``: those after the last place."""
        begin = self._bytes.index(mark, self._end)
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
