"""What is written down of the parameters, from their tables: the files of PARAMS_FILES, and the tables in docs/ros-api.md.

``python -m handmesh_ros.node.parameter_documents`` writes all anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from handmesh_ros.node.camera_node import CameraParameters
from handmesh_ros.node.fuse_node import FuseParameters
from handmesh_ros.node.parameter_table import ParameterTable, possible_values
from handmesh_ros.node.parameters import NodeParameters
from handmesh_ros.node.teleop_parameters import TeleopParameters
from handmesh_ros.node.view_node import ViewParameters

TABLES: Mapping[str, type[ParameterTable]] = {
    "hand_node": NodeParameters,
    "camera": CameraParameters,
    "teleop": TeleopParameters,
    "fuse_node": FuseParameters,
    "view_node": ViewParameters,
}
# Node -> its file of parameters.
PARAMS_FILES: Mapping[str, str] = {"hand_node": "config/hand.yaml", "teleop": "config/teleop/teleop.yaml"}


def params_file(node: str) -> str:
    """The text of a node's file: every parameter with its default."""
    name = f"{node.removesuffix('_node')} node"
    lines = [
        f"# Parameters of the {name} with their defaults. Copy this file, do not edit it; it is made by",
        "# python -m handmesh_ros.node.parameter_documents",
        "/**:",
        "  ros__parameters:",
    ]
    for row in fields(TABLES[node]):
        start_only = "; read at start only" if row.metadata["read_only"] else ""
        lines.append(f"    # {row.metadata['description']} ({possible_values(row)}{start_only})")
        lines.append(f"    {row.name}: {_literal(row.default)}")
    return "\n".join(lines) + "\n"


def with_tables(document: str) -> str:
    """The text of docs/ros-api.md with each node's table of parameters renewed."""
    for node, table in TABLES.items():
        begin, end = f"<!-- parameters of {node}: begin -->", f"<!-- parameters of {node}: end -->"
        before, rest = document.split(begin)
        document = f"{before}{begin}\n{_markdown(table)}\n{end}{rest.split(end)[1]}"
    return document


def _markdown(table: type[ParameterTable]) -> str:
    lines = ["| parameter | default | possible values | changeable | meaning |", "|---|---|---|---|---|"]
    for row in fields(table):
        changeable = "at start" if row.metadata["read_only"] else "at run time"
        cells = (f"`{row.name}`", f"`{_literal(row.default)}`", possible_values(row), changeable, row.metadata["description"])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _literal(value: Any) -> str:
    """A value as YAML and the command line want it."""
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


if __name__ == "__main__":
    repository = Path(__file__).parents[2]
    for node, file in PARAMS_FILES.items():
        (repository / file).write_text(params_file(node), encoding="utf-8")
    api = repository / "docs" / "ros-api.md"
    api.write_text(with_tables(api.read_text(encoding="utf-8")), encoding="utf-8")
