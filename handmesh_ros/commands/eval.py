"""Errors of a mesh network on a labelled data set, beside the figures of the MobRecon paper; or networks side by side."""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from handmesh_ros.errors import InputError
from handmesh_ros.evaluation import metrics
from handmesh_ros.evaluation.datasets import Sample, read_dataset
from handmesh_ros.evaluation.evaluate import PCK_2D_THRESHOLDS, PCK_3D_THRESHOLDS_M, Errors, evaluate
from handmesh_ros.evaluation.false_alarms import scores_without_hands
from handmesh_ros.evaluation.following import follow
from handmesh_ros.evaluation.people import Estimates, LabelledHands, MeshEstimator, aligned_errors, ask, figures, share_without_hand
from handmesh_ros.evaluation.sheets import best_middle_worst, draw_estimates, write_tiles
from handmesh_ros.evaluation.sides import shared_sides
from handmesh_ros.outputs import check_outputs, write_whole
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.perception.pipeline import HandPipeline
from handmesh_ros.perception.tracking.records import TrackingParameters
from handmesh_ros.progress import Progress, progress_over, say
from handmesh_ros.provision import DEFAULT_MODEL, ModelState, list_models, model_path
from handmesh_ros.sources import Frame, account, nothing_read, open_source, read_picture
from handmesh_ros.summary import Summary

# Pictures without a hand below the folder that holds the crops of people.
WITHOUT_HANDS = ("negatives/*.jpg", "real_hands/frames/none_*.jpg")
CLIP_SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".webm")
DATASET_KINDS = ("freihand", "ho3d", "crops", "renders")
COMPARISON_KINDS = ("people", "sides", "video", "nohands")  # of networks side by side, without measured truth

# Published figures to read ours beside (MobRecon: Chen et al., CVPR 2022). "-": not published.
PUBLISHED = {
    "freihand": (
        "PA-MPJPE  PA-MPVPE   F@5  F@15",
        (
            ("MobRecon, GhostStack", "8.8", "9.1", "0.597", "0.960"),
            ("MobRecon, DenseStack", "6.9", "7.2", "0.694", "0.979"),
            ("MobRecon, ResNet50 stack, more data", "5.7", "5.8", "0.784", "0.986"),
            ("MobileHand", "-", "13.1", "0.439", "0.902"),
            ("MeshGraphormer", "5.9", "6.0", "0.764", "0.986"),
            ("SimpleHand", "5.7", "6.0", "0.772", "0.986"),
        ),
    ),
    "ho3d": (
        "acceleration error 2D   3D",
        (
            ("MobRecon, GhostStack + DSConv", "2.30", "6.98"),
            ("MobRecon, GhostStack + SpiralConv++", "2.31", "7.07"),
            ("MobRecon, DenseStack + DSConv", "1.92", "4.73"),
            ("MobRecon, DenseStack + SpiralConv++", "1.98", "4.75"),
        ),
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=(*DATASET_KINDS, *COMPARISON_KINDS), help="the layout of the data set")
    parser.add_argument(
        "folder", type=Path, help="the data set's root folder; the video or clips; pictures without hands; people: what holds real_hands"
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model's name or an .onnx file")
    parser.add_argument(
        "--models", nargs="+", metavar="MODEL", help="people, sides: what to compare; default: every mesh model that is there"
    )
    parser.add_argument("--opinions", type=Path, metavar="FILE.npz", help="people: the 2020 network's opinions, for labels that lack them")
    parser.add_argument("--sheets", type=Path, metavar="FOLDER", help="people: draw the best, middle and worst hands of each source")
    parser.add_argument("--source", help="crops: only those of this source")
    parser.add_argument("--against", default="lifted", metavar="MODEL", help="video, nohands: the model to compare with")
    parser.add_argument("--hfov", type=float, default=60.0, help="video: horizontal field of view, degrees")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th sample")
    parser.add_argument("--plot", type=Path, metavar="OUT.png", help="draw the PCK curves (needs matplotlib)")


def main(arguments: argparse.Namespace) -> Summary:
    check_outputs([arguments.plot] if arguments.plot else [], [arguments.folder, *arguments.folder.glob("*")])
    if arguments.kind in COMPARISON_KINDS:
        compare = {"people": compare_on_people, "sides": compare_sides, "video": compare_on_video, "nohands": count_false_alarms}
        return compare[arguments.kind](arguments)
    network = MeshNetwork(model_path(arguments.model))
    samples = list(_samples(arguments))[:: max(1, arguments.every)]
    if not samples:
        raise InputError(f"{arguments.folder}: no labelled samples")
    errors = evaluate(progress_over(samples, arguments.folder.name, "pictures"), network)
    measured = errors.summary()
    text = [f"{network.name} on {arguments.folder}:"]
    text += [f"  {name:<38}{value:>10.4g}" for name, value in measured.items()]
    if arguments.kind in PUBLISHED:
        columns, rows = PUBLISHED[arguments.kind]
        text.append(f"\n  {'published for this data set':<38}{columns}")
        text += [f"  {name:<38}" + "".join(f"{value:>9}" for value in values) for name, *values in rows]
    if arguments.plot:
        plot_pck(errors, arguments.plot)
        text.append(f"wrote {arguments.plot}")
    return _result(text, arguments, {"model": network.name, **measured})


def _result(text: list[str], arguments: argparse.Namespace, figures: dict[str, object]) -> Summary:
    return Summary("\n".join(text), {"data": arguments.folder, **figures}, is_result=True)


def _samples(arguments: argparse.Namespace) -> Iterator[Sample]:
    if arguments.kind != "renders":
        return read_dataset(arguments.kind, arguments.folder, arguments.source)
    from handmesh_training.renders.samples import read_render_samples  # needs torch

    return read_render_samples(arguments.folder)


def compare_on_people(arguments: argparse.Namespace) -> Summary:
    """Mesh networks and MediaPipe's on hands of left-out people, against the fused teacher, and on pictures without a hand."""
    from handmesh_training.labels.left_out import MediaPipe, left_out_hands  # needs the training's packages

    step = max(1, arguments.every)
    hands = left_out_hands(arguments.folder, arguments.opinions).every(step)
    empty = {pattern: [read_picture(path) for path in sorted(arguments.folder.glob(pattern))[::step]] for pattern in WITHOUT_HANDS}
    networks: list[MeshEstimator | MediaPipe] = [MeshEstimator(*pair) for pair in _pipelines(arguments).items()]
    networks.append(MediaPipe(model_path("palm_detection"), model_path("hand_landmark")))
    found: dict[str, dict[str, dict[str, float]]] = {}
    sheets: list[Path] = []
    for network in networks:
        with Progress(network.name, len(hands), "hands") as progress:
            estimates = ask(network, hands, progress.advance)
        found[network.name] = figures(hands, estimates)
        found[network.name]["pictures without a hand, none found, %"] = {
            pattern: 100 * share_without_hand(network, pictures) for pattern, pictures in empty.items() if pictures
        }
        if arguments.sheets and isinstance(network, MeshEstimator):
            sheets += _draw(arguments.sheets, network, hands, estimates)
    text = [*_people_table(hands, empty, found), *(f"wrote {path}" for path in sheets)]
    return _result(text, arguments, {"figures": found, "wrote": sheets})


def _pipelines(arguments: argparse.Namespace) -> dict[str, HandPipeline]:
    """Those of the models that the user named, or of every mesh model of the manifest whose file is there, by name."""
    there = [status.model.name for status in list_models() if status.model.kind == "mesh" and status.state is ModelState.OK]
    models = arguments.models or there
    if not models:
        raise InputError("no mesh model is there; 'handmesh models --provision' makes them")
    names = [Path(model).stem for model in models]  # not what the file says of itself: candidates of one training all say the same
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"several models are called {', '.join(twice)}; rename the files to tell them apart")
    return {name: HandPipeline.load(model) for name, model in zip(names, models, strict=True)}


def _people_table(hands: LabelledHands, empty: dict[str, list[np.ndarray]], found: dict[str, dict[str, dict[str, float]]]) -> Iterator[str]:
    counts = {name: int(rows.sum()) for name, rows in hands.groups().items()} | {name: len(pictures) for name, pictures in empty.items()}
    width = _column_width(found)
    yield f"{len(hands)} hands of left-out people, against the fused teacher; millimetres of a hand whose 20 bones sum to 0.8 m"
    for measure in dict.fromkeys(measure for measures in found.values() for measure in measures):
        yield f"  {measure:<38}" + "".join(f"{name:>{width}}" for name in found)
        for group in dict.fromkeys(group for measures in found.values() for group in measures.get(measure, {})):
            label = f"{group} ({counts[group]})" if group in counts else group
            values = (measures.get(measure, {}).get(group) for measures in found.values())
            yield f"    {label:<36}" + "".join(f"{'-' if value is None else f'{value:.4g}':>{width}}" for value in values)


def _draw(folder: Path, network: MeshEstimator, hands: LabelledHands, estimates: Estimates) -> Iterator[Path]:
    errors = aligned_errors(hands, estimates)
    for source in dict.fromkeys(hands.source.tolist()):
        rows = np.flatnonzero(hands.source == source)
        chosen = rows[best_middle_worst(errors[rows], 6)]
        path = folder / f"{network.name}_{source}.png"
        write_tiles(path, draw_estimates(hands, estimates, errors, network.faces, chosen))
        yield path


def compare_sides(arguments: argparse.Namespace) -> Summary:
    """How long networks take both hands of one person for hands of one side, on clips of one person each."""
    folder: Path = arguments.folder
    paths = [folder] if folder.is_file() else sorted(path for path in folder.glob("*") if path.suffix.lower() in CLIP_SUFFIXES)
    if not paths:
        raise InputError(f"{arguments.folder}: no clips (looked for {', '.join(CLIP_SUFFIXES)})")
    pipelines = _pipelines(arguments)
    width = _column_width(pipelines)
    title = "both hands on one side: frames of those with two hands, longest"
    text = [f"{title:<64}" + "".join(f"{name:>{width + 8}}" for name in pipelines)]
    found: dict[str, dict[str, dict[str, float]]] = {}
    for path in progress_over(paths, "clips", "clips"):
        frames = _frames(path)
        height, frame_width = frames[0].rgb.shape[:2]
        camera = Camera.from_hfov(frame_width, height, arguments.hfov)
        results = {
            model: shared_sides(progress_over(frames, f"{path.name}, {model}"), camera, pipeline) for model, pipeline in pipelines.items()
        }
        cells = (f"{r.on_one_side} of {r.with_two}, {r.longest_s:.2f} s" for r in results.values())
        text.append(f"  {f'{path.name} ({len(frames)} frames)':<62}" + "".join(f"{cell:>{width + 8}}" for cell in cells))
        found[path.name] = {model: vars(result) for model, result in results.items()}
    return _result(text, arguments, {"clips": found})


def compare_on_video(arguments: argparse.Namespace) -> Summary:
    """Two networks in the same pipeline on one video: which frames each keeps, how steady and how fast it is."""
    frames = _frames(arguments.folder)
    height, width = frames[0].rgb.shape[:2]
    camera = Camera.from_hfov(width, height, arguments.hfov)
    found = follow(progress_over(frames, "follow"), camera, (arguments.model, arguments.against))
    width = _column_width(found)
    text = [f"{arguments.folder}: {len(frames)} frames\n  {'':<38}" + "".join(f"{name:>{width}}" for name in found)]
    rows = {
        "frames with a hand": [f"{result.found.sum()}" for result in found.values()],
        "joints' acceleration, mm a frame^2": [f"{result.joint_acceleration:.2f}" for result in found.values()],
        "wrist's acceleration, mm a frame^2": [f"{result.wrist_acceleration:.2f}" for result in found.values()],
        "processor time a frame, ms (median)": [f"{result.frame_ms:.2f}" for result in found.values()],
    }
    text += [f"  {name:<38}" + "".join(f"{value:>{width}}" for value in values) for name, values in rows.items()]
    ours, other = found[arguments.model], found[arguments.against]
    lost = np.flatnonzero(other.found & ~ours.found)
    some = f" ({', '.join(map(str, lost[:10]))})" if len(lost) else ""
    text.append(f"  frames lost that {arguments.against} keeps: {len(lost)}{some}")
    text.append(f"  {arguments.against} takes {other.frame_ms / ours.frame_ms:.2f} times as long")
    figures = {model: vars(result) | {"found": int(result.found.sum())} for model, result in found.items()}
    return _result(text, arguments, {"models": figures, "frames_lost": lost})


def count_false_alarms(arguments: argparse.Namespace) -> Summary:
    """How many random crops of pictures without hands two networks take for a hand."""
    models = (arguments.model, arguments.against)
    frames = progress_over(_frames(arguments.folder), "crops of frames")
    scores = scores_without_hands(frames, [MeshNetwork(model_path(model)) for model in models])
    width = _column_width(models)
    text = [f"{arguments.folder}: {len(scores[0])} crops without a hand\n  {'':<38}" + "".join(f"{model:>{width}}" for model in models)]
    shares: dict[str, dict[str, float]] = {model: {} for model in models}
    limits = TrackingParameters()
    for name, least in (("would carry a track on", limits.keep_score), ("would begin a track", limits.start_score)):
        text.append(f"  {f'{name} (score {least})':<38}" + "".join(f"{(found >= least).mean():>{width}.1%}" for found in scores))
        for model, found in zip(models, scores, strict=True):
            shares[model][f"share that {name}"] = float((found >= least).mean())
    return _result(text, arguments, {"crops": len(scores[0]), "models": shares})


def _column_width(names: Iterable[str]) -> int:
    return max(16, *(len(name) + 2 for name in names))


def _frames(path: Path) -> list[Frame]:
    source = open_source(str(path))
    try:
        frames = []
        with Progress(f"read {path.name}", source.frame_count) as progress:
            for frame in source:
                frames.append(frame)
                progress.advance()
    finally:
        source.close()
    if not frames:
        raise InputError(nothing_read(path, source.left_out))
    if source.left_out:
        say(f"{path}: {len(frames)} frames{account(source.left_out)}")
    return frames


def plot_pck(errors: Errors, path: Path) -> None:
    """Draw the 2D and, where there are 3D labels, the 3D PCK curve."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    curves = [(errors.keypoints, PCK_2D_THRESHOLDS, "2D error, share of hand size")]
    if errors.joints_aligned:
        curves.append((errors.joints_aligned, PCK_3D_THRESHOLDS_M, "3D error after alignment, m"))
    figure, axes = pyplot.subplots(1, len(curves), figsize=(5 * len(curves), 4), squeeze=False)
    for axis, (values, thresholds, label) in zip(axes[0], curves, strict=True):
        axis.plot(thresholds, metrics.pck_curve(np.concatenate(values), thresholds))
        axis.set(xlabel=label, ylabel="share of joints below", ylim=(0, 1))
        axis.grid(visible=True)
    figure.tight_layout()
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=110, format=path.suffix[1:] or "png")
    write_whole(path, drawn.getvalue())
    pyplot.close(figure)
