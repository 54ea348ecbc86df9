"""What was sent beside what was heard."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from handmesh_ros.bench.endurance.camera import SentPicture
from handmesh_ros.bench.endurance.judged import Heard, HeardHands, Stretch, judge_stretch, wrong_outputs

MS = 10**6


def picture(at_ms: int, hands: int = 2, good: bool = True) -> SentPicture:
    return SentPicture(at_ms * MS, at_ms * MS, hands, good)


def answer(stamp_ms: int, after_ms: int = 20, tracking: int = 2) -> HeardHands:
    return HeardHands(stamp_ms * MS, (stamp_ms + after_ms) * MS, tracking, 0)


def test_answers_latencies_and_the_longest_silence() -> None:
    sent = [picture(at) for at in range(0, 1000, 100)] + [picture(1000, good=False)]
    heard = [answer(at) for at in (0, 100, 200, 600, 700)] + [answer(900, 80, tracking=0)]
    result = judge_stretch(Stretch("all", 0, 2000 * MS), sent, heard)
    assert (result.good, result.answered, result.with_hands) == (10, 6, 5)
    assert result.worst_gap_s == pytest.approx(0.32)  # from the picture at 300 ms to the answer of that at 600
    assert result.median_ms == pytest.approx(20.0) and result.p99_ms > 70


def test_a_silence_that_does_not_end_lasts_until_the_stretch_does() -> None:
    result = judge_stretch(Stretch("all", 0, 2000 * MS), [picture(0), picture(500), picture(600)], [answer(0)])
    assert result.worst_gap_s == pytest.approx(1.5) and result.answered == 1


def test_no_answer_is_owed_for_bad_pictures() -> None:
    result = judge_stretch(Stretch("all", 0, 2000 * MS), [picture(0, good=False)], [])
    assert (result.good, result.worst_gap_s) == (0, 0.0)


def test_wrong_outputs_are_named(tmp_path: Path) -> None:
    path = tmp_path / "heard.txt"
    lines = [f"hands {100 * MS} {120 * MS} 1 0", f"hands {200 * MS} {220 * MS} 0 2", f"hands {300 * MS} {320 * MS} 3 0"]
    lines += [
        f"hands {999 * MS} {1000 * MS} 0 0",
        f"stamp /tf {555 * MS}",
        f"stamp mesh {200 * MS}",
        "wrong hands 3 numbers that are not finite",
    ]
    path.write_text("\n".join([*lines, "count hands 4", ""]))
    heard = Heard.read(path)
    assert heard.counts == {"hands": 4}
    assert wrong_outputs([picture(100, hands=0), picture(200, hands=0), picture(300)], heard) == {
        "a hand measured where none is": 1,  # a predicted one is none that was measured
        "more hands measured than there are": 1,
        "hands with a stamp that no image had": 1,
        "/tf with a stamp that no image had": 1,
        "hands: 3 numbers that are not finite": 1,
    }
