"""Fuse the hands of several calibrated cameras: what 'handmesh run --out' wrote of each becomes one hand with a smaller error."""

from __future__ import annotations

import argparse
import statistics
from collections import Counter
from pathlib import Path

import numpy as np
from tqdm import tqdm

from handmesh_ros.errors import InputError
from handmesh_ros.fusion.extrinsics import CameraSetup
from handmesh_ros.fusion.fuser import HandFuser
from handmesh_ros.fusion.recordings import fused_record, fused_recordings
from handmesh_ros.outputs import LinesWriter, check_outputs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cameras", type=Path, metavar="CAMERAS.yaml", help="where each camera stands (docs/two-cameras.md)")
    parser.add_argument(
        "hands", nargs="+", metavar="NAME=HANDS.jsonl", help="of each camera, as 'handmesh run --camera ... --out' wrote it"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FUSED.jsonl", help="one JSON object a frame, in the common frame")
    parser.add_argument(
        "--extrinsics-sigma", type=float, default=0.003, metavar="METRES", help="how exactly the cameras' places are known (default 0.003)"
    )


def main(arguments: argparse.Namespace) -> int:
    setup = CameraSetup.read(arguments.cameras)
    files = _files(arguments.hands)
    check_outputs([arguments.out], [arguments.cameras, *files.values()])
    fuser = HandFuser(arguments.extrinsics_sigma)
    sigmas_mm: list[float] = []
    together, disagreeing = 0, Counter[tuple[str, str]]()
    example: dict[tuple[str, str], str] = {}
    number = -1
    with LinesWriter(arguments.out) as lines:
        for number, frame in enumerate(tqdm(fused_recordings(setup, files, fuser), unit="frame", disable=None)):
            lines.write(fused_record(number, setup.frame_id, frame))
            several = [one for one in frame.hands if len(one.cameras) > 1]
            together += bool(several)
            sigmas_mm += [1e3 * float(np.sqrt(np.linalg.eigvalsh(one.hand.position_covariance)[-1])) for one in several]
            for conflict in frame.conflicts:
                disagreeing[conflict.cameras] += 1
                example.setdefault(conflict.cameras, str(conflict))
    print(f"{number + 1} frames, a hand seen by several cameras in {together}")
    if sigmas_mm:
        print(f"its wrist is known to {statistics.median(sigmas_mm):.1f} mm (one sigma in the least sure direction, median)")
    for cameras, count in disagreeing.most_common():
        print(f"disagreement in {count} frames: {example[cameras]}")
    print(f"wrote {arguments.out}")
    return 0


def _files(texts: list[str]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise InputError(f"{text!r}: give NAME=HANDS.jsonl, with the camera's name in CAMERAS.yaml")
        if name in files:
            raise InputError(f"camera {name} is given twice")
        files[name] = Path(path)
    return files
