"""The records of both packages: ``==``, ``in`` and ``hash`` work on them, whatever they hold."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from support.known_hand import known_hand
from support.paths import REPO

NEEDS = {"handmesh_ros": "rclpy", "handmesh_training": "torch"}
OPTIONAL = ("mujoco", "mink", "rerun", "rosbags", "mcap")  # of the simulated robot, and of recordings
ARRAYS = ("numpy.ndarray", "torch.Tensor")


def records(package: str) -> Iterator[type]:
    """The dataclasses that a package defines."""
    for path in sorted((REPO / package).rglob("*.py")):
        if path.stem != "__main__":
            try:
                module = importlib.import_module(".".join(path.relative_to(REPO).with_suffix("").parts).removesuffix(".__init__"))
            except ModuleNotFoundError as error:
                if error.name not in OPTIONAL:
                    raise
                continue
            yield from (c for c in vars(module).values() if dataclasses.is_dataclass(c) and c.__module__ == module.__name__)


def holds_an_array(hint: Any) -> bool:
    kind = get_origin(hint) or hint
    name = f"{getattr(kind, '__module__', '')}.{getattr(kind, '__qualname__', '')}"
    return name in ARRAYS or any(holds_an_array(part) for part in get_args(hint))


@pytest.mark.parametrize("package", NEEDS)
def test_dataclasses_that_hold_arrays_compare_by_identity(package: str) -> None:
    """The equality that dataclass writes would ask an array whether it is true, which raises."""
    if find_spec(NEEDS[package]) is None or not (REPO / package).is_dir():
        pytest.skip(f"{package} needs {NEEDS[package]}")
    with_arrays = []
    for record in records(package):
        hints = get_type_hints(record)
        if any(holds_an_array(hints[field.name]) for field in dataclasses.fields(record)):
            with_arrays.append(record)
    assert with_arrays, "the walk finds records"
    assert [record for record in with_arrays if record.__eq__ is not object.__eq__] == []


def test_hands_can_be_compared_and_kept_in_sets() -> None:
    hand, same_numbers = known_hand(), known_hand()
    assert hand == hand and hand != same_numbers
    assert hand in [same_numbers, hand]
    assert len({hand, same_numbers, hand}) == 2
    assert not holds_an_array(tuple[float, ...]) and holds_an_array(dict[str, np.ndarray | None])
