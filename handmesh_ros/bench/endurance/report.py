"""What an endurance run was worth: tables, and whether the aims are met."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from handmesh_ros.bench.endurance.judged import StretchResult
from handmesh_ros.bench.endurance.soak import SETTLED_AFTER_S, SoakResult
from handmesh_ros.bench.fuzz.campaign import FuzzResult

MOST_SLOPE_MB = 1.0  # an hour
LEAST_WATCHED_S = 1200.0  # a slope of a shorter time is the noise of the allocator
MOST_P99_GROWTH = 0.10
LEAST_COMPARED_S = 300.0  # the p99 of fewer pictures is that of the machine's load
SHOWN_INPUTS = 5


class Aim(NamedTuple):
    """What a run is to show; ``met`` is None where it was too short to say."""

    text: str
    measured: str
    met: bool | None


def soak_aims(result: SoakResult, calm_s: float) -> list[Aim]:
    """The aims of the run of the node."""
    slope = "-"
    if result.slope_mb is not None:
        settled = [sample.own_mb for sample in result.samples if sample.time_s >= SETTLED_AFTER_S]
        held = f" ({settled[0]:.1f} to {settled[-1]:.1f} MB)" if settled else ""
        slope = f"{result.slope_mb:+.2f} MB an hour, over {result.watched_s / 60:.0f} min{held}"
    growth = result.last.p99_ms / result.first.p99_ms - 1
    silent = [part for part in (result.calm, *result.faults) if not part.with_hands]
    return [
        Aim("no process ends by itself", f"{len(result.deaths)} did", not result.deaths),
        Aim("no wrong output", ", ".join(f"{what}: {count}" for what, count in result.wrong.items()) or "none", not result.wrong),
        Aim("hands come again after each fault", ", ".join(part.name for part in silent) or "they do", not silent),
        Aim("no request without an answer",
            f"{result.asked - result.answered} of {result.asked}, the slowest answer after {result.slowest_call_s:.1f} s",
            result.answered == result.asked),
        _steady_aim(result),
        Aim(f"memory grows by less than {MOST_SLOPE_MB:g} MB an hour after the first five minutes", slope,
            result.slope_mb < MOST_SLOPE_MB if result.slope_mb is not None and result.watched_s >= LEAST_WATCHED_S else None),
        Aim(f"latency p99 at the end at most {100 * MOST_P99_GROWTH:.0f} % above that at the beginning",
            f"{result.first.p99_ms:.1f} and {result.last.p99_ms:.1f} ms ({100 * growth:+.0f} %)",
            growth <= MOST_P99_GROWTH if calm_s / 4 >= LEAST_COMPARED_S else None),
    ]  # fmt: skip


def _steady_aim(result: SoakResult) -> Aim:
    text = "threads and file handles do not become more"
    if not result.samples:
        return Aim(text, "-", None)
    first, last = result.samples[0], result.samples[-1]
    met = last.threads <= first.threads and last.handles <= first.handles
    return Aim(text, f"{first.threads} and {first.handles}, then {last.threads} and {last.handles}", met)


def fuzz_aims(results: Sequence[FuzzResult]) -> list[Aim]:
    """The aims of the broken inputs."""

    def aim(text: str, *kinds: str) -> Aim:
        count = sum(result.kinds[kind] for result in results for kind in kinds)
        return Aim(text, f"{count} of {sum(result.tried for result in results)}", count == 0)

    return [
        aim("no input ends the process", "crash", "left out"),
        aim("no input takes more than 2 s (a network: 25 s)", "slow", "hang"),
        aim("no error but the project's own", "error"),
        aim("nothing made of garbage and given as good", "wrong output"),
    ]


def soak_table(result: SoakResult) -> str:
    """Pictures, latencies and silences, by parts of the run; then the process."""
    lines = [f"  {'':<44}{'pictures':>9}{'answered':>10}{'worst gap, s':>14}{'median':>9}{'p99, ms':>9}{'memory, MB':>12}"]
    lines += [_line(part) for part in (result.calm, result.first, result.last, *result.faults)]
    if result.samples:
        first, last = result.samples[0], result.samples[-1]
        lines.append(
            f"  the node in the calm part: {first.resident_mb:.1f} to {last.resident_mb:.1f} MB resident, {first.own_mb:.1f} to "
            f"{last.own_mb:.1f} MB its own, {first.threads} to {last.threads} threads, {first.handles} to {last.handles} file handles"
        )
    lines.append(f"  heard: {', '.join(f'{topic} {count}' for topic, count in sorted(result.counts.items()))}")
    lines += [f"  ENDED BY ITSELF: {death}" for death in result.deaths]
    return "\n".join(lines)


def _line(part: StretchResult) -> str:
    share = f"{100 * part.answered / part.good:.1f} %" if part.good else "-"
    growth = "" if part.growth_mb is None else f"{part.growth_mb:+.1f}"
    return f"  {part.name:<44}{part.good:>9}{share:>10}{part.worst_gap_s:>14.2f}{part.median_ms:>9.1f}{part.p99_ms:>9.1f}{growth:>12}"


FUZZ_HEADER = f"  {'':<24}{'inputs':>9}{'accepted':>10}{'refused':>9}{'failed':>8}{'slowest, s':>12}{'peak, MB':>10}"


def fuzz_line(result: FuzzResult) -> str:
    """One reader's row below FUZZ_HEADER."""
    accepted, refused = result.kinds["accepted"], result.kinds["refused"]
    counts = f"{result.tried:>9}{accepted:>10}{refused:>9}{result.failed:>8}"
    return f"  {result.target:<24}{counts}{result.slowest_s:>12.2f}{result.peak_mb:>10.0f}"


def fuzz_failures(results: Sequence[FuzzResult]) -> str:
    """What failed, with numbers and files by which it is found again; empty where nothing did."""
    lines = []
    for result in results:
        for (kind, what), numbers in result.failures.items():
            shown = ", ".join(map(str, numbers[:SHOWN_INPUTS])) + (" ..." if len(numbers) > SHOWN_INPUTS else "")
            lines.append(f"  {result.target}: {kind}: {what} ({len(numbers)} inputs of seed {result.seed}: {shown})")
        lines += [f"    {path}" for path in result.kept]
    return "\n".join(lines)


def aims_table(aims: Sequence[Aim]) -> str:
    """One line for each aim."""
    words = {True: "met", False: "MISSED", None: "too short to say"}
    return "\n".join(f"  {words[aim.met]:<18}{aim.text}: {aim.measured}" for aim in aims)
