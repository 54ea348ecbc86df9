"""What this machine needs for a frame: stages (each step of perception, without ROS) and node (the whole node over real DDS); and whether
the node endures: endurance (minutes of two hands at 30 Hz, faults on a schedule, broken inputs for every reader).
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

from handmesh_ros.errors import InputError
from handmesh_ros.files import clip_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("which", nargs="*", metavar="BENCH", help=f"any of {', '.join(BENCHES)}; default: all")
    parser.add_argument("--minutes", type=float, default=2.0, help="endurance: of calm, before the faults (60 for the long run)")
    parser.add_argument("--fuzz", type=int, default=5000, metavar="INPUTS", help="endurance: broken inputs (100000 for the long run)")
    parser.add_argument("--seed", type=int, default=0, help="endurance: the same seed makes the same inputs and faults")
    parser.add_argument("--out", type=Path, default=Path("out", "endurance"), help="endurance: folder for inputs that a reader failed at")


def main(arguments: argparse.Namespace) -> int:
    unknown = [name for name in arguments.which if name not in BENCHES]
    if unknown:
        raise InputError(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHES)}")
    if not (0 < arguments.minutes < math.inf and arguments.fuzz >= 1 and arguments.seed >= 0):
        raise InputError("--minutes must be positive, --fuzz 1 at least and --seed 0 at least")
    passed = True
    for name in arguments.which or BENCHES:
        print(f"\n== {name}", flush=True)
        passed &= BENCHES[name](arguments)
    return 0 if passed else 1


def _stages(_: argparse.Namespace) -> bool:
    from handmesh_ros.bench.stages import measure_stages
    from handmesh_ros.perception.camera import Camera

    costs = measure_stages(clip_file("demo.mp4"), Camera.from_yaml(clip_file("demo_camera.yaml")))
    print(costs.table())
    return True


def _node(_: argparse.Namespace) -> bool:
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
    print(table(rows))
    latency, inference = rows["latency image stamp to message received, median, ms"], rows["stage network, ms"]
    cost = measure_node(clip_file("demo.mp4"))
    print(f"  CPU time of the node's process a frame: networks {cost.networks_ms:.1f} ms, everything else {cost.outside_ms:.1f} ms")
    print(f"  median latency is inference + {latency - inference:.1f} ms")
    return True


def _endurance(arguments: argparse.Namespace) -> bool:
    """Whether no aim was missed."""
    from handmesh_ros.bench.endurance.report import FUZZ_HEADER, aims_table, fuzz_aims, fuzz_failures, fuzz_line, soak_aims, soak_table
    from handmesh_ros.bench.endurance.soak import soak
    from handmesh_ros.bench.fuzz.campaign import fuzz
    from handmesh_ros.bench.fuzz.targets import TARGETS, target_named

    print(f"{arguments.minutes:g} minutes of calm, then rounds of faults, each of about three minutes ...", flush=True)
    result = soak(60.0 * arguments.minutes, arguments.seed)
    print(f"{soak_table(result)}\n\n{FUZZ_HEADER}", flush=True)
    results = []
    for one in fuzz(target_named, list(TARGETS), arguments.fuzz, arguments.seed, arguments.out):
        print(fuzz_line(one), flush=True)
        results.append(one)
    print(f"{fuzz_failures(results)}\n")
    aims = [*soak_aims(result, 60.0 * arguments.minutes), *fuzz_aims(results)]
    print(aims_table(aims))
    return all(aim.met is not False for aim in aims)


# Name -> what runs it; False where something is not as it should be.
BENCHES: dict[str, Callable[[argparse.Namespace], bool]] = {"stages": _stages, "node": _node, "endurance": _endurance}
