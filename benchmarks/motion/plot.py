"""The Pareto plot of the benchmark on recorded motions: steady against quick, of the wrist and of the fingers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.filters.candidates import candidates
from benchmarks.motion.measure import Figures, Seen, filtered_joints, measure_motions, ours
from handmesh_ros.perception.articulated.estimator import EstimatorParameters

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the estimate's accelerations
LEFT_OUT = ("none", "ours: still or moving", "Kalman, ray", "One-Euro, ray")


def plot_motions(seen: Sequence[Seen], path: Path) -> None:
    """Jitter over lag of every family at all of its settings; lower left is better. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    families: dict[str, list[Figures]] = {"the estimate": []}
    default = EstimatorParameters()
    for factor in FACTORS:
        parts = {name: getattr(default, name) for name in ("place", "turn", "fingers")}
        scaled = {name: replace(part, acceleration=factor * part.acceleration) for name, part in parts.items()}
        families["the estimate"].append(measure_motions(seen, ours(replace(default, **scaled))))
    for candidate in candidates():
        if candidate.family not in LEFT_OUT:
            try:
                families.setdefault(candidate.family, []).append(measure_motions(seen, filtered_joints(candidate.make)))
            except ModuleNotFoundError:
                continue  # the table has said so
    figure, (wrist, fingers) = pyplot.subplots(1, 2, figsize=(11, 4.5), dpi=110)
    for i, (family, rows) in enumerate(families.items()):
        style = {"color": f"C{i}", "label": family, "linewidth": 2 if i == 0 else 1, "markersize": 4}
        wrist.plot([r.lag_ms for r in rows], [r.depth_jitter_mm for r in rows], "-o" if i == 0 else "--s", **style)
        fingers.plot([r.finger_lag_ms for r in rows], [r.finger_jitter_deg for r in rows], "-o" if i == 0 else "--s", **style)
    wrist.set(xlabel="lag of the wrist, ms", ylabel="jitter in depth, mm", yscale="log", xlim=(-20, 200))
    fingers.set(xlabel="lag of the fingers, ms", ylabel="jitter of finger bones, degrees", yscale="log", xlim=(-20, 200))
    for axes in (wrist, fingers):
        axes.grid(alpha=0.3, which="both")
    fingers.legend(fontsize=8)
    figure.subplots_adjust(wspace=0.25)
    figure.savefig(path, bbox_inches="tight")
    pyplot.close(figure)
