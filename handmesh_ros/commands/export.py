"""Write a trained network of this project as an ONNX model, checked against torch."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from handmesh_ros.outputs import check_outputs
from handmesh_ros.summary import Summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", type=Path, help="file of 'handmesh train'")
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--precision", choices=("fp32", "fp16", "int8"), default="fp32")
    parser.add_argument("--calibration", type=Path, help="int8: folder of real hand crops with labels.npz")
    parser.add_argument("--crop-scale", type=float, default=1.3, help="side of the patch over the tight box, as in training")
    parser.add_argument("--crop-box", choices=("hand", "palm"), default="hand", help="whose keypoints' box that is")
    parser.add_argument("--name", help="name in the model's metadata; default: that of the file")
    parser.add_argument("--licence", default="Apache-2.0", help="licence of the weights, for the metadata")
    parser.add_argument("--keypoint-sigma", type=float, help="one sigma of the keypoints, share of the hand (python -m benchmarks noise)")
    parser.add_argument("--joint-sigma-m", type=float, help="one sigma of the joints, metres at the reference size (likewise)")


def main(arguments: argparse.Namespace) -> Summary:
    check_outputs([arguments.out], [arguments.network])
    from handmesh_training.export.build import ModelCard, export_network
    from handmesh_training.networks import TemplateLevels
    from handmesh_training.networks.checkpoint import load_network
    from handmesh_training.template import HandTemplate

    network, training = load_network(arguments.network, TemplateLevels.from_hand_template(HandTemplate.load()))
    card = ModelCard(
        arguments.name or arguments.out.stem, arguments.licence, training, arguments.crop_scale, arguments.crop_box,
        arguments.keypoint_sigma, arguments.joint_sigma_m,
    )  # fmt: skip
    report = export_network(network, arguments.out, card, arguments.precision, arguments.calibration)
    return Summary(f"{arguments.out}: {report}", {"wrote": [arguments.out], **asdict(report)})
