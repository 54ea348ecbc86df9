"""Camera node, hand node and a listener as three ROS 2 processes; draws what came and measures it.

With --view a page in the browser instead of the listener, with --robot an arm that the hand leads.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np

from handmesh_ros.demo.processes import ProcessError
from handmesh_ros.demo.recording import Recording
from handmesh_ros.demo.report import Truth, measure, table
from handmesh_ros.demo.session import run_session
from handmesh_ros.demo.view_session import run_view_session
from handmesh_ros.errors import InputError
from handmesh_ros.files import clip_file
from handmesh_ros.hand import Hand
from handmesh_ros.options import assumed_view
from handmesh_ros.outputs import check_outputs, write_whole
from handmesh_ros.overlay import draw_hands
from handmesh_ros.perception.camera import Camera
from handmesh_ros.progress import progress_over
from handmesh_ros.provision import DEFAULT_MODEL, model_path
from handmesh_ros.sources import FrameSource, open_source, read_picture
from handmesh_ros.summary import Summary
from handmesh_ros.video import OverlayWriter
from handmesh_ros.view.server import DEFAULT_PORT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", nargs="?", metavar="INPUT", help="video, folder, picture or camera index; default: our own clip")
    parser.add_argument("--camera", type=Path, metavar="INFO.yaml", help="calibration of the input, as camera_calibration writes it")
    parser.add_argument("--hfov", type=float, default=60.0, metavar="DEGREES", help="horizontal field of view of an uncalibrated input")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model's name or an .onnx file")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long a live camera is watched")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for demo.mp4, demo.png and demo.json")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--view", action="store_true", help="show the hands in a browser, again and again until Ctrl-C; writes nothing")
    other.add_argument(
        "--robot", action="store_true", help="a right hand leads a simulated arm, in our own clip a cube; writes robot.mp4 and robot.json"
    )
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="of the page, with --view")


def main(arguments: argparse.Namespace) -> Summary:
    if not arguments.seconds > 0:
        raise InputError("--seconds must be positive")
    model_path(arguments.model)  # a missing model is told here, not in a process's log
    return (_robot if arguments.robot else _view if arguments.view else _measure)(arguments)


def _checked_input(
    arguments: argparse.Namespace, own_clip: str = "demo.mp4", own_calibration: str = "demo_camera.yaml"
) -> tuple[FrameSource, Path | None]:
    """The input and its calibration. What cannot be read is told here, too; the source is closed, for a process opens it again."""
    own = arguments.input is None
    source = open_source(str(clip_file(own_clip)) if own else arguments.input)
    source.close()
    return source, clip_file(own_calibration) if own else arguments.camera


def _check_written(outputs: list[Path], source: FrameSource, calibration: Path | None) -> None:
    check_outputs(outputs, [*source.files, *([calibration] if calibration else [])])


def _measure(arguments: argparse.Namespace) -> Summary:
    """The demo of three processes, drawn and measured."""
    own_clip = arguments.input is None
    source, calibration = _checked_input(arguments)
    outputs = [arguments.out / f"demo.{suffix}" for suffix in ("mp4", "png", "json")]
    _check_written(outputs, source, calibration)
    with tempfile.TemporaryDirectory(prefix="handmesh_demo_") as folder:
        recording = run_session(
            Path(folder), source.name, calibration, model=arguments.model, hfov=arguments.hfov, seconds=arguments.seconds, keep_frames=True
        )
        truth = Truth.read(clip_file("demo_truth.npz")) if own_clip else None
        rows = measure(recording, truth)
        rate = rows.get("rate, Hz", source.rate) if source.is_live else source.rate
        _draw(recording, Path(folder) / "frames", arguments.out, arguments.hfov, rate)
    report = {"input": str(arguments.input or "demo clip"), "model": arguments.model, **rows}
    write_whole(arguments.out / "demo.json", json.dumps(report, indent=1))
    text = f"{table(rows)}\n\nwrote {outputs[0]}, {outputs[1]} and {outputs[2]}"
    if recording.camera is None:
        text += f"\n{assumed_view('the input is not calibrated', arguments.hfov)}"
    return Summary(text, report | {"wrote": outputs})


def _view(arguments: argparse.Namespace) -> Summary:
    """The page beside the node."""
    source, calibration = _checked_input(arguments)
    with tempfile.TemporaryDirectory(prefix="handmesh_view_") as folder:
        run_view_session(Path(folder), source, calibration, model=arguments.model, hfov=arguments.hfov, port=arguments.port)
    return Summary("", {"input": source.name})


def _robot(arguments: argparse.Namespace) -> Summary:
    """The robot demo; exit code 1 where our own clip's cube was not set down elsewhere."""
    os.environ.setdefault("MUJOCO_GL", "egl")  # read when mujoco is imported; without a window
    try:
        import mink  # noqa: F401
        import mujoco  # noqa: F401
    except ImportError as error:
        raise InputError(f"--robot needs MuJoCo and mink ({error}): pip install mujoco mink, in a checkout make demo ROBOT=1") from error
    from handmesh_ros.demo.robot_session import CALIBRATION, CLIP, CUBE_ARRIVED, run_robot_session
    from handmesh_ros.demo.robot_video import draw_robot

    out, own_clip = arguments.out, arguments.input is None
    source, calibration = _checked_input(arguments, CLIP, CALIBRATION)
    if source.is_live:
        raise InputError("--robot needs an input with an end: a video or a folder of pictures")
    _check_written([out / "robot.json", out / "robot.mp4"], source, calibration)
    with tempfile.TemporaryDirectory(prefix="handmesh_robot_") as folder:
        recording, run = run_robot_session(Path(folder), source.name, calibration, arguments.model, arguments.hfov)
    if not len(run.commands):
        raise ProcessError(f"the robot got no command: no right hand was seen for long enough; the teleop node said:\n{run.log}")
    figures = run.figures()
    write_whole(out / "robot.json", json.dumps(figures, indent=1))
    text, written = [f"{name:42} {value}" for name, value in figures.items()], [out / "robot.json"]
    try:
        draw_robot(recording, run, source.name, out / "robot.mp4")
    except Exception as error:  # MuJoCo has a class of its own for each way in which there is no OpenGL
        text.append(f"no video, since MuJoCo cannot draw here ({error}): apt install libegl1 or MUJOCO_GL=osmesa")
    else:
        written.insert(0, out / "robot.mp4")
    text.append(f"wrote {' and '.join(map(str, written))}")
    return Summary("\n".join(text), figures | {"wrote": written}, [] if figures[CUBE_ARRIVED] or not own_clip else [f"not {CUBE_ARRIVED}"])


def _draw(recording: Recording, frames: Path, out: Path, hfov: float, rate: float) -> None:
    """Draw the hands over the frames they were seen in; a frame that the node left out is shown without."""
    pictures = sorted(frames.glob("*.jpg"))
    if not pictures:
        raise ProcessError("no frame arrived at the listener: is another program using the shared memory of Fast DDS (/dev/shm full)?")
    heard = recording.by_stamp
    best: tuple[float, np.ndarray] | None = None
    with OverlayWriter(out / "demo.mp4", rate) as video:
        for path in progress_over(pictures, "drawing"):
            frame = read_picture(path)
            camera = recording.camera or Camera.from_hfov(frame.shape[1], frame.shape[0], hfov)
            stamp = float(path.stem)
            hands = heard[stamp].hands if stamp in heard else ()
            hands = tuple(hand for hand in hands if len(hand.vertices))
            drawn = draw_hands(frame, hands, camera, recording.faces) if hands else frame
            video.write(drawn)
            size = max((_extent(hand, camera) for hand in hands), default=0.0)
            if best is None or size > best[0]:
                best = (size, drawn)
    assert best is not None
    with OverlayWriter(out / "demo.png", rate) as picture:
        picture.write(best[1])


def _extent(hand: Hand, camera: Camera) -> float:
    """How large the hand is in the picture, pixels: the picture for the front page shows the largest."""
    pixels = camera.project(hand.joints)
    size = np.ptp(pixels, axis=0).min()
    return float(size) if np.isfinite(size) else 0.0
