"""Options that several commands have: the camera that took the pictures, and the networks that look at them."""

from __future__ import annotations

import argparse
from pathlib import Path

from handmesh_ros.provision import DEFAULT_MODEL


def named_path(text: str) -> Path:
    """For folders: a variable of a shell that is not set gives an empty name, which ``Path`` takes for the folder one is in."""
    if not text:
        raise argparse.ArgumentTypeError("the name is empty")
    return Path(text)


def add_camera_options(parser: argparse.ArgumentParser) -> None:
    """``--camera`` or ``--hfov``, for ``InputCamera.read``."""
    camera = parser.add_mutually_exclusive_group()
    camera.add_argument("--camera", type=Path, metavar="INFO.yaml", help="calibration as camera_calibration writes it")
    camera.add_argument("--hfov", type=float, default=60.0, metavar="DEGREES", help="horizontal field of view of an uncalibrated camera")


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """``--model`` and ``--max-hands``."""
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model's name ('handmesh models' lists them) or an .onnx file")
    parser.add_argument("--max-hands", type=int, default=2)


def assumed_view(why: str, hfov_deg: float) -> str:
    """What a summary says of pictures without a calibration, and the option that mends it."""
    return f"{why}: distances assume {hfov_deg:g} degrees of horizontal view (--camera INFO.yaml mends it)"
