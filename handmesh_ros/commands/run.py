"""Track hands in a video, a folder of pictures, a picture or a camera, without ROS."""

from __future__ import annotations

import argparse
import signal
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from handmesh_ros.cameras import InputCamera
from handmesh_ros.errors import InputError
from handmesh_ros.outputs import LinesWriter, Output, check_outputs
from handmesh_ros.overlay import draw_hands
from handmesh_ros.perception.parameters import PipelineParameters
from handmesh_ros.perception.pipeline import HandPipeline
from handmesh_ros.provision import DEFAULT_MODEL
from handmesh_ros.records import frame_record
from handmesh_ros.sources import FrameSource, LeftOut, PictureSource, open_source
from handmesh_ros.video import OverlayWriter

NAMED = 10  # parts of the input that are named of those left out for one reason


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="INPUT", help="a video, a folder of pictures, a picture, or a camera's index (0, 1, ...)")
    camera = parser.add_mutually_exclusive_group()
    camera.add_argument("--camera", type=Path, metavar="INFO.yaml", help="calibration as camera_calibration writes it")
    camera.add_argument("--hfov", type=float, default=60.0, metavar="DEGREES", help="horizontal field of view of an uncalibrated camera")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model's name ('handmesh models' lists them) or an .onnx file")
    parser.add_argument("--max-hands", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="threads of the networks")
    parser.add_argument("--single", action="store_true", help="take every picture by itself: no tracking, no smoothing")
    parser.add_argument("--out", type=Path, metavar="HANDS.jsonl", help="write one JSON object a frame")
    parser.add_argument("--overlay", type=Path, metavar="OUT.mp4", help="write the frames with the hands drawn (.mp4, or .png for one)")


def main(arguments: argparse.Namespace) -> int:
    source = open_source(arguments.input)
    check_outputs(_outputs(arguments), [*source.files, *(Path(name) for name in (arguments.camera, arguments.model) if name)])
    input_camera = InputCamera.read(arguments.camera, arguments.hfov)
    pipeline = HandPipeline.load(arguments.model, PipelineParameters.with_max_hands(arguments.max_hands), arguments.threads)
    single = arguments.single or source.is_single
    frames_with_hand, milliseconds = 0, []
    with ExitStack() as stack:
        stack.callback(source.close)
        # SIGTERM ends a run as Ctrl-C does.
        stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, signal.default_int_handler))
        overlay = stack.enter_context(_announced(OverlayWriter(arguments.overlay, source.rate))) if arguments.overlay else None
        lines = stack.enter_context(_announced(LinesWriter(arguments.out))) if arguments.out else None
        progress = stack.enter_context(tqdm(total=source.frame_count, unit="frame", disable=None))
        try:
            for index, stamp_s, frame in source:
                begin = time.perf_counter()
                try:
                    camera = input_camera.of_frame(frame)
                except InputError as error:
                    if not isinstance(source, PictureSource):  # else the others may have the right size
                        raise
                    source.left_out.append(LeftOut(str(source.files[index]), str(error)))
                    continue
                hands = pipeline.process_single(frame, camera) if single else pipeline.process(frame, camera, stamp_s)
                milliseconds.append(1e3 * (time.perf_counter() - begin))
                frames_with_hand += bool(hands)
                if lines is not None:
                    lines.write(frame_record(index, stamp_s, hands))
                if overlay is not None:
                    overlay.write(draw_hands(frame, hands, camera, pipeline.faces))
                progress.update()
        except KeyboardInterrupt:
            if not source.is_live:  # to stop is the ordinary end of a live one
                raise
        if not milliseconds:
            raise InputError(f"{arguments.input}: no frame could be read{_account(source.left_out)}")
    _print_summary(arguments, source, pipeline, frames_with_hand, milliseconds)
    return 0


def _outputs(arguments: argparse.Namespace) -> list[Path]:
    return [path for path in (arguments.out, arguments.overlay) if path is not None]


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


def _account(left_out: Sequence[LeftOut]) -> str:
    """What was left out, one line a reason."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for what, why in left_out:
        reasons[why].append(what)
    lines = ""
    for why, whats in reasons.items():
        more = f" and {len(whats) - NAMED} more" if len(whats) > NAMED else ""
        lines += f"\n  {len(whats)} left out, {why}: {', '.join(whats[:NAMED])}{more}"
    return lines


def _print_summary(
    arguments: argparse.Namespace, source: FrameSource, pipeline: HandPipeline, frames_with_hand: int, milliseconds: Sequence[float]
) -> None:
    count = len(milliseconds)
    share = 100 * frames_with_hand / count
    print(f"{arguments.input}: {count} frames, a hand in {frames_with_hand} ({share:.1f} %){_account(source.left_out)}")
    median = statistics.median(milliseconds)
    print(f"model {pipeline.model_name}: {median:.1f} ms a frame (median), {pipeline.detector_calls} calls of the palm detector")
    for path in _outputs(arguments):
        print(f"wrote {path}")
    if arguments.camera is None:
        print(f"camera not calibrated: distances assume {arguments.hfov:g} degrees of horizontal view (--camera INFO.yaml mends it)")
