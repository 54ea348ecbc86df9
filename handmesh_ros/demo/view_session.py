"""Camera, hand node and the page in the browser as three processes, until Ctrl-C."""

from __future__ import annotations

import time
from pathlib import Path

from handmesh_ros.demo.processes import Processes
from handmesh_ros.progress import say
from handmesh_ros.sources import FrameSource
from handmesh_ros.view.server import address_of

HOST = "127.0.0.1"


def run_view_session(folder: Path, source: FrameSource, calibration: Path | None, *, model: str, hfov: float, port: int) -> None:
    """Serve the page until Ctrl-C; a recording is played again and again.

    Args:
        folder: takes the logs.
        source: what the camera node opens: its name is read, its frames are not.
        calibration: of the input, or None: then the node assumes ``hfov`` degrees and marks its hands as not metric.

    Raises:
        ProcessError: a process did not start, or ended with an error.
    """
    with Processes(folder) as processes:
        say("starting the page, the hand node and a camera as three processes ...")
        page = processes.start("handmesh_ros.node.view_node", {"host": HOST, "port": port})
        hand_node = processes.start("handmesh_ros.node.hand_node", {"model": model, "fallback_hfov_deg": float(hfov)})
        for process in (page, hand_node):
            process.wait_for_line("ready")
        camera = processes.start(
            "handmesh_ros.node.camera_node",
            {"input": source.name, "camera_info": str(calibration or ""), "loop": not source.is_live, "wait_for_subscribers": 1},
        )
        print(f"{address_of(HOST, port)}   (Ctrl-C ends it)", flush=True)
        while camera.running:
            time.sleep(0.2)
            processes.check()
