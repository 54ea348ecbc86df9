"""Benchmarks of this project against its alternatives, each in one run: ``python -m benchmarks [NAME ...]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmarks that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("which", nargs="*", metavar="BENCHMARK", help=f"any of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for plots and tables")
    arguments = parser.parse_args(argv)
    if unknown := [name for name in arguments.which if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.which or BENCHMARKS:
        print(f"\n== {name}", flush=True)
        BENCHMARKS[name](arguments.out)
    return 0


# Each imports what it needs: torch for the networks, ROS for the markers.
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


def _sensitivity(_: Path) -> None:
    from benchmarks.filters.sensitivity import orientation_sensitivity, position_sensitivity
    from benchmarks.filters.tables import sensitivity_table

    print(f"wrist position\n{sensitivity_table(position_sensitivity())}")
    orientation, fingers = orientation_sensitivity()
    print(f"\norientation\n{sensitivity_table(orientation)}\n\nfingers\n{sensitivity_table(fingers)}")


def _markers(_: Path) -> None:
    from benchmarks.markers import measure_markers

    cost = measure_markers()
    print(f"  built from Points          {cost.built_ms:8.2f} ms")
    print(f"  patched serialized bytes   {cost.patched_ms:8.2f} ms")
    print(f"  {cost.ratio:.1f} times cheaper")


def _networks(out: Path) -> None:
    from benchmarks.networks.speed import bench_networks

    bench_networks(out)


def _noise(_: Path) -> None:
    from benchmarks.networks.noise import measure_noise

    measure_noise()


BENCHMARKS: dict[str, Callable[[Path], None]] = {
    "filters": _filters,
    "sensitivity": _sensitivity,
    "markers": _markers,
    "networks": _networks,
    "noise": _noise,
}

if __name__ == "__main__":
    sys.exit(main())
