"""Turn an official MobRecon checkpoint, with the user's own template files, into an ONNX model."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from handmesh_ros.outputs import check_outputs
from handmesh_ros.summary import Summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="official .pt file (MobRecon, DenseStack)")
    parser.add_argument("--template", type=Path, required=True, help="folder with template.ply, transform.pkl, j_reg.npy, right_faces.npy")
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--precision", choices=("fp32", "fp16", "int8"), default="fp32")
    parser.add_argument("--calibration", type=Path, help="int8: folder of real hand crops with labels.npz")


def main(arguments: argparse.Namespace) -> Summary:
    check_outputs([arguments.out], [arguments.checkpoint, *arguments.template.glob("*")])
    from handmesh_training.export.build import ModelCard, export_network
    from handmesh_training.official.checkpoint import import_official

    network = import_official(arguments.checkpoint, arguments.template)
    card = ModelCard(
        name=f"official_{arguments.checkpoint.stem}",
        licence="MANO licence (non-commercial research): holds MANO-derived weights and faces, do not pass on",
        training="official MobRecon checkpoint, imported",
    )
    report = export_network(network, arguments.out, card, arguments.precision, arguments.calibration)
    return Summary(f"{arguments.out}: {report}", {"wrote": [arguments.out], **asdict(report)})
