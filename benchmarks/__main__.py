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


SHARED_FOLDER = Path("../shared")  # clips and pictures that are not the project's own
RECORDINGS = Path("runs/motion")  # what networks said of rendered motions; not committed

FUSION_RECORDINGS = Path("runs/fusion")  # the same from several places


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


def _motion(out: Path) -> None:
    from benchmarks.motion.measure import held_share, measure_motions, motion_table, read_motions, rivals
    from benchmarks.motion.plot import plot_motions

    files = sorted(RECORDINGS.glob("*.npz"))
    if not files:
        raise SystemExit(f"no recording: 'python -m benchmarks.motion.record --model NAME --out {RECORDINGS}/NAME.npz' makes one")
    for path in files:
        seen = list(read_motions(path))
        rows = []
        for rival in rivals():
            try:
                rows.append((rival.name, measure_motions(seen, rival.run)))
            except ModuleNotFoundError:
                print(f"{rival.name} left out, its package is not installed")
        print(f"\nrecorded: {path.stem}\n{motion_table(rows)}", flush=True)
        held = ", ".join(f"{100 * share:.0f}" for share in held_share(seen))
        print(f"95 % ellipsoids hold the truth in {held} % of frames, joint by joint")
        plot_motions(seen, out / f"motion_{path.stem}.png")


def _fusion(_: Path) -> None:
    from benchmarks.fusion.measure import fusion_table

    files = sorted(FUSION_RECORDINGS.glob("*.npz"))
    if not files:
        raise SystemExit(f"no recording: 'python -m benchmarks.fusion.record --out {FUSION_RECORDINGS}/NAME.npz' makes one")
    for path in files:
        print(f"\nrecorded: {path.stem}\n{fusion_table(path)}", flush=True)


def _sides(_: Path) -> None:
    from benchmarks.sides import measure_sides
    from handmesh_ros.perception import HandPipeline

    clips = [path for folder in ("real_video", "video") for path in sorted((SHARED_FOLDER / folder).glob("*.m[kp][v4]"))]
    negatives = sorted((SHARED_FOLDER / "negatives").glob("*.jpg"))
    if not clips or not negatives:
        raise SystemExit(f"no clips in {SHARED_FOLDER}/real_video, or no pictures in {SHARED_FOLDER}/negatives")
    measure_sides(clips, negatives, HandPipeline.load())


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


def _robot(_: Path) -> None:
    try:
        from benchmarks.robot import play
    except ImportError as error:
        print(f"left out: {error}; pip install mujoco mink")
        return
    results = [play(seed)[0] for seed in range(10)]
    print(f"a hand seen by the network: the cube is lifted and set down in {sum(results)} of {len(results)} runs with different noise")


BENCHMARKS: dict[str, Callable[[Path], None]] = {
    "filters": _filters,
    "motion": _motion,
    "fusion": _fusion,
    "sides": _sides,
    "sensitivity": _sensitivity,
    "markers": _markers,
    "networks": _networks,
    "noise": _noise,
    "robot": _robot,
}

if __name__ == "__main__":
    sys.exit(main())
