"""What a second camera is worth on recorded motions with truth: depth, place, size, and whether the covariances hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fusion.views import VIEW_DEGREES, view_place
from benchmarks.motion.measure import CHI2_3, SETTLED_S, Seen, read_motions
from handmesh_ros.fusion.fuser import HandFuser
from handmesh_ros.hand import MIDDLE_MCP, WRIST, FloatArray, Hand
from handmesh_ros.perception.articulated.estimator import HandEstimator
from handmesh_ros.perception.size.hand_size import ADULT_RELATIVE_SIGMA, ADULT_SIZE_M

KNOWN_SIZE_SIGMA = 0.01


@dataclass(frozen=True)
class FusionFigures:
    """Millimetres, median / 90 %: of the wrist along the first camera's ray, by that camera alone and fused; of the fused joints in space;
    of the fused hand's size. Shares: fused depth error over one camera's, 95 % ellipsoids that hold the wrist, frames that disagree."""

    alone_mm: float
    alone_90_mm: float
    fused_mm: float
    fused_90_mm: float
    ratio: float
    joints_mm: float
    size_mm: float
    held: float
    disagree: float


def estimates(seen: Seen, size_relative_sigma: float) -> list[Hand]:
    """What one camera's pipeline gives."""
    estimator = HandEstimator()
    return [estimator.update(hand, evidence, size_relative_sigma) for hand, evidence in zip(seen.hands, seen.evidence, strict=True)]


def measure_fusion(views: Sequence[tuple[Seen, Seen]], degrees: float, size_relative_sigma: float) -> FusionFigures:
    """The figures of motions that a first camera sees and one turned around the hand by some degrees."""
    alone, fused, joints, sizes, held, disagree = [], [], [], [], [], []
    place = view_place(degrees)
    for first, second in views:
        fuser = HandFuser()
        truth = {hand.stamp_s: true for hand, true in zip(first.hands, first.truth, strict=True)}
        events = [
            *((hand.stamp_s, "first", view_place(0.0), hand) for hand in estimates(first, size_relative_sigma)),
            *((hand.stamp_s, "second", place, hand) for hand in estimates(second, size_relative_sigma)),
        ]
        for stamp_s, camera, camera_place, hand in sorted(events, key=lambda event: event[:2]):
            frame = fuser.take(camera, camera_place, stamp_s, [hand])
            if camera == "first" and stamp_s >= SETTLED_S:
                alone.append(_along(hand.joints[WRIST], truth[stamp_s][WRIST]))
            if frame is None or len(frame.cameras) < 2 or frame.stamp_s not in truth or stamp_s < SETTLED_S:
                continue
            true, best = truth[frame.stamp_s], min(frame.hands, key=lambda one: -len(one.cameras)).hand
            error = best.joints[WRIST] - true[WRIST]
            fused.append(_along(best.joints[WRIST], true[WRIST]))
            joints.append(np.linalg.norm(best.joints - true, axis=1).mean())
            sizes.append(abs(best.size_m - np.linalg.norm(true[MIDDLE_MCP] - true[WRIST])))
            held.append(error @ np.linalg.solve(best.position_covariance, error) < CHI2_3)
            disagree.append(bool(frame.conflicts))
    one, both = float(np.median(alone)), float(np.median(fused))
    return FusionFigures(
        1e3 * one, 1e3 * float(np.quantile(alone, 0.9)), 1e3 * both, 1e3 * float(np.quantile(fused, 0.9)), both / one,
        1e3 * float(np.median(joints)), 1e3 * float(np.median(sizes)), float(np.mean(held)), float(np.mean(disagree)),
    )  # fmt: skip


def relative_depth_sigma(seen: Sequence[Seen]) -> float:
    """How far joints are off along their rays against the wrist, root mean square, metres; what a wrong scale does left out."""
    errors = []
    for one in seen:
        for hand, truth in zip(estimates(one, KNOWN_SIZE_SIGMA), one.truth, strict=True):
            if hand.stamp_s >= SETTLED_S:
                distances = np.linalg.norm(hand.joints, axis=1)
                along = ((hand.joints - truth) * hand.joints).sum(1) / distances
                errors.append(along[1:] - along[WRIST] * distances[1:] / distances[WRIST])
    return float(np.sqrt(np.mean(np.square(errors))))


def fusion_table(path: Path) -> str:
    """Markdown: one line for each angle, of an unknown and of a known hand size."""
    lines = [
        "| angle | hand size | " + " | ".join(name.replace("_", " ") for name in FusionFigures.__dataclass_fields__) + " |",
        "|---|---|" + "---:|" * len(FusionFigures.__dataclass_fields__),
    ]
    for name, size, sigma in (("average adult's", ADULT_SIZE_M, ADULT_RELATIVE_SIGMA), ("known", None, KNOWN_SIZE_SIGMA)):
        seen = list(read_motions(path, size))
        for n, degrees in enumerate(VIEW_DEGREES[1:], 1):
            pairs = list(zip(seen[:: len(VIEW_DEGREES)], seen[n :: len(VIEW_DEGREES)], strict=True))
            values = vars(measure_fusion(pairs, degrees, sigma)).values()
            lines.append(f"| {degrees:g} | {name} | " + " | ".join(f"{value:.3g}" for value in values) + " |")
    lines.append(
        f"\nalong their rays joints are off against the wrist by {1e3 * relative_depth_sigma(list(read_motions(path))):.1f} mm (RMS)"
    )
    return "\n".join(lines)


def _along(point: FloatArray, truth: FloatArray) -> float:
    return abs(float((point - truth) @ truth / np.linalg.norm(truth)))
