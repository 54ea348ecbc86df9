"""What a run was worth: rates, latency, jitter, and the error against the clip's truth."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.demo.recording import Recording
from handmesh_ros.errors import InputError, reading
from handmesh_ros.evaluation.metrics import mpjpe, pa_mpjpe
from handmesh_ros.hand import WRIST, FloatArray, Hand, Side, TrackState

STILL_LEAST_FRAMES = 15
STILL_SPEED_M = 1e-5  # the truth's largest step of a still hand, metres a frame
STILL_SETTLING_FRAMES = 10  # the filter comes to rest first


@dataclass(frozen=True, eq=False)
class Truth:
    """The clip's true hand: joints (N, 21, 3) in the camera frame, metres; visible and absent (N,) bool; which side."""

    joints: FloatArray
    visible: np.ndarray
    absent: np.ndarray
    side: Side

    @classmethod
    def read(cls, path: Path) -> Truth:
        with reading(path, "the clip's truth", InputError), np.load(path) as file:
            return cls(file["joints"].astype(float), file["visible"], file["absent"], Side(str(file["side"])))

    def still_frames(self) -> NDArray[np.integer]:
        """Numbers of the longest run of frames in which no joint moves; empty where there is none worth measuring."""
        moved = np.abs(np.diff(self.joints, axis=0)).max(axis=(1, 2)) > STILL_SPEED_M
        breaks = np.flatnonzero(np.concatenate([[True], moved, [True]]))
        begin, end = max(pairwise(breaks), key=lambda pair: pair[1] - pair[0])
        run = np.arange(begin + STILL_SETTLING_FRAMES, end)
        return run if len(run) >= STILL_LEAST_FRAMES else run[:0]


def measure(recording: Recording, truth: Truth | None) -> dict[str, float]:
    """Name with unit -> value, in the order of the table."""
    latencies = np.array([frame.latency_s for frame in recording.heard])
    with_hand = [frame for frame in recording.heard if frame.hands]
    rows: dict[str, float] = {
        "frames sent by the camera": len(recording.sent),
        "frames answered by the node": len(recording.heard),
        "frames with a hand": len(with_hand),
        "hands followed (track ids)": len({hand.track_id for frame in recording.heard for hand in frame.hands}),
    }
    if len(recording.heard) > 1:
        stamps = [frame.stamp_s for frame in recording.heard]
        rows["rate, Hz"] = (len(stamps) - 1) / (stamps[-1] - stamps[0])
        rows["latency image stamp to message received, median, ms"] = 1e3 * float(np.median(latencies))
        rows["latency image stamp to message received, p99, ms"] = 1e3 * float(np.quantile(latencies, 0.99))
    for name, value in recording.diagnostics.items():
        if name.startswith(("stage ", "node outside")) and float(value) > 0:  # the detector hardly ever runs: its median is 0
            rows[f"{name.replace(' [ms]', '')}, ms"] = float(value)
    if truth is not None and len(truth.joints) == len(recording.sent):
        rows.update(_against_truth(recording, truth))
    return rows


def _against_truth(recording: Recording, truth: Truth) -> dict[str, float]:
    heard = recording.by_stamp
    frames = [heard.get(stamp) for stamp in recording.sent]
    seen: list[tuple[int, Hand]] = []
    for number, frame in enumerate(frames):
        if frame is not None:
            seen += [(number, hand) for hand in frame.hands if hand.state is TrackState.TRACKING and hand.side is truth.side][:1]
    rows: dict[str, float] = {}
    tracked = np.zeros(len(frames), bool)
    tracked[[number for number, _ in seen]] = True
    rows["visible hand tracked, %"] = 100 * float(tracked[truth.visible].mean())
    ghosts = [frame for frame, gone in zip(frames, truth.absent, strict=True) if gone and frame is not None and frame.hands]
    rows["frames with a hand while none is there"] = len(ghosts)
    judged = [(number, hand) for number, hand in seen if truth.visible[number]]
    if not judged:
        return rows
    numbers = np.array([number for number, _ in judged])
    joints, true_joints = np.stack([hand.joints for _, hand in judged]), truth.joints[numbers]
    rows["PA-MPJPE, mm"] = 1e3 * pa_mpjpe(joints, true_joints)
    rows["MPJPE, wrist on wrist, mm"] = 1e3 * mpjpe(joints, true_joints)
    rows.update(_wrist_errors("assumed hand size", joints, true_joints))
    rows.update(_wrist_errors("true hand size", joints * _size_ratio(joints, true_joints), true_joints))
    still = truth.still_frames()
    at_rest = np.array([hand.joints[WRIST] for number, hand in judged if number in set(still.tolist())])
    if len(at_rest) >= STILL_LEAST_FRAMES:
        spread = at_rest.std(axis=0)
        rows["jitter of a still wrist, across (rms), mm"] = 1e3 * float(np.hypot(spread[0], spread[1]))
        rows["jitter of a still wrist, depth (rms), mm"] = 1e3 * float(spread[2])
    return rows


def _size_ratio(joints: FloatArray, true_joints: FloatArray) -> float:
    """One factor for the run: what knowing the hand's size would have done."""

    def sizes(points: FloatArray) -> FloatArray:
        lengths: FloatArray = np.linalg.norm(points[:, 9] - points[:, 0], axis=1)
        return lengths

    return float(np.median(sizes(true_joints)) / np.median(sizes(joints)))


def _wrist_errors(which: str, joints: FloatArray, true_joints: FloatArray) -> dict[str, float]:
    error = joints[:, WRIST] - true_joints[:, WRIST]
    return {
        f"wrist position error, {which}, depth (median), mm": 1e3 * float(np.median(np.abs(error[:, 2]))),
        f"wrist position error, {which}, across (median), mm": 1e3 * float(np.median(np.hypot(error[:, 0], error[:, 1]))),
    }


def table(rows: dict[str, float]) -> str:
    """The rows as text, names left, numbers right."""
    width = max(map(len, rows))
    lines = []
    for name, value in rows.items():
        number = f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}"
        lines.append(f"  {name:<{width}}{number:>10}")
    return "\n".join(lines)
