"""Names: at the level of modules, a public name means one thing in the whole project."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from support.imports import PACKAGES
from support.paths import REPO

# What every command and every script has: there the file says which.
SHARED = {"main", "add_arguments"}


def test_no_public_name_is_defined_twice() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for package in (*PACKAGES, "benchmarks"):
        for path in sorted((REPO / package).rglob("*.py")):
            for name in defined(path.read_text(encoding="utf-8")):
                places[name].append(str(path.relative_to(REPO)))
    assert {name: files for name, files in places.items() if len(files) > 1 and name not in SHARED} == {}


def defined(source: str) -> Iterator[str]:
    """Public names that a module defines: classes, functions and constants; not what it imports."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found = [
                part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            ]
        else:
            continue
        yield from (name for name in found if not name.startswith("_"))


def test_definitions_are_found_and_imports_are_none() -> None:
    source = "import os\nfrom pathlib import Path\nA, B = 1, 2\nC: int = 3\n_hidden = 4\nE = {}\nE[A] = B\n"
    source += "class D: inner = 5\ndef f(): local = 6\n"
    assert list(defined(source)) == ["A", "B", "C", "E", "D", "f"]
