"""What is tried: who makes broken inputs, and who has to cope with them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handmesh_ros.bench.fuzz.mutations import Damage, damaged

HANG_S = 2.0  # a node that takes longer over one input stands still for whoever waits for it


@dataclass(frozen=True)
class FuzzTrial:
    """A reader ready to be tried.

    Attributes:
        make: an input, by a seeded generator alone.
        use: reads it, and says what is wrong with what it took for good; empty where nothing is. Raises a HandmeshError where it refuses
            the input; whatever else it raises is a fault.
    """

    make: Callable[[np.random.Generator], bytes]
    use: Callable[[bytes], str]


@dataclass(frozen=True)
class FuzzTarget:
    """A reader to be tried.

    Attributes:
        share: of all inputs, compared with other targets'; dear ones get fewer.
        prepare: the trial, with a folder for its files.
        needs: packages without which it is left out.
        hang_s: an input that takes longer is a fault.
    """

    name: str
    share: float
    prepare: Callable[[Path], FuzzTrial]
    needs: tuple[str, ...] = ()
    hang_s: float = HANG_S


def generator_of(seed: int, target: str, number: int) -> np.random.Generator:
    """The generator of one input, whatever was tried before it."""
    return np.random.default_rng([seed, zlib.crc32(target.encode()), number])


def shares(count: int, targets: Sequence[FuzzTarget]) -> dict[str, int]:
    """How many of ``count`` inputs each target gets, by name: one at least."""
    total = sum(target.share for target in targets)
    return {target.name: max(1, round(count * target.share / total)) for target in targets}


def file_trial(path: Path, seeds: Sequence[bytes], read: Callable[[Path], Any], damage: Damage = damaged) -> FuzzTrial:
    """A reader of a file of this name, tried with damaged versions of some good ones."""
    path.parent.mkdir(parents=True, exist_ok=True)

    def make(rng: np.random.Generator) -> bytes:
        return damage(seeds[int(rng.integers(len(seeds)))], rng)

    def use(content: bytes) -> str:
        path.write_bytes(content)
        read(path)
        return ""

    for seed in seeds:
        use(seed)  # it could be read before
    return FuzzTrial(make, use)
