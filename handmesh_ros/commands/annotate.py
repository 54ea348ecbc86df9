"""Add hands to recordings: to every episode of a LeRobot data set, or to every clip of a folder. What is done is not done again."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from handmesh_ros.annotation.clips import Clip, ClipResult, Settings
from handmesh_ros.annotation.jobs import annotate_all
from handmesh_ros.annotation.lerobot import WORK, LeRobotDataset
from handmesh_ros.errors import HandmeshError, InputError
from handmesh_ros.options import add_camera_options, add_network_options
from handmesh_ros.provision import model_path
from handmesh_ros.sources import open_source

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path, metavar="INPUT", help="a LeRobot data set (v2.1, v3.0), or a folder of videos")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the data set with hands, or a .jsonl for each video")
    add_camera_options(parser)
    parser.add_argument("--camera-key", metavar="KEY", help="which pictures of a data set, such as observation.images.wrist")
    parser.add_argument("--mesh", action="store_true", help="the meshes, too")
    add_network_options(parser)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="default: one for each core")
    parser.add_argument("--ray", action="store_true", help="spread the clips over a Ray cluster (RAY_ADDRESS) instead of processes")


def main(arguments: argparse.Namespace) -> int:
    if not arguments.input.is_dir():
        raise InputError(f"{arguments.input}: no such folder; for a single recording there is 'handmesh run --out'")
    if arguments.out.resolve() == arguments.input.resolve():
        raise InputError(f"{arguments.out}: is the input; give --out a folder of its own")
    calibration = None if arguments.camera is None else str(arguments.camera.resolve(strict=True))
    model_path(arguments.model)  # said before anything is begun
    settings = Settings(arguments.model, calibration, arguments.hfov, arguments.max_hands, arguments.mesh)
    dataset = LeRobotDataset.read(arguments.input) if LeRobotDataset.is_one(arguments.input) else None
    if dataset is not None and LeRobotDataset.is_one(arguments.out):
        raise InputError(f"{arguments.out}: is complete already; give --out a folder of its own")
    clips = (
        _videos(arguments.input, arguments.out)
        if dataset is None
        else dataset.clips(dataset.camera_key(arguments.camera_key), arguments.out)
    )
    _keep_settings(arguments.out / WORK / "settings.json", settings)
    results = _on_ray(clips, settings) if arguments.ray else _on_processes(clips, settings, arguments.processes)
    failures = [result for result in results if result.failure]
    _print_summary(arguments, results, failures)
    if failures:
        return 1
    if dataset is not None:
        dataset.write_with_hands(arguments.out, arguments.mesh)
    print(f"wrote {arguments.out}")
    return 0


def _videos(folder: Path, out: Path) -> list[Clip]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())
    if not paths:
        raise InputError(f"{folder}: neither a LeRobot data set (no meta/info.json) nor a folder with videos ({', '.join(VIDEO_SUFFIXES)})")
    return [Clip(str(path), str(out / path.relative_to(folder)) + ".jsonl") for path in paths]


def _keep_settings(path: Path, settings: Settings) -> None:
    """What a run that was stopped began with, the next one must go on with."""
    text = json.dumps(asdict(settings), indent=1)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise InputError(f"{path.parent.parent}: begun with other settings ({path}); give the same ones, or --out another folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _on_processes(clips: list[Clip], settings: Settings, processes: int) -> list[ClipResult]:
    results: list[ClipResult] = []
    left = [clip for clip in clips if not Path(clip.out).exists()]
    with tqdm(total=_frame_count(left), unit="frame", smoothing=0.05, disable=None) as progress:

        def tell(frames: int, result: ClipResult | None) -> None:
            progress.update(frames)
            if result is not None:
                results.append(result)
                progress.set_postfix_str(f"{len(results)} of {len(clips)} clips")

        annotate_all(clips, settings, processes, tell)
    return results


def _on_ray(clips: list[Clip], settings: Settings) -> list[ClipResult]:
    from handmesh_ros.annotation.on_ray import annotate_on_ray

    return annotate_on_ray(clips, settings)


def _frame_count(clips: list[Clip]) -> int | None:
    """Of all clips; None where one does not tell."""
    total = 0
    for clip in clips:
        try:
            count = clip.episode.length if clip.episode is not None else open_source(clip.path).frame_count
        except HandmeshError:
            count = 0  # it is told of when its turn comes
        if count is None:
            return None
        total += count
    return total


def _print_summary(arguments: argparse.Namespace, results: list[ClipResult], failures: list[ClipResult]) -> None:
    before = sum(result.done_before for result in results)
    frames, with_hand = (sum(getattr(result, name) for result in results) for name in ("frames", "with_hand"))
    print(f"{len(results)} clips, {before} of them done before, {len(failures)} failed; {frames} frames, a hand in {with_hand}")
    for result in failures:
        print(f"  {result.path}: {result.failure}", file=sys.stderr)
    if failures:
        print("the same command again does the failed ones anew, and only these", file=sys.stderr)
    if arguments.camera is None:
        print(f"camera not calibrated: distances assume {arguments.hfov:g} degrees of horizontal view (--camera INFO.yaml mends it)")
