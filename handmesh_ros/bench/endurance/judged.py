"""What was sent beside what was heard: answers, latencies, silences, wrong outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from handmesh_ros.bench.endurance.camera import SentPicture


class HeardHands(NamedTuple):
    """A ``hands`` message: its stamp, when it was heard, and how many hands were measured and predicted."""

    stamp_ns: int
    arrived_ns: int
    tracking: int
    predicted: int


@dataclass
class Heard:
    """What the listener wrote.

    Attributes:
        answers: in the order of their arrival.
        wrong: what no message may hold, by topic, with how often.
        foreign: (topic, stamp) of messages whose stamp no ``hands`` had.
        counts: messages of each topic.
    """

    answers: list[HeardHands] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)
    foreign: list[tuple[str, int]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, path: Path) -> Heard:
        heard = cls()
        for line in path.read_text(encoding="utf-8").splitlines():
            kind, *words = line.split(" ", 2)
            if kind == "hands":
                heard.answers.append(HeardHands(*map(int, line.split()[1:])))
            elif kind == "wrong":
                heard.wrong[": ".join(words)] += 1
            elif kind == "stamp":
                heard.foreign.append((words[0], int(words[1])))
            elif kind == "count":
                heard.counts[words[0]] = int(words[1])
        return heard


class Stretch(NamedTuple):
    """A part of a run, by this machine's clock; the memory of the node at its beginning and end (0 where it was another process)."""

    name: str
    begin_ns: int
    end_ns: int
    growth_mb: float | None = None


@dataclass(frozen=True)
class StretchResult:
    """What became of the good pictures of a stretch.

    Attributes:
        good: sent; answered: of these; with_hands: of these, answered with a hand that is measured.
        worst_gap_s: the longest that good pictures went unanswered, from the first of them to the next answer.
        median_ms, p99_ms: from a good picture's stamp to its hands' arrival; NaN without an answer.
        growth_mb: of the node's own memory; None where it was started anew.
    """

    name: str
    good: int
    answered: int
    with_hands: int
    worst_gap_s: float
    median_ms: float
    p99_ms: float
    growth_mb: float | None


def judge_stretch(stretch: Stretch, sent: Sequence[SentPicture], answers: Sequence[HeardHands]) -> StretchResult:
    """The good pictures that were sent in the stretch."""
    good = [picture for picture in sent if picture.good and stretch.begin_ns <= picture.sent_ns < stretch.end_ns]
    arrivals = {answer.stamp_ns: answer.arrived_ns for answer in answers}
    measured = {answer.stamp_ns for answer in answers if answer.tracking}
    answered = [picture for picture in good if picture.stamp_ns in arrivals]
    latencies = np.array([arrivals[picture.stamp_ns] - picture.stamp_ns for picture in answered]) * 1e-6
    waiting_ns, worst_ns = 0, 0
    for picture in good:
        waiting_ns = waiting_ns or picture.sent_ns
        if picture.stamp_ns in arrivals:
            worst_ns, waiting_ns = max(worst_ns, arrivals[picture.stamp_ns] - waiting_ns), 0
    if waiting_ns:
        worst_ns = max(worst_ns, stretch.end_ns - waiting_ns)
    median, p99 = np.quantile(latencies, (0.5, 0.99)) if len(latencies) else (np.nan, np.nan)
    with_hands = sum(picture.stamp_ns in measured for picture in answered)
    return StretchResult(stretch.name, len(good), len(answered), with_hands, worst_ns * 1e-9, float(median), float(p99), stretch.growth_mb)


def wrong_outputs(sent: Sequence[SentPicture], heard: Heard) -> Counter[str]:
    """What must never come out, and how often it did."""
    found: Counter[str] = Counter()
    hands: dict[int, int] = {}
    for picture in sent:
        hands[picture.stamp_ns] = max(hands.get(picture.stamp_ns, 0), picture.hands)
    for answer in heard.answers:
        if answer.stamp_ns not in hands:
            found["hands with a stamp that no image had"] += 1
        elif answer.tracking > hands[answer.stamp_ns]:
            there = hands[answer.stamp_ns]
            found["a hand measured where none is" if not there else "more hands measured than there are"] += 1
    for topic, stamp_ns in heard.foreign:
        if stamp_ns not in hands:
            found[f"{topic} with a stamp that no image had"] += 1
    found.update(heard.wrong)
    return found
