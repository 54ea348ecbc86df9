"""Damage: bytes to other bytes, by a seeded generator alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

Damage = Callable[[bytes, np.random.Generator], bytes]

MOST_CHANGES = 4  # of one input: more leave nothing that a reader would get far into
LONGEST_SPAN = 256  # bytes that are moved, doubled or removed at once
# What lengths and counts are rarely tried with, as the 4 bytes of either order.
ODD_NUMBERS = [
    value.to_bytes(4, order) for value in (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF) for order in ("little", "big")
]
# What values of YAML and JSON are rarely tried with; the last ones are known to hurt: nesting, an alias, an object, a very long number.
ODD_WORDS = [b"", b"0", b"-1", b"1e400", b".nan", b"NaN", b".inf", b"-Infinity", b"null", b"true", b"''", b"[]", b"{}", b"\xff\xfe",
             b"[" * 2000, b"&a [*a, *a]", b"!!python/object/apply:os.getpid []", b"9" * 400, b"0x10", b"2001-01-01", b"\xc3\xa9" * 40,
             b"../../etc/passwd", b"- - - -", b"a: {b: {c: [1, 2", b"\n  ", b"\t", b"\0"]  # fmt: skip
WORD = re.compile(rb"[^\s:,\[\]{}\"']+")


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes changed, moved, doubled, removed, or the end cut off; now and then nothing that was there is left."""
    if not content or rng.random() < 0.01:
        return rng.bytes(int(rng.integers(0, 2000)))
    for _ in range(rng.integers(1, MOST_CHANGES + 1)):
        content = _BYTE_CHANGES[rng.integers(len(_BYTE_CHANGES))](content, rng)
    return content


def damaged_text(content: bytes, rng: np.random.Generator) -> bytes:
    """Words of a text changed for others that it holds or for odd ones; one time in four, any bytes of it."""
    if rng.random() < 0.25:
        return damaged(content, rng)
    for _ in range(rng.integers(1, MOST_CHANGES + 1)):
        words = list(WORD.finditer(content))
        if not words:
            return damaged(content, rng)
        place = words[rng.integers(len(words))]
        word = words[rng.integers(len(words))][0] if rng.random() < 0.3 else ODD_WORDS[rng.integers(len(ODD_WORDS))]
        content = content[: place.start()] + word + content[place.end() :]
    return content


def _span(content: bytes, rng: np.random.Generator) -> tuple[int, int]:
    begin = int(rng.integers(0, len(content) + 1))
    return begin, begin + int(rng.integers(1, min(LONGEST_SPAN, len(content) + 1) + 1))


def _other_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for place in rng.integers(0, len(content), rng.integers(1, 9)) if content else ():
        changed[place] = rng.integers(256)
    return bytes(changed)


def _a_bit(content: bytes, rng: np.random.Generator) -> bytes:
    if not content:
        return content
    place = int(rng.integers(len(content)))
    return content[:place] + bytes([content[place] ^ (1 << int(rng.integers(8)))]) + content[place + 1 :]


def _odd_number(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(0, len(content) + 1))
    return content[:place] + ODD_NUMBERS[rng.integers(len(ODD_NUMBERS))] + content[place + 4 :]


def _removed(content: bytes, rng: np.random.Generator) -> bytes:
    begin, end = _span(content, rng)
    return content[:begin] + content[end:]


def _doubled(content: bytes, rng: np.random.Generator) -> bytes:
    begin, end = _span(content, rng)
    return content[:end] + content[begin:]


def _moved(content: bytes, rng: np.random.Generator) -> bytes:
    begin, end = _span(content, rng)
    rest, place = content[:begin] + content[end:], int(rng.integers(0, len(content) + 1))
    return rest[:place] + content[begin:end] + rest[place:]


def _zeros(content: bytes, rng: np.random.Generator) -> bytes:
    begin, end = _span(content, rng)
    return content[:begin] + bytes(len(content[begin:end])) + content[end:]


def _inserted(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(0, len(content) + 1))
    return content[:place] + rng.bytes(int(rng.integers(1, 17))) + content[place:]


def _cut_off(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(0, len(content) + 1))]


# Twice the ones that leave most of the content as it is.
_BYTE_CHANGES: tuple[Damage, ...] = (
    _other_bytes, _a_bit, _odd_number, _other_bytes, _a_bit, _odd_number, _removed, _doubled, _moved, _zeros, _inserted, _cut_off,
)  # fmt: skip
