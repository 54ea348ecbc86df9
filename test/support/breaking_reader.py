"""A reader that fails in every way there is, as its input says: for tests of who watches it."""

from __future__ import annotations

import ctypes
import time

import numpy as np

from handmesh_ros.bench.fuzz.trial import FuzzTarget, FuzzTrial
from handmesh_ros.errors import InputError

KINDS = ("good", "refused", "broken", "memory", "wrong", "slow", "killed", "stuck")


def use(content: bytes) -> str:
    """Does what the input says."""
    if content == b"refused":
        raise InputError("no")
    if content == b"broken":
        raise KeyError("x")
    if content == b"memory":
        np.ones(1 << 30)
    if content == b"slow":
        time.sleep(0.3)
    if content == b"killed":
        ctypes.string_at(0)
    if content == b"stuck":
        time.sleep(1000)
    return "a hand in nothing" if content == b"wrong" else ""


def make(rng: np.random.Generator) -> bytes:
    return KINDS[rng.integers(len(KINDS))].encode()


def find(name: str) -> FuzzTarget:
    return FuzzTarget(name, 1.0, lambda _: FuzzTrial(make, use), hang_s=0.2)
