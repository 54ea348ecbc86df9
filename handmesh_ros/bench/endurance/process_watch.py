"""What a process holds, from /proc: memory, threads, files; and whether it becomes more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

MOST_POINTS = 400  # for a slope: pairs of all samples of an hour would be too many


class ProcessSample(NamedTuple):
    """One look at a process.

    Attributes:
        time_s: by whoever looked.
        resident_mb: all of its memory that is in RAM, shared memory and files' pages too.
        own_mb: what it has allocated for itself: what a leak makes grow.
    """

    time_s: float
    resident_mb: float
    own_mb: float
    threads: int
    handles: int


def process_sample(pid: int, time_s: float) -> ProcessSample | None:
    """The process as it is now; None where there is none any more."""
    folder = Path("/proc", str(pid))
    try:
        lines = (folder / "status").read_text().splitlines()
        handles = len(list((folder / "fd").iterdir()))
    except OSError:
        return None
    status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    if "VmRSS" not in status:
        return None  # it has just ended
    resident, own = (int(status[name][0]) / 1024 for name in ("VmRSS", "RssAnon"))
    return ProcessSample(time_s, resident, own, int(status["Threads"][0]), handles)


def slope_per_hour(times_s: Sequence[float], values: Sequence[float]) -> float:
    """How much a value grows an hour: the median slope of all pairs (Theil and Sen), which a single step does not decide; 0 for fewer than
    two points."""
    if len(times_s) < 2:
        return 0.0
    step = -(-len(times_s) // MOST_POINTS)
    times, numbers = np.asarray(times_s, float)[::step], np.asarray(values, float)[::step]
    first, second = np.triu_indices(len(times), 1)
    apart = times[second] - times[first]
    return float(np.median((numbers[second] - numbers[first])[apart > 0] / apart[apart > 0])) * 3600.0
