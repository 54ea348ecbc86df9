"""Tries readers in processes of their own, with a limit of memory and a watch, so that whatever an input does is seen and counted."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import re
import resource
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from handmesh_ros.bench.fuzz.trial import FuzzTarget, FuzzTrial, generator_of, shares
from handmesh_ros.errors import HandmeshError

ROOM_BYTES = 2 << 30  # beyond what the process has when it is ready: the largest picture that is read needs 0.5 GB
KILL_AFTER_S = 30.0  # beyond a target's own limit: a machine that is busy with something else is none that hangs
PREPARE_S = 120.0
MOST_DEATHS = 20  # of one target; then the rest of its inputs is left out
KEPT_INPUTS = 3  # of each kind of failure

FindTarget = Callable[[str], FuzzTarget]  # a function at the level of a module: the other process imports it


class Outcome(NamedTuple):
    """What became of one input: "accepted", "refused" or one of FAILURES, what is to be said of it, and how long it took."""

    kind: str
    what: str
    seconds: float


FAILURES = ("error", "wrong output", "slow", "hang", "crash", "left out")


@dataclass
class FuzzResult:
    """What became of the inputs of one target.

    Attributes:
        kinds: how many were accepted, refused, or failed in which way.
        failures: (kind, what) -> numbers of the inputs.
        kept: files of inputs that failed.
        slowest_s: the longest that any took.
        peak_mb: the most memory that the process had.
    """

    target: str
    seed: int
    kinds: Counter[str] = field(default_factory=Counter)
    failures: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    kept: list[Path] = field(default_factory=list)
    slowest_s: float = 0.0
    peak_mb: float = 0.0

    @property
    def tried(self) -> int:
        return self.kinds.total() - self.kinds["left out"]

    @property
    def failed(self) -> int:
        return sum(self.kinds[kind] for kind in FAILURES)

    def note(self, number: int, outcome: Outcome, content: bytes, folder: Path) -> None:
        """Count the outcome of an input; the content of one that failed is kept in the folder."""
        self.kinds[outcome.kind] += 1
        self.slowest_s = max(self.slowest_s, outcome.seconds)
        if outcome.kind in FAILURES:
            same = self.failures.setdefault((outcome.kind, outcome.what), [])
            same.append(number)
            if len(same) <= KEPT_INPUTS:
                folder.mkdir(parents=True, exist_ok=True)
                self.kept.append(folder / f"{self.target.replace(' ', '_')}_{self.seed}_{number}")
                self.kept[-1].write_bytes(content)


def fuzz(find: FindTarget, names: Sequence[str], count: int, seed: int, failures: Path) -> Iterator[FuzzResult]:
    """Try ``count`` inputs, shared out over the targets of these names, one target after the other.

    Args:
        find: the target of a name.
        failures: folder for inputs that failed.
    """
    targets = [target for target in map(find, names) if all(importlib.util.find_spec(package) for package in target.needs)]
    for target in targets:
        yield _fuzz_target(find, target, shares(count, targets)[target.name], seed, failures)


def _fuzz_target(find: FindTarget, target: FuzzTarget, count: int, seed: int, failures: Path) -> FuzzResult:
    result, number, deaths = FuzzResult(target.name, seed), 0, 0
    with tempfile.TemporaryDirectory(prefix="handmesh_fuzz_") as name:
        while number < count:
            if deaths == MOST_DEATHS:
                result.kinds["left out"] += count - number
                result.failures["left out", f"after {MOST_DEATHS} deaths"] = [number]
                break
            with _Child(find, target, seed, number, count, Path(name)) as child:
                while number < count:
                    outcome, content = child.outcome()
                    result.note(number, outcome, content, failures)
                    number += 1
                    if outcome.kind in ("crash", "hang"):
                        deaths += 1
                        break
                result.peak_mb = max(result.peak_mb, child.peak_mb)
    return result


class _Child:
    """The process that tries inputs from ``first`` on."""

    def __init__(self, find: FindTarget, target: FuzzTarget, seed: int, first: int, count: int, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._input = folder / "input"
        self._limit_s = target.hang_s + KILL_AFTER_S
        self._process = context.Process(target=_work, args=(theirs, find, target.name, seed, first, count, folder), daemon=True)
        self._process.start()
        theirs.close()
        self.peak_mb = 0.0

    def __enter__(self) -> _Child:
        try:
            problem = self._ours.recv() if self._ours.poll(PREPARE_S) else "it was not ready in time"
        except EOFError:
            problem = "it ended"
        if problem:
            self.__exit__()
            raise RuntimeError(f"{self._process.name} cannot begin: {problem}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._ours.close()

    def outcome(self) -> tuple[Outcome, bytes]:
        """Of the next input, with what it was where it failed."""
        try:
            if not self._ours.poll(self._limit_s):
                return Outcome("hang", f"no answer in {self._limit_s:g} s", self._limit_s), self._input.read_bytes()
            outcome, content, self.peak_mb = self._ours.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode or 0
            return Outcome("crash", f"signal {-code}" if code < 0 else f"exit code {code}", 0.0), self._input.read_bytes()
        return Outcome(*outcome), content


def _work(connection: Connection, find: FindTarget, name: str, seed: int, first: int, count: int, folder: Path) -> None:
    """The other process: sends "" when it is ready, then an outcome and the peak of memory for each input."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # libraries in C complain there about every input
        os.dup2(quiet, stream)
    os.chdir(folder)
    target = find(name)
    try:
        trial = target.prepare(folder)
        limit = _address_space() + ROOM_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except Exception:
        connection.send(traceback.format_exc())
        return
    connection.send("")
    for number in range(first, count):
        content = trial.make(generator_of(seed, name, number))
        (folder / "input").write_bytes(content)
        outcome = tried(trial, content, target.hang_s)
        kept = content if outcome.kind in FAILURES else b""
        connection.send((tuple(outcome), kept, _peak_mb()))
    connection.close()


def tried(trial: FuzzTrial, content: bytes, hang_s: float) -> Outcome:
    """What a reader makes of one input. One that takes too long is tried again: the machine may have been busy."""
    outcome = _once(trial, content)
    if outcome.seconds > hang_s:
        outcome = min(outcome, _once(trial, content), key=lambda one: one.seconds)
    if outcome.seconds > hang_s and outcome.kind not in FAILURES:
        return Outcome("slow", f"more than {hang_s:g} s", outcome.seconds)
    return outcome


def _once(trial: FuzzTrial, content: bytes) -> Outcome:
    begin = time.perf_counter()
    try:
        what = trial.use(content)
        kind = "wrong output" if what else "accepted"
    except HandmeshError:
        kind, what = "refused", ""
    except Exception as error:
        kind, what = "error", _place(error)
    return Outcome(kind, what, time.perf_counter() - begin)


def _place(error: Exception) -> str:
    """The kind of an error and the last line of this project that it passed: the same for the same fault."""
    ours = [
        frame for frame in traceback.extract_tb(error.__traceback__) if "handmesh_ros" in frame.filename and "/bench/" not in frame.filename
    ]
    where = f" at {ours[-1].filename.rpartition('handmesh_ros/')[2]}:{ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}{where}"


def _peak_mb() -> float:
    """Of this program alone; ``ru_maxrss`` begins with what the process that started it had."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
