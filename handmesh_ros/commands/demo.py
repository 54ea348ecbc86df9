"""Camera node, hand node and a listener as three ROS 2 processes; draws what came and measures it."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from handmesh_ros.commands.run import OverlayWriter
from handmesh_ros.demo.processes import ProcessError, Processes, RosProcess
from handmesh_ros.demo.recording import Recording, read_recording
from handmesh_ros.demo.report import Truth, measure, table
from handmesh_ros.hand import Hand
from handmesh_ros.node.process import config_file
from handmesh_ros.overlay import draw_hands
from handmesh_ros.perception.camera import Camera
from handmesh_ros.provision import model_path
from handmesh_ros.sources import open_source, read_picture

STILL_PICTURE_S = 3.0  # how long a single picture is shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", nargs="?", metavar="INPUT", help="video, folder, picture or camera index; default: our own clip")
    parser.add_argument("--camera", type=Path, metavar="INFO.yaml", help="calibration of the input, as camera_calibration writes it")
    parser.add_argument("--hfov", type=float, default=60.0, metavar="DEGREES", help="horizontal field of view of an uncalibrated input")
    parser.add_argument("--model", default="lifted", help="a model's name or an .onnx file")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long a live camera is watched")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for demo.mp4, demo.png and demo.json")


def main(arguments: argparse.Namespace) -> int:
    own_clip = arguments.input is None
    clip, calibration = (_clip_file("demo.mp4"), _clip_file("demo_camera.yaml")) if own_clip else (arguments.input, arguments.camera)
    model_path(arguments.model)  # a missing model is told here, not in a process's log
    source = open_source(str(clip))
    source.close()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="handmesh_demo_") as folder:
        recording = _run(Path(folder), str(clip), calibration, arguments, source.frame_count, source.rate, source.is_live, source.is_single)
        truth = Truth.read(_clip_file("demo_truth.npz")) if own_clip else None
        rows = measure(recording, truth)
        rate = rows.get("rate, Hz", source.rate) if source.is_live else source.rate
        _draw(recording, Path(folder) / "frames", arguments.out, arguments.hfov, rate)
    report = {"input": str(arguments.input or "demo clip"), "model": arguments.model, **rows}
    (arguments.out / "demo.json").write_text(json.dumps(report, indent=1))
    print(f"\n{table(rows)}\n")
    print(f"wrote {arguments.out / 'demo.mp4'}, {arguments.out / 'demo.png'} and {arguments.out / 'demo.json'}")
    if recording.camera is None:
        print(f"the input is not calibrated: distances assume a field of view of {arguments.hfov:g} degrees (--camera INFO.yaml mends it)")
    return 0


def _run(
    folder: Path,
    clip: str,
    calibration: Path | None,
    arguments: argparse.Namespace,
    frame_count: int | None,
    rate: float,
    is_live: bool,
    is_single: bool,
) -> Recording:
    lines, meshes = folder / "hands.jsonl", folder / "meshes.npz"
    with Processes(folder) as processes:
        print("starting the hand node, a listener and a camera as three processes ...", flush=True)
        hand_node = processes.start(
            "handmesh_ros.node.hand_node", {"model": arguments.model, "fallback_hfov_deg": float(arguments.hfov)}
        )
        processes.start(
            "handmesh_ros.node.listener", {"out": str(lines), "mesh_out": str(meshes), "frames_out": str(folder / "frames")}
        )
        hand_node.wait_for_line("ready")
        camera = processes.start(
            "handmesh_ros.node.camera_node",
            {"input": clip, "camera_info": str(calibration or ""), "wait_for_subscribers": 2, "loop": is_single},
        )
        total = round(arguments.seconds * rate) if is_live else round(STILL_PICTURE_S * rate) if is_single else frame_count
        _follow(processes, camera, lines, total, is_live or is_single)
        time.sleep(0.5)  # the last frame's way through the network and back
        print(_warnings(hand_node), end="")
    return read_recording(lines, meshes)


def _follow(processes: Processes, camera: RosProcess, lines: Path, total: int | None, endless: bool) -> None:
    """Show the answered frames until the camera has ended, or has sent enough where it would not end."""
    with tqdm(total=total, unit="frame", desc="hands", disable=None) as progress:
        while camera.running:
            time.sleep(0.1)
            processes.check()
            answered = lines.read_text(encoding="utf-8").count('"kind": "hands"') if lines.exists() else 0
            progress.update(answered - progress.n)
            if endless and total is not None and answered >= total:
                break
    processes.check()


def _warnings(process: RosProcess) -> str:
    """The node's warnings and errors; they would be on the terminal of who starts it by hand."""
    return "".join(f"{line}\n" for line in process.read_log().splitlines() if "[WARN]" in line or "[ERROR]" in line)


def _draw(recording: Recording, frames: Path, out: Path, hfov: float, rate: float) -> None:
    """Draw the hands over the frames they were seen in; a frame that the node left out is shown without."""
    pictures = sorted(frames.glob("*.jpg"))
    if not pictures:
        raise ProcessError("no frame arrived at the listener: is another program using the shared memory of Fast DDS (/dev/shm full)?")
    heard = recording.by_stamp
    best: tuple[float, np.ndarray] | None = None
    with OverlayWriter(out / "demo.mp4", rate) as video:
        for path in tqdm(pictures, unit="frame", desc="drawing", disable=None):
            frame = read_picture(path)
            camera = recording.camera or Camera.from_hfov(frame.shape[1], frame.shape[0], hfov)
            stamp = round(int(path.stem) * 1e-9, 9)
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


def _clip_file(name: str) -> Path:
    path = config_file(f"demo/{name}")
    if path is None:
        raise FileNotFoundError(f"the demo clip config/demo/{name} is missing: install the package again, or name an INPUT of your own")
    return path
