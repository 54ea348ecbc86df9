"""Train a network of this project from its committed configuration."""

from __future__ import annotations

import argparse
from pathlib import Path

NETWORKS = {
    "lifted": "the lifting and mesh decoder behind MediaPipe's landmark network",
    "mobrecon": "a MobRecon network from renders and real crops; --config says which",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    about = "; ".join(f"{name}: {text}" for name, text in NETWORKS.items())
    parser.add_argument("network", choices=NETWORKS, help=about)
    parser.add_argument("--config", type=Path, help="default: config/train/lifted.yaml or config/train/lite.yaml")


def main(arguments: argparse.Namespace) -> int:
    # Needs torch, which --help should not.
    if arguments.network == "lifted":
        from handmesh_ros.training.lifted import train as lifted

        lifted.main(arguments.config or lifted.DEFAULT_CONFIG)
    else:
        from handmesh_ros.training.mobrecon import train as mobrecon

        mobrecon.main(arguments.config or mobrecon.DEFAULT_CONFIG)
    return 0
