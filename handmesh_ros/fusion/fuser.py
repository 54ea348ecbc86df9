"""Frames of several cameras, one after the other, to fused hands over time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handmesh_ros.errors import InputError
from handmesh_ros.fusion.extrinsics import CameraPlace
from handmesh_ros.fusion.fuse import FusedHand, fused
from handmesh_ros.fusion.matching import Conflict, conflicts, grouped
from handmesh_ros.fusion.placed import PlacedHand, carried_to, placed
from handmesh_ros.fusion.rounds import Rounds
from handmesh_ros.hand import Hand

# Where a hand that a network can see may be, from its camera's centre. Chosen by hand: nearer than any lens focuses, farther than a palm of
# 8 pixels in a telephoto picture.
NEAREST_HAND_M, FARTHEST_HAND_M = 1e-3, 100.0
VARIANCE_ROUNDING_M2, RELATIVE_ROUNDING = 1e-8, 1e-3  # of a covariance that was written with nine decimals, or sent as it was computed
CARRIED_AT_MOST_S = 0.1  # a camera whose last frame is older has no say


@dataclass(frozen=True)
class FusedFrame:
    """What all cameras see at one time: hands in the common frame, who had a say, and which cameras disagree."""

    stamp_s: float
    hands: tuple[FusedHand, ...]
    cameras: tuple[str, ...]
    conflicts: tuple[Conflict, ...]


@dataclass(frozen=True, eq=False)
class _View:
    """A camera's last frame: each hand with the same one in the frame before, where there was one."""

    stamp_s: float
    hands: list[tuple[PlacedHand | None, PlacedHand]]


class HandFuser:
    """Fuses hands of calibrated cameras; recorded frames in the order of their stamps give what live ones give.

    Args:
        extrinsics_sigma_m: how exactly cameras' places are known, one sigma. The default is what a printed board gives at a metre; chosen
            by hand.
    """

    def __init__(self, extrinsics_sigma_m: float = 0.003) -> None:
        if not (math.isfinite(extrinsics_sigma_m) and extrinsics_sigma_m >= 0.0):
            raise InputError(f"extrinsics_sigma_m is {extrinsics_sigma_m}; give a finite number, zero or more")
        self._sigma_m = extrinsics_sigma_m
        self._ids = itertools.count(1)
        self.reset()

    def reset(self) -> None:
        """Forget every hand and every clock; numbers of tracks are not used again."""
        self._rounds = Rounds()
        self._views: dict[str, _View] = {}
        self._tracks: dict[tuple[str, int], int] = {}

    @property
    def behind_s(self) -> dict[str, float]:
        """How far each camera's newest stamp is behind the newest of all, seconds."""
        newest = self._rounds.newest_s
        return {camera: max(newest.values()) - stamp_s for camera, stamp_s in newest.items()}

    def take(self, camera: str, place: CameraPlace, stamp_s: float, hands: Sequence[Hand]) -> FusedFrame | None:
        """The next frame of a camera, with its hands in its own frame and its place at that time.

        Returns: what all cameras see, once every one had its say; else None. A late or repeated frame is left out. Where a camera's stamps
        go back by more than a second, all begin anew.

        Raises:
            InputError: a hand has no metric scale, a number is not finite, or it is where no camera sees a hand.
        """
        _check(camera, stamp_s, hands)
        if self._rounds.went_back(camera, stamp_s):
            self.reset()
        if self._rounds.is_late(camera, stamp_s):
            return None
        self._views[camera] = self._view(camera, place, stamp_s, hands)
        time_s = self._rounds.hear(camera, stamp_s)
        return None if time_s is None else self._fused(time_s)

    def _view(self, camera: str, place: CameraPlace, stamp_s: float, hands: Sequence[Hand]) -> _View:
        former = self._views.get(camera)
        known: dict[tuple[str, int], PlacedHand] = {}
        if former is not None and stamp_s - former.stamp_s <= CARRIED_AT_MOST_S:
            known = {last.identity: last for _, last in former.hands}
        now = [placed(camera, place, hand, self._sigma_m) for hand in hands]
        return _View(stamp_s, [(known.get(hand.identity), hand) for hand in now])

    def _fused(self, time_s: float) -> FusedFrame:
        views = {name: view for name, view in self._views.items() if abs(time_s - view.stamp_s) <= CARRIED_AT_MOST_S}
        groups = grouped([carried_to(before, last, time_s) for view in views.values() for before, last in view.hands])
        numbers = self._numbered(groups)
        hands = tuple(fused(group, number, time_s) for group, number in zip(groups, numbers, strict=True))
        return FusedFrame(time_s, hands, tuple(views), tuple(conflicts(groups)))

    def _numbered(self, groups: Sequence[Sequence[PlacedHand]]) -> list[int]:
        """The number of each group's track: the oldest of its cameras' tracks that no other group has."""
        taken: set[int] = set()
        numbers = []
        for group in groups:
            known = {self._tracks[one.identity] for one in group if one.identity in self._tracks} - taken
            number = min(known) if known else next(self._ids)
            taken.add(number)
            numbers.append(number)
        present = {one.identity: number for group, number in zip(groups, numbers, strict=True) for one in group}
        # A track of a camera that is silent just now keeps its number until the camera speaks again.
        followed = {last.identity for view in self._views.values() for _, last in view.hands}
        self._tracks = {identity: number for identity, number in (self._tracks | present).items() if identity in followed}
        return numbers


def _check(camera: str, stamp_s: float, hands: Sequence[Hand]) -> None:
    if any(not hand.metric for hand in hands):
        raise InputError(
            f"hands of {camera} have no metric scale, so they have no place in the common frame: calibrate that camera (camera_info, or "
            "handmesh run --camera INFO.yaml)"
        )
    if not math.isfinite(stamp_s):
        raise InputError(f"a frame of {camera} has the stamp {stamp_s}")
    for hand in hands:
        if fault := _fault(hand):
            raise InputError(f"a hand of {camera} at {stamp_s} s {fault}")


def _fault(hand: Hand) -> str:
    """What no measured hand has; empty where there is nothing of the kind."""
    covariance = hand.position_covariance
    for part in (hand.joints, hand.rotations, covariance, hand.score, hand.side_score):
        if not np.isfinite(part).all():
            return "holds NaN or infinite numbers"
    distances = np.abs(hand.joints).max(axis=1)
    if not NEAREST_HAND_M <= distances.min() <= distances.max() <= FARTHEST_HAND_M:
        return f"has joints {distances.min():g} to {distances.max():g} m from its camera"
    variances = np.linalg.eigvalsh(covariance)
    rounding = VARIANCE_ROUNDING_M2 + RELATIVE_ROUNDING * variances.max()
    if np.abs(covariance - covariance.T).max() > rounding or variances.min() < -rounding:
        return f"has a position covariance that is none: {covariance.tolist()}"
    return "is surely nowhere" if variances.max() > FARTHEST_HAND_M**2 else ""
