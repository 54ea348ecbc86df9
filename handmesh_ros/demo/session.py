"""One run of camera, hand node and listener, and what the listener heard."""

from __future__ import annotations

import time
from pathlib import Path

from handmesh_ros.demo.processes import Processes, RosProcess
from handmesh_ros.demo.recording import Recording, read_recording
from handmesh_ros.progress import Progress, say
from handmesh_ros.sources import open_source

STILL_PICTURE_S = 3.0  # how long a single picture is shown


def run_session(
    folder: Path, clip: str, calibration: Path | None, *, model: str, hfov: float, seconds: float, keep_frames: bool
) -> Recording:
    """Run the three processes until the input ends.

    Args:
        folder: takes the logs and what the listener writes; with ``keep_frames`` also frames/<stamp in s>.jpg.
        clip: video, folder, picture or camera index.
        calibration: of the input, or None: then the node assumes ``hfov`` degrees and marks its hands as not metric.
        seconds: how long a live camera is watched.

    Raises:
        ProcessError: a process did not start, or ended with an error.
        SourceError: the input cannot be read.
    """
    source = open_source(clip)
    source.close()
    endless = source.is_live or source.is_single
    shown_s = seconds if source.is_live else STILL_PICTURE_S
    total = round(shown_s * source.rate) if endless else source.frame_count
    lines, meshes = folder / "hands.jsonl", folder / "meshes.npz"
    with Processes(folder) as processes:
        say("starting the hand node, a listener and a camera as three processes ...")
        hand_node = processes.start("handmesh_ros.node.hand_node", {"model": model, "fallback_hfov_deg": float(hfov)})
        frames = str(folder / "frames") if keep_frames else ""
        processes.start("handmesh_ros.demo.listener", {"out": str(lines), "mesh_out": str(meshes), "frames_out": frames})
        hand_node.wait_for_line("ready")
        camera = processes.start(
            "handmesh_ros.node.camera_node",
            {
                "input": clip,
                "camera_info": str(calibration or ""),
                "wait_for_subscribers": 2 if keep_frames else 1,
                "loop": source.is_single,
            },
        )
        _follow(processes, camera, lines, total, endless)
        time.sleep(0.5)  # the last frame's way through the network and back
        for warning in _warnings(hand_node):
            say(warning)
    return read_recording(lines, meshes)


def _follow(processes: Processes, camera: RosProcess, lines: Path, total: int | None, endless: bool) -> None:
    """Show the answered frames until the camera has ended, or has sent enough where it would not end."""
    with Progress("hands", total) as progress:
        while camera.running:
            time.sleep(0.1)
            processes.check()
            answered = lines.read_text(encoding="utf-8").count('"kind": "hands"') if lines.exists() else 0
            progress.reach(answered)
            if endless and total is not None and answered >= total:
                break
    processes.check()


def _warnings(process: RosProcess) -> list[str]:
    """The node's warnings and errors; they would be on the terminal of who starts it by hand."""
    return [line for line in process.read_log().splitlines() if "[WARN]" in line or "[ERROR]" in line]
