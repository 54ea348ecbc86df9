"""Benchmarks, each in one run: stages (perception), markers and node (ROS), filters (smoothing), models (networks)."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from handmesh_ros.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("which", nargs="*", metavar="BENCH", help=f"any of {', '.join(BENCHES)}; default: all")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for plots and tables")


def main(arguments: argparse.Namespace) -> int:
    unknown = [name for name in arguments.which if name not in BENCHES]
    if unknown:
        raise InputError(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHES)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.which or BENCHES:
        print(f"\n== {name}", flush=True)
        BENCHES[name](arguments.out)
    return 0


def _stages(out: Path) -> None:
    from handmesh_ros.bench.stages import measure_stages
    from handmesh_ros.demo.session import clip_file
    from handmesh_ros.perception.camera import Camera

    costs = measure_stages(clip_file("demo.mp4"), Camera.from_yaml(clip_file("demo_camera.yaml")))
    print(costs.table())


def _markers(out: Path) -> None:
    from benchmarks.markers import measure_markers

    cost = measure_markers()
    print(f"  built from Points          {cost.built_ms:8.2f} ms")
    print(f"  patched serialized bytes   {cost.patched_ms:8.2f} ms")
    print(f"  {cost.ratio:.1f} times cheaper")


def _node(out: Path) -> None:
    from handmesh_ros.bench.node_cost import measure_node
    from handmesh_ros.demo.report import measure, table
    from handmesh_ros.demo.session import clip_file, run_session
    from handmesh_ros.provision import DEFAULT_MODEL

    with tempfile.TemporaryDirectory(prefix="handmesh_bench_") as folder:
        recording = run_session(
            Path(folder), str(clip_file("demo.mp4")), clip_file("demo_camera.yaml"),
            model=DEFAULT_MODEL, hfov=60.0, seconds=0.0, keep_frames=False,
        )  # fmt: skip
    rows = measure(recording, None)
    print(table(rows))
    latency, inference = rows["latency image stamp to message received, median, ms"], rows["stage network, ms"]
    cost = measure_node(clip_file("demo.mp4"))
    print(f"  CPU time of the node's process a frame: networks {cost.networks_ms:.1f} ms, everything else {cost.outside_ms:.1f} ms")
    print(f"  median latency is inference + {latency - inference:.1f} ms")


def _filters(out: Path) -> None:
    from benchmarks.filters.orientation import measure_orientations
    from benchmarks.filters.position import beaten, default_row, measure_filters
    from benchmarks.filters.recorded import measure_recording, recordings
    from benchmarks.filters.tables import hand_table, plot, position_table

    rows = measure_filters()
    print(f"wrist position\n{position_table(rows)}")
    steadier = beaten(default_row(rows), rows)
    print("the default is steadier than " + (f"all but {', '.join(r.candidate.family for r in steadier)}" if steadier else "every rival"))
    plot(rows, out / "filters_pareto.png")
    print(f"wrote {out / 'filters_pareto.png'}")
    print(f"\norientation\n{hand_table(measure_orientations())}")
    for recording in recordings():
        print(f"\nrecorded: {recording.name}\n{hand_table(measure_recording(recording))}", flush=True)


def _models(out: Path) -> None:
    from benchmarks.networks.speed import bench_models

    bench_models(out)


BENCHES: dict[str, Callable[[Path], None]] = {
    "stages": _stages,
    "markers": _markers,
    "node": _node,
    "filters": _filters,
    "models": _models,
}
