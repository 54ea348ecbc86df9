"""Which room imports what, read from the files: for the test of the layers and for the picture of them.

A room is a folder right under `handmesh_ros` or `handmesh_training`, or a single file there (`hand.py` is the room `hand`); `benchmarks`
as a whole counts as one.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("handmesh_ros", "handmesh_training")
Importers = dict[str, dict[str, set[str]]]


@dataclass(frozen=True)
class Imports:
    """What the rooms of both packages import, also inside functions and for types only; the standard library excepted.

    Attributes:
        rooms: room -> other rooms of the two packages -> the files (`perception/place`) that import them.
        packages: room -> third-party packages -> files.
    """

    rooms: Importers
    packages: Importers

    @classmethod
    def read(cls, root: Path) -> Imports:
        """Of the repository at ``root``."""
        found = cls({}, {})
        for package in PACKAGES:
            for path in sorted((root / package).rglob("*.py")):
                parts = path.relative_to(root / package).with_suffix("").parts
                if parts != ("__init__",):
                    found._add(parts, path)
        return found

    def _add(self, parts: tuple[str, ...], path: Path) -> None:
        rooms, packages = (importers.setdefault(parts[0], defaultdict(set)) for importers in (self.rooms, self.packages))
        for name in imported(path):
            package, room, *_ = [*name.split("."), ""]
            if package not in (*PACKAGES, "benchmarks"):
                packages[package].add("/".join(parts))
            elif room not in ("", parts[0]):
                rooms[room if package in PACKAGES else package].add("/".join(parts))


def rooms_of(root: Path, package: str) -> dict[str, list[str]]:
    """The rooms of a package and, of each, the folders inside; a room that is a single file has none."""
    paths = [path for path in sorted((root / package).iterdir()) if path.suffix == ".py" or (path / "__init__.py").is_file()]
    return {path.stem: sorted(inside.parent.name for inside in path.glob("*/__init__.py")) for path in paths if path.stem != "__init__"}


def imported(path: Path) -> Iterator[str]:
    """Dotted names of everything a file imports, the standard library excepted."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        yield from (name for name in names_of(node) if name.split(".")[0] not in sys.stdlib_module_names)


def names_of(node: ast.AST) -> list[str]:
    """The dotted names that a statement imports, none if it is no import; `from handmesh_ros import files` is `handmesh_ros.files`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return [f"{node.module}.{alias.name}" for alias in node.names] if node.module in PACKAGES else [node.module]
    return []


def floors(rooms: Importers) -> dict[str, int]:
    """How high each room lies: one above the highest that it imports, 0 if it imports none.

    Raises:
        ValueError: rooms import each other in a circle; it names them.
    """
    heights: dict[str, int] = {}
    while waiting := {room: set(lower) for room, lower in rooms.items() if room not in heights}:
        ready = [room for room, lower in waiting.items() if lower & set(rooms) <= set(heights)]
        if not ready:
            raise ValueError(f"these import each other in a circle, or stand above one: {', '.join(sorted(waiting))}")
        heights |= {room: 1 + max((heights[lower] for lower in waiting[room] & set(rooms)), default=-1) for room in ready}
    return heights


def reduced(rooms: Importers) -> dict[str, set[str]]:
    """Room -> the rooms that it imports and that none of its other imports reaches too: as few arrows as say the same."""
    direct = {room: set(lower) & set(rooms) for room, lower in rooms.items()}
    reached: dict[str, set[str]] = {}
    for room in sorted(rooms, key=floors(rooms).__getitem__):
        reached[room] = set().union(*({lower} | reached[lower] for lower in direct[room]))
    return {room: {one for one in lower if not any(one in reached[other] for other in lower)} for room, lower in direct.items()}


GROUND = ("hand", "errors", "files")  # what every room may use: the picture of the architecture shows no arrows to them


def drawn_arrows(imports: Imports) -> dict[str, set[str]]:
    """Rooms of the picture (all but GROUND, and `cli` which belongs to `commands`) and the arrows from each."""
    return reduced({room: lower for room, lower in imports.rooms.items() if room not in (*GROUND, "cli")})
