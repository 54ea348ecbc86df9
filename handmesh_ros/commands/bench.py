"""What this machine needs for a frame: stages (each step of perception, without ROS) and node (the whole node over real DDS); and whether
the node endures: endurance (minutes of two hands at 30 Hz, faults on a schedule, broken inputs for every reader).
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from handmesh_ros.errors import InputError
from handmesh_ros.files import clip_file
from handmesh_ros.progress import say
from handmesh_ros.summary import Summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("which", nargs="*", metavar="BENCH", help=f"any of {', '.join(BENCHES)}; default: all")
    parser.add_argument("--minutes", type=float, default=2.0, help="endurance: of calm, before the faults (60 for the long run)")
    parser.add_argument("--fuzz", type=int, default=5000, metavar="INPUTS", help="endurance: broken inputs (100000 for the long run)")
    parser.add_argument("--seed", type=int, default=0, help="endurance: the same seed makes the same inputs and faults")
    parser.add_argument("--out", type=Path, default=Path("out", "endurance"), help="endurance: folder for inputs that a reader failed at")


def main(arguments: argparse.Namespace) -> Summary:
    unknown = [name for name in arguments.which if name not in BENCHES]
    if unknown:
        raise InputError(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHES)}")
    if not (0 < arguments.minutes < math.inf and arguments.fuzz >= 1 and arguments.seed >= 0):
        raise InputError("--minutes must be positive, --fuzz 1 at least and --seed 0 at least")
    results: dict[str, Summary] = {}
    for name in arguments.which or BENCHES:
        say(f"measuring: {name} ...")
        results[name] = BENCHES[name](arguments)
    text = "\n\n".join(f"== {name}\n{result.text}" for name, result in results.items())
    errors = [error for result in results.values() for error in result.errors]
    return Summary(text, {name: result.figures for name, result in results.items()}, errors, is_result=True)


def _stages(_: argparse.Namespace) -> Summary:
    from handmesh_ros.bench.stages import measure_stages
    from handmesh_ros.perception.camera import Camera

    costs = measure_stages(clip_file("demo.mp4"), Camera.from_yaml(clip_file("demo_camera.yaml")))
    return Summary(costs.table(), asdict(costs))


def _node(_: argparse.Namespace) -> Summary:
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
    return Summary("\n".join(text), {**rows, "cpu": asdict(cost)})


def _endurance(arguments: argparse.Namespace) -> Summary:
    from handmesh_ros.bench.endurance.report import FUZZ_HEADER, aims_table, fuzz_aims, fuzz_failures, fuzz_line, soak_aims, soak_table
    from handmesh_ros.bench.endurance.soak import soak
    from handmesh_ros.bench.fuzz.campaign import fuzz
    from handmesh_ros.bench.fuzz.targets import TARGETS, target_named

    say(f"{arguments.minutes:g} minutes of calm, then rounds of faults, each of about three minutes ...")
    result = soak(60.0 * arguments.minutes, arguments.seed)
    say(f"{soak_table(result)}\n\n{FUZZ_HEADER}")  # an hour of work is told before the next begins
    results = []
    for one in fuzz(target_named, list(TARGETS), arguments.fuzz, arguments.seed, arguments.out):
        say(fuzz_line(one))
        results.append(one)
    aims = [*soak_aims(result, 60.0 * arguments.minutes), *fuzz_aims(results)]
    parts = [soak_table(result), "\n".join([FUZZ_HEADER, *map(fuzz_line, results)]), fuzz_failures(results), aims_table(aims)]
    missed = [f"missed: {aim.text}: {aim.measured}" for aim in aims if aim.met is False]
    return Summary("\n\n".join(filter(None, parts)), {"aims": [aim._asdict() for aim in aims]}, missed)


BENCHES: dict[str, Callable[[argparse.Namespace], Summary]] = {"stages": _stages, "node": _node, "endurance": _endurance}
