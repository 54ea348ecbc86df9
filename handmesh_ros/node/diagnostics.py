"""What the node tells of itself once a second: rates, times, losses and problems."""

from __future__ import annotations

import statistics
from collections import Counter, deque
from collections.abc import Mapping

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

# A camera that pauses for longer was stopped, it did not drop frames.
LONGEST_GAP_S = 1.0
# Stamps further from this machine's time are of another clock: no camera delivers so late, and none before it has looked.
CLOCKS_DIFFER_S = 1.0
# Of a second's camera_info messages, which drivers send one an image; fewer say nothing.
FEW_INFOS, ARRIVING_SHARE = 5, 0.5
# A node that works for more of the time leaves frames out by itself.
BUSY_SHARE = 0.8
NO_IMAGES = "no images arrive"
LOST_ON_THE_WAY = (
    "Are the images lost on their way? Start the camera driver with FASTDDS_DEFAULT_PROFILES_FILE (Humble, Jazzy: "
    "FASTRTPS_DEFAULT_PROFILES_FILE) set to config/fastdds.xml of handmesh_ros, and look whether image and camera_info are remapped to one "
    "camera"
)
CLOCKS_DIFFER_ADVICE = "a bag or simulator needs use_sim_time, two machines need their clocks synchronised (chrony, ptp)"


class FrameStatistics:
    """Numbers of the last few seconds of frames. Times are in seconds.

    Attributes:
        problems: how often each kind of bad input came since the start.
        losses: how often hands were lost for each reason.
    """

    def __init__(self, frames: int = 90) -> None:
        self._stamps: deque[float] = deque(maxlen=frames)
        self._latencies: deque[float] = deque(maxlen=frames)
        self._outside: deque[float] = deque(maxlen=frames)
        self._stages: deque[Mapping[str, float]] = deque(maxlen=frames)
        self.problems: Counter[str] = Counter()
        self.losses: Counter[str] = Counter()
        self.received = 0
        self.processed = 0
        self.dropped = 0
        self._last_problem: str | None = None
        self._received_before = 0
        self._infos = 0
        self._busy_s = 0.0
        self._lately: list[float] = []  # latencies since the level was asked for

    def frame_came(self) -> None:
        self.received += 1

    def infos_came(self, count: int) -> None:
        """So many camera_info messages more."""
        self._infos += count

    def frame_refused(self, kind: str, message: str) -> None:
        self.problems[kind] += 1
        self._last_problem = message

    def frame_processed(self, stamp_s: float, latency_s: float, outside_s: float, stages: Mapping[str, float]) -> None:
        """A frame went through.

        Args:
            latency_s: from its stamp until its hands were published.
            outside_s: the node's own work on it, perception left out.
            stages: what perception's stages took.
        """
        self.processed += 1
        self._last_problem = None
        if self._stamps and not 0 < stamp_s - self._stamps[-1] < LONGEST_GAP_S:
            self._stamps.clear()
        elif len(self._stamps) > 5:
            self.dropped += max(0, round((stamp_s - self._stamps[-1]) / self.period_s) - 1)
        self._stamps.append(stamp_s)
        self._latencies.append(latency_s)
        self._lately.append(latency_s)
        self._outside.append(outside_s)
        self._stages.append(dict(stages))
        self._busy_s += outside_s + sum(stages.values())

    @property
    def period_s(self) -> float:
        """The camera's: the shortest quarter of the gaps between stamps, because dropped frames make the others longer; 0: unknown."""
        gaps = np.sort(np.diff(self._stamps))
        return float(gaps[len(gaps) // 4]) if len(gaps) else 0.0

    def values(self) -> dict[str, str]:
        """For people and machines: what ``ros2 topic echo /diagnostics`` shows."""
        values = {
            "frames received": str(self.received),
            "frames processed": str(self.processed),
            "frames dropped (gaps in the stamps)": str(self.dropped),
        }
        if len(self._stamps) > 1:
            values["processed rate [Hz]"] = f"{(len(self._stamps) - 1) / (self._stamps[-1] - self._stamps[0]):.1f}"
            values["camera rate [Hz]"] = f"{1 / self.period_s:.1f}"
        if self._latencies:
            latencies = sorted(self._latencies)
            values["latency median [ms]"] = _ms(statistics.median(latencies))
            values["latency p99 [ms]"] = _ms(latencies[min(len(latencies) - 1, round(0.99 * len(latencies)))])
            values["node outside perception [ms]"] = _ms(statistics.median(self._outside))
            for stage in dict.fromkeys(name for stages in self._stages for name in stages):
                values[f"stage {stage} [ms]"] = _ms(statistics.median([stages.get(stage, 0.0) for stages in self._stages]))
        for kind, count in sorted(self.problems.items()):
            values[f"refused: {kind}"] = str(count)
        for reason, count in sorted(self.losses.items()):
            values[f"hands lost: {reason}"] = str(count)
        return values

    def level(self) -> tuple[bytes, str]:
        """The level of DiagnosticStatus and one sentence, of the second since this was last asked."""
        came, infos, busy, lately = self.received - self._received_before, self._infos, self._busy_s, self._lately
        self._received_before, self._infos, self._busy_s, self._lately = self.received, 0, 0.0, []
        if self._last_problem is not None:
            return DiagnosticStatus.ERROR, self._last_problem
        if came == 0:
            return DiagnosticStatus.WARN, f"{NO_IMAGES}, but {infos} camera_info. {LOST_ON_THE_WAY}" if infos > FEW_INFOS else NO_IMAGES
        late_s = statistics.median(lately) if lately else 0.0
        if abs(late_s) > CLOCKS_DIFFER_S:
            where = "behind" if late_s > 0 else "ahead of"
            return DiagnosticStatus.WARN, f"the images' stamps are {abs(late_s):.1f} s {where} this node's clock: {CLOCKS_DIFFER_ADVICE}"
        if infos > FEW_INFOS and came < ARRIVING_SHARE * infos and busy < BUSY_SHARE:
            return DiagnosticStatus.WARN, f"only {came} images arrive while {infos} camera_info do. {LOST_ON_THE_WAY}"
        return DiagnosticStatus.OK, "running"


def diagnostic_array(stamp: Time, name: str, hardware_id: str, level: bytes, message: str, values: Mapping[str, str]) -> DiagnosticArray:
    """One status with its values."""
    pairs = [KeyValue(key=key, value=value) for key, value in values.items()]
    status = DiagnosticStatus(level=level, name=name, message=message, hardware_id=hardware_id, values=pairs)
    return DiagnosticArray(header=Header(stamp=stamp), status=[status])


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.2f}"
