"""Fuse the hands of several calibrated cameras: what 'handmesh run --out' wrote of each becomes one hand with a smaller error."""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter
from pathlib import Path

import numpy as np

from handmesh_ros.errors import InputError
from handmesh_ros.fusion.extrinsics import CameraSetup
from handmesh_ros.fusion.fuser import HandFuser
from handmesh_ros.fusion.recordings import fused_record, fused_recordings
from handmesh_ros.outputs import LinesWriter, check_outputs
from handmesh_ros.progress import Progress
from handmesh_ros.summary import Summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cameras", type=Path, metavar="CAMERAS.yaml", help="where each camera stands (docs/two-cameras.md)")
    parser.add_argument(
        "hands", nargs="+", metavar="NAME=HANDS.jsonl", help="of each camera, as 'handmesh run --camera ... --out' wrote it"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FUSED.jsonl", help="one JSON object a frame, in the common frame")
    parser.add_argument(
        "--extrinsics-sigma", type=float, default=0.003, metavar="METRES", help="how exactly the cameras' places are known (default 0.003)"
    )


def main(arguments: argparse.Namespace) -> Summary:
    setup = CameraSetup.read(arguments.cameras)
    files = _files(arguments.hands)
    check_outputs([arguments.out], [arguments.cameras, *files.values()])
    fuser = HandFuser(arguments.extrinsics_sigma)
    sigmas_mm: list[float] = []
    together, disagreeing = 0, Counter[tuple[str, str]]()
    example: dict[tuple[str, str], str] = {}
    number, started = -1, time.perf_counter()
    with LinesWriter(arguments.out) as lines, Progress(arguments.out.name, None) as progress:
        for number, frame in enumerate(fused_recordings(setup, files, fuser)):
            lines.write(fused_record(number, setup.frame_id, frame))
            several = [one for one in frame.hands if len(one.cameras) > 1]
            together += bool(several)
            sigmas_mm += [1e3 * float(np.sqrt(np.linalg.eigvalsh(one.hand.position_covariance)[-1])) for one in several]
            for conflict in frame.conflicts:
                disagreeing[conflict.cameras] += 1
                example.setdefault(conflict.cameras, str(conflict))
            progress.advance(note=f"a hand seen by several cameras in {together}")
    sigma_mm = statistics.median(sigmas_mm) if sigmas_mm else None
    text = [f"{number + 1} frames, a hand seen by several cameras in {together}"]
    if sigma_mm is not None:
        text.append(f"its wrist is known to {sigma_mm:.1f} mm (one sigma in the least sure direction, median)")
    text += [f"disagreement in {count} frames: {example[cameras]}" for cameras, count in disagreeing.most_common()]
    text.append(f"wrote {arguments.out}")
    figures = {
        "frames": number + 1, "frames_with_hand_of_several": together, "median_wrist_sigma_mm": sigma_mm,
        "disagreements": [{"cameras": cameras, "frames": count} for cameras, count in disagreeing.most_common()],
        "seconds": time.perf_counter() - started, "wrote": [arguments.out],
    }  # fmt: skip
    return Summary("\n".join(text), figures)


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
