"""An endurance run: calm minutes at 30 Hz, then rounds of faults."""

from __future__ import annotations

import math
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handmesh_ros.bench.endurance.camera import SentPicture
from handmesh_ros.bench.endurance.faults import FAULTS, GOOD_SHOT, RECOVERY_S, Fault, Shot
from handmesh_ros.bench.endurance.judged import Heard, Stretch, StretchResult, judge_stretch, wrong_outputs
from handmesh_ros.bench.endurance.process_watch import ProcessSample, process_sample, slope_per_hour
from handmesh_ros.bench.endurance.stage import EnduranceStage
from handmesh_ros.bench.hands_shown import SHOWN_RATE_HZ

WARM_UP_S = 5.0  # of good pictures before anything counts
SETTLED_AFTER_S = 300.0  # a leak is looked for after the first five minutes: until then buffers and pools grow to their size
CALM_A_ROUND_S = 900.0  # one round of faults, and one more for each quarter of an hour of calm
CALL_EVERY, SAMPLE_EVERY = round(SHOWN_RATE_HZ), round(5 * SHOWN_RATE_HZ)  # pictures
COMPARED_SHARE = 0.25  # of the calm part, at its beginning and at its end, are compared


@dataclass(frozen=True)
class SoakResult:
    """What came of a run.

    Attributes:
        calm: the calm part; first, last: its first and last quarter.
        faults: each fault with its recovery, in order.
        samples: of the node's process in the calm part.
        slope_mb: of its own memory an hour, after SETTLED_AFTER_S, or None where the run is too short to say.
        watched_s: how long the slope was watched.
        asked, answered: requests, and lost ones by service; slowest_call_s: the slowest that was answered.
        wrong: outputs that must not be.
        deaths: of processes that nobody killed.
        wild: how many wild messages and requests were sent over DDS.
        counts: messages heard, by topic.
    """

    calm: StretchResult
    first: StretchResult
    last: StretchResult
    faults: tuple[StretchResult, ...]
    samples: tuple[ProcessSample, ...]
    slope_mb: float | None
    watched_s: float
    asked: int
    answered: int
    lost: Counter[str]
    slowest_call_s: float
    wrong: Counter[str]
    deaths: tuple[str, ...]
    wild: int
    counts: Counter[str]


class _Run:
    """The pictures that go out, one after the other."""

    def __init__(self, stage: EnduranceStage, seed: int) -> None:
        self.stage, self.rng = stage, np.random.default_rng([seed, 1])
        self.sent: list[SentPicture] = []
        self.wild = 0
        self._number, self._due_s = 0, time.monotonic()

    def play(self, seconds: float, shot: Callable[[int], Shot], hands: int | None, each: Callable[[int], None]) -> Stretch:
        """Send pictures for so long, at the camera's rate."""
        begin_ns = time.time_ns()
        self._due_s = max(self._due_s, time.monotonic())
        for number in range(round(seconds * SHOWN_RATE_HZ)):
            self.stage.spin_until(self._due_s)
            chosen = shot(number)
            picture = self.stage.camera.send(self._number, chosen, hands)
            if picture is not None:
                self.sent.append(picture)
                self.wild += chosen.wild * 2  # and its camera_info
            each(number)
            self._number += 1
            # A camera that was late does not hurry.
            self._due_s = max(self._due_s + 1 / SHOWN_RATE_HZ, time.monotonic() - 1 / SHOWN_RATE_HZ)
        self.stage.spin_until(self._due_s)
        return Stretch("", begin_ns, time.time_ns())

    def play_good(self, seconds: float, hands: int | None = None, each: Callable[[int], None] = lambda _: None) -> Stretch:
        return self.play(seconds, lambda _: GOOD_SHOT, hands, each)

    def play_fault(self, fault: Fault) -> Stretch:
        """A fault and what comes after it, always with two hands in the picture."""
        before = process_sample(self.stage.node.pid, 0.0)
        begin_ns = time.time_ns()
        fault.begin(self.stage)
        if fault.keeps_node:
            self.stage.notice_deaths(fault.name)
        else:
            begin_ns = time.time_ns()  # there is nobody to answer before
        self.play(fault.seconds, lambda number: fault.shot(number, self.rng), 2, lambda number: fault.each(self.stage, number))
        fault.end(self.stage)
        self.stage.notice_deaths(fault.name)
        self.play_good(RECOVERY_S, 2)
        self.stage.notice_deaths(fault.name)
        after = process_sample(self.stage.node.pid, 0.0)
        growth_mb = after.own_mb - before.own_mb if fault.keeps_node and before and after else None
        return Stretch(fault.name, begin_ns, time.time_ns(), growth_mb)


def soak(calm_s: float, seed: int, faults: Sequence[Fault] = FAULTS) -> SoakResult:
    """Run the node for so many calm seconds, and then with faults, a round for each quarter of an hour of calm.

    Raises:
        ProcessError: a process does not start.
    """
    with tempfile.TemporaryDirectory(prefix="handmesh_endurance_") as folder:
        with EnduranceStage(Path(folder), seed) as stage:
            run = _Run(stage, seed)
            samples: list[ProcessSample] = []

            def each(number: int) -> None:
                if number % CALL_EVERY == 0:
                    stage.calls.steady(number // CALL_EVERY)
                    stage.notice_deaths("calm")
                if number % SAMPLE_EVERY == 0 and (sample := process_sample(stage.node.pid, number / SHOWN_RATE_HZ)):
                    samples.append(sample)

            run.play_good(WARM_UP_S, 2)
            calm = run.play_good(calm_s, each=each)
            stretches = [run.play_fault(fault) for _ in range(math.ceil(calm_s / CALM_A_ROUND_S)) for fault in faults]
            deadline = time.monotonic() + 15.0
            while stage.calls.pending and time.monotonic() < deadline:
                stage.spin_until(time.monotonic() + 0.1)
            wild, deaths, calls = run.wild + stage.wild_sent, tuple(stage.deaths), stage.calls
        heard = Heard.read(stage.heard)
    settled = [sample for sample in samples if sample.time_s >= SETTLED_AFTER_S]
    times_s = [sample.time_s for sample in settled]
    part_ns = round(COMPARED_SHARE * (calm.end_ns - calm.begin_ns))

    def judged(name: str, stretch: Stretch) -> StretchResult:
        return judge_stretch(stretch._replace(name=name), run.sent, heard.answers)

    return SoakResult(
        calm=judged("calm", calm),
        first=judged("its first quarter", calm._replace(end_ns=calm.begin_ns + part_ns)),
        last=judged("its last quarter", calm._replace(begin_ns=calm.end_ns - part_ns)),
        faults=tuple(judged(stretch.name, stretch) for stretch in stretches),
        samples=tuple(samples),
        slope_mb=slope_per_hour(times_s, [sample.own_mb for sample in settled]) if settled else None,
        watched_s=times_s[-1] - times_s[0] if settled else 0.0,
        asked=calls.asked, answered=calls.answered, lost=calls.lost, slowest_call_s=calls.slowest_s,
        wrong=wrong_outputs(run.sent, heard), deaths=deaths, wild=wild, counts=heard.counts,
    )  # fmt: skip
