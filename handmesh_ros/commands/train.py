"""Train a network of this project from its committed configuration, or make training data of one's own."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import InputError
from handmesh_ros.progress import Progress
from handmesh_ros.summary import Summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
    lifted = tasks.add_parser("lifted", help="the lifting and mesh decoder behind MediaPipe's landmark network")
    lifted.add_argument("--config", type=Path, help="default: config/train/lifted.yaml")
    lifted.set_defaults(run=_lifted)

    mobrecon = tasks.add_parser("mobrecon", help="a MobRecon network from renders and real crops")
    mobrecon.add_argument("--config", type=Path, help="says which network; default: config/train/mobrecon.yaml")
    mobrecon.set_defaults(run=_mobrecon)

    own = tasks.add_parser("pseudo-label", help="real crops with labels from a video or a folder of pictures of one's own")
    own.add_argument("video", help="a video or a folder of pictures, not mirrored")
    own.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="to make: crops and labels.npz")
    own.add_argument("--source", help="what the crops are called together; default: the video's name")
    own.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th frame")
    own.add_argument(
        "--teacher-2020", type=Path, default=Path("../shared/teacher/hand_landmark_2020.tflite"), metavar="FILE",
        help="MediaPipe's landmark network of 2020, a second opinion on depth; default: %(default)s",
    )  # fmt: skip
    own.add_argument("--max-hands", type=int, default=2, help="in a frame")
    own.set_defaults(run=_pseudo_label)


def main(arguments: argparse.Namespace) -> Summary:
    summary: Summary = arguments.run(arguments)
    return summary


# Torch and the networks are imported where they are needed, --help needs none of them.
def _lifted(arguments: argparse.Namespace) -> Summary:
    from handmesh_training.lifted import recipe

    report = recipe.main(arguments.config)
    text = [*report.lines(), "the decoder is written; 'handmesh models --provision' composes lifted.onnx with it"]
    return Summary("\n".join(text), asdict(report))


def _mobrecon(arguments: argparse.Namespace) -> Summary:
    from handmesh_training.trainer import loop

    errors = loop.main(arguments.config)
    return Summary("\n".join(f"{name}: {value}" for name, value in errors.items()), {name: asdict(value) for name, value in errors.items()})


def _pseudo_label(arguments: argparse.Namespace) -> Summary:
    from handmesh_ros.provision import model_path
    from handmesh_ros.sources import FrameSource, account, nothing_read, open_source
    from handmesh_training.labels.collect import collect
    from handmesh_training.labels.selection import Selection
    from handmesh_training.labels.teacher import Teacher

    for name in ("every", "max_hands"):
        if getattr(arguments, name) < 1:
            raise InputError(f"--{name.replace('_', '-')} must be 1 at least, got {getattr(arguments, name)}")
    source = open_source(arguments.video)
    if source.is_live:
        source.close()
        raise InputError(f"{arguments.video}: a camera has no end; record a video first and give that")

    def frames(source: FrameSource) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        frame = None
        with Progress(Path(source.name).name, count) as progress:
            for frame in islice(source, 0, None, arguments.every):
                yield f"{Path(source.name).name}:{frame.number}", frame.rgb
                looked_at.append(frame.number)
                progress.advance(note=f"{selection.kept} hands kept of {selection.found}, {len(source.left_out)} left out")
        if frame is None:
            raise InputError(nothing_read(arguments.video, source.left_out))

    count = None if source.frame_count is None else -(-source.frame_count // arguments.every)
    selection, looked_at = Selection(), list[int]()
    teacher = Teacher(model_path("palm_detection"), model_path("hand_landmark"), arguments.teacher_2020)
    collect(frames(source), arguments.out, arguments.source or Path(source.name).stem, teacher, selection, arguments.max_hands)
    text = [
        f"{selection.table()}{account(source.left_out)}",
        f"written to {arguments.out}; look at the pictures before you train on them",
        "to train: name the folder in real_folders of the configuration, and fit meshes anew with",
        "  python -m handmesh_training.labels.fit --opinions OPINIONS.npz --folders real_hands real_hands_more real_hands_wide "
        f"{arguments.out.resolve()} --out FITS.npz",
    ]
    figures = {
        "input": arguments.video, "frames": len(looked_at), "left_out": [part._asdict() for part in source.left_out],
        "hands_found": selection.found, "hands_kept": selection.kept, "hands_dropped": selection.dropped, "wrote": [arguments.out],
    }  # fmt: skip
    return Summary("\n".join(text), figures)
