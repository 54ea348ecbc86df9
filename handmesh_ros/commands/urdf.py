"""Print the URDF of a human hand, whose joints are those of the topics left|right/joint_states."""

from __future__ import annotations

import argparse

from handmesh_ros.hand import Side
from handmesh_ros.hand_urdf import hand_urdf
from handmesh_ros.perception.size.hand_size import HandSize
from handmesh_ros.summary import Summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--side", choices=[side.value for side in Side], default=Side.RIGHT.value)
    parser.add_argument("--size", type=float, default=HandSize().size_m, metavar="METRES", help="wrist to middle finger's mcp")


def main(arguments: argparse.Namespace) -> Summary:
    HandSize(arguments.size)  # refuses sizes that no hand has
    urdf = hand_urdf(Side(arguments.side), arguments.size)
    return Summary(urdf.rstrip("\n"), {"side": arguments.side, "size_m": arguments.size, "urdf": urdf}, is_result=True)
