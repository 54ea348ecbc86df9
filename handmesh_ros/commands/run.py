"""Track hands in a video, a folder of pictures, a picture, a camera or a ROS recording, without ROS."""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from handmesh_ros.cameras import InputCamera
from handmesh_ros.errors import InputError
from handmesh_ros.options import add_camera_options, add_network_options, assumed_view
from handmesh_ros.outputs import LinesWriter, Output, check_outputs
from handmesh_ros.overlay import draw_hands
from handmesh_ros.perception.parameters import PipelineParameters
from handmesh_ros.perception.pipeline import HandPipeline
from handmesh_ros.progress import Progress, hands_so_far
from handmesh_ros.recordings.recognition import open_input
from handmesh_ros.recordings.seen import MeshModel, Recorder, SeenFrame
from handmesh_ros.records import frame_record
from handmesh_ros.sources import FrameSource, LeftOut, PictureSource, account, nothing_read
from handmesh_ros.summary import Summary
from handmesh_ros.video import OverlayWriter

# Option, module, class.
RECORDERS = (
    ("mcap", "mcap_file", "McapWriter"),
    ("rerun", "rerun_file", "RerunWriter"),
    ("csv", "tables", "CsvWriter"),
    ("npz", "tables", "NpzWriter"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input", metavar="INPUT", help="a video, a folder of pictures, a picture, a camera's index (0, 1, ...), or a rosbag2 recording"
    )
    parser.add_argument("--topic", help="images of a ROS recording, where it has more than one camera")
    add_camera_options(parser)
    add_network_options(parser)
    parser.add_argument("--threads", type=int, default=1, help="threads of the networks")
    parser.add_argument("--single", action="store_true", help="take every picture by itself: no tracking, no smoothing")
    parser.add_argument("--out", type=Path, metavar="HANDS.jsonl", help="write one JSON object a frame")
    parser.add_argument("--overlay", type=Path, metavar="OUT.mp4", help="write the frames with the hands drawn (.mp4, or .png for one)")
    parser.add_argument("--mcap", type=Path, metavar="OUT.mcap", help="write the node's topics as a recording for ros2 bag and Foxglove")
    parser.add_argument("--rerun", type=Path, metavar="OUT.rrd", help="write a recording for the Rerun viewer")
    parser.add_argument("--csv", type=Path, metavar="OUT.csv", help="write one row a hand and frame")
    parser.add_argument("--npz", type=Path, metavar="OUT.npz", help="write arrays of all hands, with meshes")


def main(arguments: argparse.Namespace) -> Summary:
    source = open_input(arguments.input, arguments.topic)
    check_outputs(_outputs(arguments), [*source.files, *(Path(name) for name in (arguments.camera, arguments.model) if name)])
    input_camera = InputCamera.read(arguments.camera, arguments.hfov)
    pipeline = HandPipeline.load(arguments.model, PipelineParameters.with_max_hands(arguments.max_hands), arguments.threads)
    single = arguments.single or source.is_single
    model = MeshModel(pipeline.model_name, pipeline.faces, pipeline.network.vertex_count)
    frames_with_hand, assumed, milliseconds = 0, 0, list[float]()
    started = time.perf_counter()
    with ExitStack() as stack:
        stack.callback(source.close)
        overlay = stack.enter_context(_announced(OverlayWriter(arguments.overlay, source.rate))) if arguments.overlay else None
        lines = stack.enter_context(_announced(LinesWriter(arguments.out))) if arguments.out else None
        recorders = [stack.enter_context(_announced(writer(path, model))) for path, writer in _recorders(arguments)]
        progress = stack.enter_context(Progress(Path(source.name).name, source.frame_count))
        try:
            for frame in source:
                begin = time.perf_counter()
                try:
                    camera = input_camera.of_frame(frame.rgb, frame.camera)
                except InputError as error:
                    if not isinstance(source, PictureSource):  # else the others may have the right size
                        raise
                    source.left_out.append(LeftOut(str(source.files[frame.number]), str(error)))
                    continue
                hands = pipeline.process_single(frame.rgb, camera) if single else pipeline.process(frame.rgb, camera, frame.stamp_s)
                work_s = time.perf_counter() - begin
                milliseconds.append(1e3 * work_s)
                frames_with_hand += bool(hands)
                assumed += not camera.calibrated
                if lines is not None:
                    lines.write(frame_record(frame.number, frame.stamp_s, hands))
                if overlay is not None:
                    overlay.write(draw_hands(frame.rgb, hands, camera, pipeline.faces))
                seen = SeenFrame(frame, camera, hands, hands if single else pipeline.raw_hands, work_s)
                for recorder in recorders:
                    recorder.write(seen)
                progress.advance(note=hands_so_far(frames_with_hand, len(source.left_out)))
        except KeyboardInterrupt:
            if not source.is_live:  # to stop is the ordinary end of a live one
                raise
        if not milliseconds:
            raise InputError(nothing_read(arguments.input, source.left_out))
    return _summary(arguments, source, pipeline, frames_with_hand, assumed, milliseconds, time.perf_counter() - started)


def _outputs(arguments: argparse.Namespace) -> list[Path]:
    given = (arguments.out, arguments.overlay, arguments.mcap, arguments.rerun, arguments.csv, arguments.npz)
    return [path for path in given if path is not None]


def _recorders(arguments: argparse.Namespace) -> Iterator[tuple[Path, Callable[[Path, MeshModel], Recorder]]]:
    """Imported when asked for: each needs packages that the others do without."""
    for name, module, writer in RECORDERS:
        path = getattr(arguments, name)
        if path is not None:
            yield path, getattr(importlib.import_module(f"handmesh_ros.recordings.{module}"), writer)


AnyOutput = TypeVar("AnyOutput", bound=Output)


@contextmanager
def _announced(output: AnyOutput) -> Iterator[AnyOutput]:
    """The output for a ``with`` block; of a run that failed, says what is left."""
    try:
        with output:
            yield output
    finally:
        if output.remains is not None:
            print(f"{output.path} was not finished; {output.remains} has what was written until then", file=sys.stderr)


def _summary(
    arguments: argparse.Namespace, source: FrameSource, pipeline: HandPipeline, frames_with_hand: int, assumed: int,
    milliseconds: Sequence[float], seconds: float,
) -> Summary:  # fmt: skip
    count, median, outputs = len(milliseconds), statistics.median(milliseconds), _outputs(arguments)
    share = 100 * frames_with_hand / count
    text = [
        f"{arguments.input}: {count} frames, a hand in {frames_with_hand} ({share:.1f} %){account(source.left_out)}",
        f"model {pipeline.model_name}: {median:.1f} ms a frame (median), {pipeline.detector_calls} calls of the palm detector; "
        f"{count / seconds:.1f} frames/s with reading and writing",
        *(f"wrote {path}" for path in outputs),
    ]
    if assumed:
        text.append(assumed_view(source.uncalibrated, arguments.hfov))
    figures = {
        "input": arguments.input, "model": pipeline.model_name, "frames": count, "frames_with_hand": frames_with_hand,
        "frames_not_calibrated": assumed, "left_out": [part._asdict() for part in source.left_out], "seconds": seconds,
        "median_frame_ms": median, "detector_calls": pipeline.detector_calls, "wrote": outputs,
    }  # fmt: skip
    return Summary("\n".join(text), figures)
