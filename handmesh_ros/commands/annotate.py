"""Add hands to recordings: to a LeRobot data set, to a ROS recording, or to every video and ROS recording of a folder."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from handmesh_ros.annotation.clips import Clip, ClipResult, Counts, Settings, source_of
from handmesh_ros.annotation.jobs import annotate_all
from handmesh_ros.annotation.lerobot import WORK, LeRobotDataset
from handmesh_ros.errors import HandmeshError, InputError
from handmesh_ros.options import add_camera_options, add_network_options, assumed_view, named_path
from handmesh_ros.outputs import check_outputs
from handmesh_ros.progress import Progress, hands_so_far
from handmesh_ros.provision import model_path
from handmesh_ros.recordings.recognition import is_bag
from handmesh_ros.summary import Summary

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v")
COPY_SUFFIX = ".mcap"  # of a ROS recording with hands


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input",
        type=named_path,
        metavar="INPUT",
        help="a LeRobot data set (v2.1, v3.0), a ROS recording, or a folder of videos and recordings",
    )
    parser.add_argument(
        "--out", type=named_path, required=True, metavar="OUT",
        help="the new data set; OUT.mcap for one recording; a folder, with a .jsonl for each video and an .mcap for each recording",
    )  # fmt: skip
    parser.add_argument("--topic", help="images of a ROS recording, where it has more than one camera")
    add_camera_options(parser)
    parser.add_argument("--camera-key", metavar="KEY", help="which pictures of a data set, such as observation.images.wrist")
    parser.add_argument("--mesh", action="store_true", help="the meshes, too; ROS recordings get them anyway")
    add_network_options(parser)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="default: one for each core")
    parser.add_argument("--ray", action="store_true", help="spread the clips over a Ray cluster (RAY_ADDRESS) instead of processes")


def main(arguments: argparse.Namespace) -> Summary:
    started, out = time.perf_counter(), arguments.out
    if arguments.processes < 1:
        raise InputError(f"--processes {arguments.processes}: give 1 or more")
    dataset = LeRobotDataset.read(arguments.input) if LeRobotDataset.is_one(arguments.input) else None
    calibration = None if arguments.camera is None else str(arguments.camera.resolve(strict=True))
    model_path(arguments.model)  # said before anything is begun
    settings = Settings(arguments.model, calibration, arguments.hfov, arguments.max_hands, arguments.mesh, arguments.topic)
    clips = _clips(arguments.input, out) if dataset is None else _episodes(dataset, arguments.camera_key, out)
    if out.suffix != COPY_SUFFIX:
        _keep_settings(out / WORK / "settings.json", settings)
    results = _on_ray(clips, settings) if arguments.ray else _on_processes(clips, settings, arguments.processes)
    failed = any(result.failure for result in results)
    if dataset is not None and not failed:
        dataset.write_with_hands(out, arguments.mesh)
    return _summary(arguments, results, time.perf_counter() - started)


def _episodes(dataset: LeRobotDataset, camera_key: str | None, out: Path) -> list[Clip]:
    _check_other_folder(dataset.root, out)
    if LeRobotDataset.is_one(out):
        raise InputError(f"{out}: is complete already; give --out a folder of its own")
    return dataset.clips(dataset.camera_key(camera_key), out)


def _clips(given: Path, out: Path) -> list[Clip]:
    """One ROS recording, or all that there is in a folder."""
    if out.suffix == COPY_SUFFIX:
        if not is_bag(given):
            raise InputError(f"{given}: no ROS recording (.mcap, .db3, or their folder), of which {out} could be a copy with hands")
        if out.exists():
            raise InputError(f"{out}: is there already; give --out another name")
        return [Clip(str(given), str(out))]
    if not given.is_dir() or _is_one_recording(given):
        wanted = "give --out a name that ends in .mcap" if is_bag(given) else "for a single video there is 'handmesh run --out'"
        raise InputError(f"{given}: no such folder of videos and recordings; {wanted}")
    _check_other_folder(given, out)
    paths = list(_recordings(given, out))
    if not paths:
        kinds = ", ".join((*VIDEO_SUFFIXES, ".mcap", ".db3"))
        raise InputError(f"{given}: neither a LeRobot data set (no meta/info.json) nor a folder with videos or ROS recordings ({kinds})")
    clips = [Clip(str(path), f"{out / path.relative_to(given)}{_added_suffix(path)}") for path in paths]
    check_outputs([Path(clip.out) for clip in clips], paths)
    return clips


def _check_other_folder(given: Path, out: Path) -> None:
    if out.resolve() == given.resolve():
        raise InputError(f"{out}: is the input; give --out a folder of its own")


def _recordings(folder: Path, out: Path) -> Iterator[Path]:
    """Videos and ROS recordings, also in folders below; not what an earlier run made."""
    for path in sorted(folder.iterdir()):
        if _is_one_recording(path) or (path.is_file() and (is_bag(path) or path.suffix.lower() in VIDEO_SUFFIXES)):
            yield path
        elif path.is_dir() and not path.is_symlink() and path.resolve() != out.resolve():
            yield from _recordings(path, out)


def _is_one_recording(path: Path) -> bool:
    """Whether this folder is one ROS recording. One without metadata.yaml may hold pieces of one as well as several: each by itself."""
    return path.is_dir() and is_bag(path) and (path / "metadata.yaml").is_file()


def _added_suffix(path: Path) -> str:
    return ("" if path.suffix == COPY_SUFFIX else COPY_SUFFIX) if is_bag(path) else ".jsonl"


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
    with Progress("annotate", _frame_count(left, settings)) as progress:

        def tell(done: Counts, result: ClipResult | None) -> None:
            if result is not None:
                results.append(result)
            clips_done = f"{len(results)} of {len(clips)} clips" if len(clips) > 1 else ""
            progress.reach(done.frames, ", ".join(filter(None, (clips_done, hands_so_far(done.with_hand, done.left_out)))))

        annotate_all(clips, settings, processes, tell)
    return results


def _on_ray(clips: list[Clip], settings: Settings) -> list[ClipResult]:
    from handmesh_ros.annotation.on_ray import annotate_on_ray

    return annotate_on_ray(clips, settings)


def _frame_count(clips: list[Clip], settings: Settings) -> int | None:
    """Of all clips; None where one does not tell."""
    total = 0
    for clip in clips:
        try:
            with closing(source_of(clip, settings)) as source:
                count = source.frame_count
        except HandmeshError:
            count = 0  # it is told of when its turn comes
        if count is None:
            return None
        total += count
    return total


def _summary(arguments: argparse.Namespace, results: list[ClipResult], seconds: float) -> Summary:
    failures = [result for result in results if result.failure]
    before = sum(result.done_before for result in results)
    frames, with_hand, left_out = (sum(getattr(result, name) for result in results) for name in ("frames", "with_hand", "left_out"))
    text = [
        f"{len(results)} clips, {before} of them done before, {len(failures)} failed; {frames} frames, a hand in {with_hand}; "
        f"{frames / seconds:.1f} frames/s"
    ]
    text += [f"{result.path}:{result.account}" for result in results if result.account]
    reasons = Counter(result.uncalibrated for result in results if result.uncalibrated)
    text += [f"{count} of {len(results)} clips, {assumed_view(why, arguments.hfov)}" for why, count in reasons.items()]
    if not failures:
        text.append(f"wrote {arguments.out}")
    failed = [(result.path, result.failure.removeprefix(f"{result.path}: ")) for result in failures]
    errors = [f"{path}: {why}" for path, why in failed]
    errors += ["the same command again does the failed ones anew, and only these"] if failures else []
    figures = {
        "input": arguments.input, "clips": len(results), "done_before": before, "frames": frames, "frames_with_hand": with_hand,
        "left_out": left_out, "seconds": seconds, "wrote": [] if failures else [arguments.out],
        "failed": [{"path": path, "why": why} for path, why in failed],
    }  # fmt: skip
    return Summary("\n".join(text), figures, errors)
