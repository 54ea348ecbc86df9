"""Train a network of this project from its committed configuration."""

from __future__ import annotations

import argparse
from pathlib import Path

NETWORKS = ("lifted",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", choices=NETWORKS, help="lifted: the lifting and mesh decoder behind MediaPipe's landmark network")
    parser.add_argument("--config", type=Path, help="default: config/train/<network>.yaml")


def main(arguments: argparse.Namespace) -> int:
    from handmesh_ros.training.lifted import train as lifted  # needs torch, which --help should not

    lifted.main(arguments.config or lifted.DEFAULT_CONFIG)
    return 0
