"""Messages of any type with fields that no sender means."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from handmesh_ros.bench.fuzz.mutations import damaged

ODD_FLOATS = (0.0, -0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 1e-300, -1e300, 1e9, 4e6, 0.5, 640.0)
ODD_STRINGS = ("", "rgb8", "mono16", "bayer_rggb8", "16UC1", "32FC1", "nv21", "yuv422", "no such thing", "plumb_bob", "equidistant",
               "rational_polynomial", "jpeg", "compressedDepth", "a/b", "/", "x" * 3000, "\t\n", "camera_optical_frame", "é")  # fmt: skip
LONGEST_LIST = 40
MOST_ODD_FIELDS = 4
_LIST = re.compile(r"(sequence<(?P<sequence>.+?)(, \d+)?>|(?P<array>.+)\[(?P<length>\d+)\])$")
LARGEST_FLOATS = {"float": float(np.finfo(np.float32).max), "double": float(np.finfo(np.float64).max)}


class FieldPlace(NamedTuple):
    """A field of a message, or of a message inside it: its owner, its name, and its type as ROS writes it."""

    owner: Any
    name: str
    type_name: str


def fields_of(message: Any) -> Iterator[FieldPlace]:
    """All fields that hold numbers, texts, or lists of either, through messages in messages."""
    for name, type_name in message.get_fields_and_field_types().items():
        value = getattr(message, name)
        if hasattr(value, "get_fields_and_field_types"):
            yield from fields_of(value)
        elif isinstance(value, list | tuple) and len(value) and hasattr(value[0], "get_fields_and_field_types"):
            for part in value:
                yield from fields_of(part)
        elif "/" not in type_name:
            yield FieldPlace(message, name, type_name)


def make_wild(message: Any, rng: np.random.Generator) -> None:
    """Give one to four fields of a message values that no sender means."""
    places = list(fields_of(message))
    for index in rng.integers(0, len(places), rng.integers(1, MOST_ODD_FIELDS + 1)):
        place = places[index]
        setattr(place.owner, place.name, _odd_value(place.type_name, getattr(place.owner, place.name), rng))


def _odd_value(type_name: str, value: Any, rng: np.random.Generator) -> Any:
    found = _LIST.match(type_name)
    if not found:
        return _odd_single(type_name, rng)
    kind, length = found["sequence"] or found["array"], found["length"]
    if kind in ("uint8", "octet") and length is None:
        return _odd_bytes(bytes(value), rng)
    if rng.random() < 0.7 and len(value):  # one of them
        values = list(value)
        values[rng.integers(len(values))] = _odd_single(kind, rng)
        return values
    return [_odd_single(kind, rng) for _ in range(int(length) if length else rng.integers(0, LONGEST_LIST + 1))]


def _odd_bytes(value: bytes, rng: np.random.Generator) -> list[int] | bytes:
    kind = rng.integers(4)
    if kind == 0:
        return b""
    if kind == 1:
        return value[: int(rng.integers(0, len(value) + 1))]
    if kind == 2:
        return value + rng.bytes(int(rng.integers(1, 100)))
    return rng.bytes(min(len(value), 1 << 16))


def _odd_single(type_name: str, rng: np.random.Generator) -> Any:
    if type_name in LARGEST_FLOATS:
        value = float(rng.normal() * 10.0 ** rng.integers(-6, 7))
        if rng.random() < 0.6:
            value = ODD_FLOATS[rng.integers(len(ODD_FLOATS))]
        largest = LARGEST_FLOATS[type_name]
        return min(max(value, -largest), largest) if math.isfinite(value) else value
    if type_name == "boolean":
        return bool(rng.integers(2))
    if type_name == "octet":
        return bytes([rng.integers(256)])
    if type_name.startswith(("string", "wstring")):
        return ODD_STRINGS[rng.integers(len(ODD_STRINGS))]
    unsigned, bits = type_name.startswith("u"), int(re.sub(r"\D", "", type_name))
    low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    any_one = low + int.from_bytes(rng.bytes(8), "little") % (high - low + 1)
    choices = (low, high, 0, 1, 2, 3, min(high, 480), min(high, 640), any_one)
    return choices[rng.integers(len(choices))]


def malformed(content: bytes, rng: np.random.Generator, kept: int = 4) -> bytes:
    """A serialized message with damage behind its first bytes; not longer than it was, which DDS would not send."""
    return (content[:kept] + damaged(content[kept:], rng))[: len(content)]
