"""What this machine needs for a frame: stages (each step of perception, without ROS) and node (the whole node over real DDS)."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from handmesh_ros.errors import InputError
from handmesh_ros.files import clip_file
from handmesh_ros.progress import say
from handmesh_ros.summary import Summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("which", nargs="*", metavar="BENCH", help=f"any of {', '.join(BENCHES)}; default: all")


def main(arguments: argparse.Namespace) -> Summary:
    unknown = [name for name in arguments.which if name not in BENCHES]
    if unknown:
        raise InputError(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHES)}")
    text, figures = list[str](), dict[str, dict[str, Any]]()
    for name in arguments.which or BENCHES:
        say(f"measuring: {name} ...")
        table, figures[name] = BENCHES[name]()
        text.append(f"== {name}\n{table}")
    return Summary("\n\n".join(text), figures, is_result=True)


def _stages() -> tuple[str, dict[str, Any]]:
    from handmesh_ros.bench.stages import measure_stages
    from handmesh_ros.perception.camera import Camera

    costs = measure_stages(clip_file("demo.mp4"), Camera.from_yaml(clip_file("demo_camera.yaml")))
    return costs.table(), asdict(costs)


def _node() -> tuple[str, dict[str, Any]]:
    from handmesh_ros.bench.node_cost import measure_node
    from handmesh_ros.demo.report import measure, table
    from handmesh_ros.demo.session import run_session
    from handmesh_ros.provision import DEFAULT_MODEL

    with tempfile.TemporaryDirectory(prefix="handmesh_bench_") as folder:
        recording = run_session(
            Path(folder), str(clip_file("demo.mp4")), clip_file("demo_camera.yaml"),
            model=DEFAULT_MODEL, hfov=60.0, seconds=0.0, keep_frames=False,
        )  # fmt: skip
    rows = measure(recording, None)
    latency, inference = rows["latency image stamp to message received, median, ms"], rows["stage network, ms"]
    cost = measure_node(clip_file("demo.mp4"))
    text = [
        table(rows),
        f"  CPU time of the node's process a frame: networks {cost.networks_ms:.1f} ms, everything else {cost.outside_ms:.1f} ms",
        f"  median latency is inference + {latency - inference:.1f} ms",
    ]
    return "\n".join(text), {**rows, "cpu": asdict(cost)}


BENCHES: dict[str, Callable[[], tuple[str, dict[str, Any]]]] = {"stages": _stages, "node": _node}
