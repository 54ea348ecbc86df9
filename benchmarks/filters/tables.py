"""The filter benchmark's figures as Markdown tables and as the Pareto plot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from benchmarks.filters.candidates import OURS
from benchmarks.filters.orientation import OrientationRow
from benchmarks.filters.position import PositionRow, default_row
from benchmarks.filters.recorded import RecordedRow
from benchmarks.filters.sensitivity import SensitivityRow

RANGED = ("cut", "depth_cut", "lag_ms")  # shown with the least and the largest of all seeds


def position_table(rows: Sequence[PositionRow]) -> str:
    """Medians over the seeds, and the range of what is promised."""
    lines = []
    for row in rows:
        if row.candidate.named:
            medians, least, most = vars(row.figures), vars(row.over_seeds(min)), vars(row.over_seeds(max))
            cells = {
                name: f"{_number(value)} ({_number(least[name])} to {_number(most[name])})" if name in RANGED else _number(value)
                for name, value in medians.items()
            }
            lines.append((row.candidate.family, row.candidate.setting, cells))
    return _markdown(lines)


def hand_table(rows: Sequence[OrientationRow] | Sequence[RecordedRow]) -> str:
    """One line a filter of whole hands."""
    return _markdown(
        (row.candidate.family, row.candidate.setting, {name: _number(value) for name, value in vars(row.figures).items()}) for row in rows
    )


def sensitivity_table(rows: Sequence[SensitivityRow]) -> str:
    """One line a parameter: each figure with half of it and with twice; the first line is of the defaults."""
    lines = []
    for name, group in groupby(rows, key=lambda row: row.parameter):
        changed = list(group)
        cells = {column: " / ".join(_number(row.figures[column]) for row in changed) for column in changed[0].figures}
        lines.append((name, "half / twice" if len(changed) > 1 else "as they are", cells))
    return _markdown(lines, "parameter | changed to")


def _markdown(rows: Iterable[tuple[str, str, dict[str, str]]], head: str = "filter | setting") -> str:
    lines: list[str] = []
    for family, setting, cells in rows:
        if not lines:
            lines = [f"| {head} | " + " | ".join(n.replace("_", " ") for n in cells) + " |", "|---|---|" + "---:|" * len(cells)]
        lines.append(f"| {family} | {setting} | " + " | ".join(cells.values()) + " |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.{1 if abs(value) >= 9.95 else 2}f}"


def plot(rows: Sequence[PositionRow], path: Path) -> None:
    """The Pareto plot: jitter at rest over lag at 0.5 m/s, medians; lower left is better. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5), dpi=110)
    families = list(dict.fromkeys(r.candidate.family for r in rows))
    for i, family in enumerate(families):
        members = sorted((r for r in rows if r.candidate.family == family), key=lambda r: r.figures.lag_ms)
        ours = family == OURS
        lags, jitters = [r.figures.lag_ms for r in members], [r.figures.total_jitter_mm for r in members]
        axes.plot(lags, jitters, "-o" if ours else "--s", color=f"C{i}", label=family, linewidth=2 if ours else 1, markersize=4)
    best = default_row(rows)
    axes.plot(best.figures.lag_ms, best.figures.total_jitter_mm, "*", color="black", markersize=16, label="our default", zorder=5)
    least, most = best.over_seeds(min).total_jitter_mm, best.over_seeds(max).total_jitter_mm
    axes.vlines(best.figures.lag_ms, least, most, color="black", linewidth=1, zorder=4)
    axes.axvline(33.0, color="grey", linewidth=1, linestyle=":")
    axes.set(xlabel="lag at 0.5 m/s, ms", ylabel="jitter of a resting hand, mm RMS (3 axes)", yscale="log", xlim=(-20, 260))
    axes.set_title("Filters of the wrist's position: steady against quick")
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight")
    pyplot.close(figure)
