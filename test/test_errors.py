"""Every error class has one root, by which the command line tells a user's mistake from a fault of the code."""

import ast
from pathlib import Path

import pytest
from support.paths import REPO

from handmesh_ros.errors import HandmeshError, InputError
from handmesh_ros.sources import SourceError


def error_classes(package: str) -> dict[str, set[str]]:
    """``file: class`` -> the names of its bases, of every class that is raised."""
    found = {}
    for path in Path(REPO / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                found[f"{path.relative_to(REPO)}: {node.name}"] = {base.id for base in node.bases if isinstance(base, ast.Name)}
    return found


@pytest.mark.parametrize("package", ["handmesh_ros", "handmesh_training"])
def test_every_error_class_descends_from_the_root(package: str) -> None:
    roots = {"HandmeshError", "InputError"}
    classes = error_classes(package)
    assert len(classes) > 10
    assert {name for name, bases in classes.items() if not bases & roots and not name.endswith(": HandmeshError")} == set()


def test_except_clauses_for_pythons_own_errors_hold() -> None:
    assert issubclass(SourceError, HandmeshError) and issubclass(SourceError, ValueError)
    assert issubclass(InputError, ValueError)
