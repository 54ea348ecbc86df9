"""The numbers of /diagnostics, from frames whose times are known."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus

from handmesh_ros.node.diagnostics import FrameStatistics, diagnostic_array


def run(statistics: FrameStatistics, stamps: np.ndarray, latency_s: float = 0.02) -> None:
    for stamp in stamps:
        statistics.frame_came()
        statistics.frame_processed(float(stamp), latency_s, 0.004, {"network": 0.01})


def test_rate_latency_and_stages() -> None:
    statistics = FrameStatistics()
    run(statistics, np.arange(60) / 30)
    values = statistics.values()
    assert values["processed rate [Hz]"] == values["camera rate [Hz]"] == "30.0"
    assert values["frames dropped (gaps in the stamps)"] == "0"
    times = [values[name] for name in ("latency median [ms]", "node outside perception [ms]", "stage network [ms]")]
    assert times == ["20.00", "4.00", "10.00"]


@pytest.mark.parametrize("kept", [[True, True, False], [True, False, True, True]])
def test_gaps_in_the_stamps_are_dropped_frames(kept: list[bool]) -> None:
    statistics = FrameStatistics()
    mask = np.resize(kept, 120)
    run(statistics, (np.arange(120) / 30)[mask])
    assert statistics.values()["camera rate [Hz]"] == "30.0"
    assert int(statistics.values()["frames dropped (gaps in the stamps)"]) == pytest.approx((~mask).sum(), abs=4)


def test_pause_and_jump_back_are_no_dropped_frames() -> None:
    statistics = FrameStatistics()
    for start in (0.0, 60.0, 3.0):
        run(statistics, start + np.arange(30) / 30)
    values = statistics.values()
    assert values["frames dropped (gaps in the stamps)"] == "0" and values["processed rate [Hz]"] == "30.0"


def test_level_tells_silence_from_trouble_from_health() -> None:
    statistics = FrameStatistics()
    assert statistics.level() == (DiagnosticStatus.WARN, "no images arrive")
    run(statistics, np.arange(3) / 30)
    assert statistics.level()[0] == DiagnosticStatus.OK
    statistics.frame_came()
    statistics.frame_refused("image", "unknown encoding")
    assert statistics.level() == (DiagnosticStatus.ERROR, "unknown encoding")
    assert statistics.values()["refused: image"] == "1"
    run(statistics, np.array([1.0]))
    assert statistics.level()[0] == DiagnosticStatus.OK
    assert statistics.level()[0] == DiagnosticStatus.WARN  # and then nothing more came


@pytest.mark.parametrize(("latency_s", "told"), [(3600.0, "3600.0 s behind"), (-5.0, "5.0 s ahead of"), (0.4, ""), (-0.4, "")])
def test_stamps_of_another_clock_are_told(latency_s: float, told: str) -> None:
    statistics = FrameStatistics()
    run(statistics, np.arange(30) / 30, latency_s)
    level, text = statistics.level()
    assert level == (DiagnosticStatus.WARN if told else DiagnosticStatus.OK)
    assert told in text and ("use_sim_time" in text) == bool(told)
    run(statistics, np.arange(30, 33) / 30)
    assert statistics.level()[0] == DiagnosticStatus.OK, "only the last second counts"


@pytest.mark.parametrize(
    ("images", "infos", "work_s", "warned"),
    [(4, 30, 0.02, True), (0, 30, 0.02, True), (25, 30, 0.02, False), (3, 5, 0.02, False), (4, 30, 0.3, False), (20, 0, 0.02, False)],
)
def test_images_that_do_not_come_while_their_camera_info_does_are_told(images: int, infos: int, work_s: float, warned: bool) -> None:
    """But not where the node itself leaves frames out, since it has no time for more."""
    statistics = FrameStatistics()
    for number in range(images):
        statistics.frame_came()
        statistics.frame_processed(number / 4, 0.02, 0.0, {"network": work_s})
    statistics.infos_came(infos)
    level, text = statistics.level()
    assert (level == DiagnosticStatus.WARN and "config/fastdds.xml" in text) == warned
    statistics.frame_came()
    assert "fastdds" not in statistics.level()[1], "only the last second counts"


def test_message() -> None:
    message = diagnostic_array(Time(sec=3), "hands", "eye", DiagnosticStatus.OK, "running", {"a": "1"})
    (status,) = message.status
    assert message.header.stamp.sec == 3
    assert (status.name, status.hardware_id, status.level, status.message) == ("hands", "eye", DiagnosticStatus.OK, "running")
    assert [(pair.key, pair.value) for pair in status.values] == [("a", "1")]
