"""What can be said of a model file before anything runs it: whether it is one, and which other files it reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# The messages of onnx.proto that lead to tensors: field number -> the message in it. All else is passed over unread.
FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse_tensor"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse_tensor", 23: "sparse_tensor"},
    "sparse_tensor": {1: "tensor", 2: "tensor"},
    "tensor": {13: "external_data"},
}
DEEPEST = 64  # graphs in graphs; ONNX Runtime reads no deeper messages than 100
KEY, VALUE = 1, 2
FIXED_SIZES = {1: 8, 5: 4}  # wire type -> bytes


def what_it_is_instead(begin: bytes) -> str | None:
    """What a file that begins so is instead of an ONNX model, and what to do; None where that does not tell."""
    text = begin.lstrip().lower()
    if text.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS, not the file itself: git lfs pull"
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page, not a model: download the file itself"
    if begin.startswith(b"PK\x03\x04"):
        return "it is a ZIP archive or a PyTorch checkpoint: unpack or export it ('handmesh export', 'handmesh import-official')"
    if begin[4:8] == b"TFL3":
        return "it is a TensorFlow Lite model: convert it to ONNX"
    return "it holds zeros only" if begin and not begin.strip(b"\0") else None


def other_files(content: bytes) -> list[str]:
    """The names of the files that hold tensors of this model.

    Raises:
        ValueError: the content is no protobuf message.
    """
    return list(dict.fromkeys(_external_files(memoryview(content), "model", 0)))


def is_beside(path: Path, name: str) -> bool:
    """Whether a file that the model at ``path`` names lies beside it. Older versions of ONNX Runtime (seen: 1.23) read any.

    Raises:
        ValueError: no file can have such a name.
    """
    folders = {path.parent.resolve(), path.resolve().parent}  # of a link, and of what it leads to
    return not Path(name).is_absolute() and Path(path.parent, name).resolve().parent in folders


def _external_files(message: memoryview, kind: str, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        raise ValueError("messages too deep in one another")
    for number, value in _fields(message):
        inner = FIELDS[kind].get(number)
        if inner == "external_data":
            entry = {key: bytes(text) for key, text in _fields(value)}
            if entry.get(KEY) == b"location":
                yield os.fsdecode(entry.get(VALUE, b""))
        elif inner is not None:
            yield from _external_files(value, inner, depth + 1)


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a protobuf message that have a length, by number; numbers are passed over."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        wire_type = tag & 7
        if wire_type == 0:
            _, place = _varint(message, place)
        elif wire_type in FIXED_SIZES:
            place += FIXED_SIZES[wire_type]
        elif wire_type == 2:
            length, place = _varint(message, place)
            if place + length > len(message):
                raise ValueError("the file ends within a field")
            yield tag >> 3, message[place : place + length]
            place += length
        else:
            raise ValueError(f"unknown wire type {wire_type}")


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A number of variable length and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            raise ValueError("the file ends within a number")
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return value, place
    raise ValueError("a number without end")
