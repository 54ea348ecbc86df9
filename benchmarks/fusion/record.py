"""Records what a network says of the same rendered hands in motion from several places around them.

python -m benchmarks.fusion.record --assets ../shared/assets --out runs/fusion/mobrecon.npz
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.fusion.views import VIEW_DEGREES, seen_from, view_place
from benchmarks.motion.record import motions, record_motions, write_recording
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.provision import DEFAULT_MODEL, model_path


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of this module."""
    parser = argparse.ArgumentParser(description="Record a network on rendered hands in motion, seen from several places.")
    parser.add_argument("--assets", type=Path, default=Path("../shared/assets"))
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name of a model, or an .onnx file")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    network = MeshNetwork(model_path(chosen.model))
    rig, moving = motions(chosen.assets, each=1, seed=chosen.seed)
    views = [seen_from(motion, view_place(degrees)) for motion in moving for degrees in VIEW_DEGREES]
    write_recording(chosen.out, record_motions(chosen.assets, network, rig, views, chosen.seed), network)


if __name__ == "__main__":
    main()
