"""The filter benchmark of orientations: how steady the wrist's and a finger joint's rotation are at rest, how late while they turn.

The hand is a chain of bones with known joints. Its joints as a network would give them: the whole hand turned by a noisy rotation, and
every joint shifted by noise of its own; the rotations are those that perception computes from such joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from benchmarks.filters.candidates import HandCandidate, hand_candidates
from benchmarks.filters.hand_poses import Poses, filtered, turns_from
from benchmarks.filters.measures import best_delay_s
from benchmarks.filters.signals import HOME, SETTLING_S, NoiseModel, sample_times, unit_noise
from handmesh_ros.hand import JOINT_COUNT, FloatArray, Hand, Side, TrackState
from handmesh_ros.perception.frames import joint_rotations
from handmesh_ros.perception.rotations import rotation_matrix
from handmesh_training.template.minimum_jerk import minimum_jerk

TURN_NOISE_RAD, JOINT_NOISE_M = 0.010, 0.0003  # each axis; with 'lifted' on the demo clip a wrist at rest shows 1.1 degrees, a pip 0.7
REST_S = 1.5
FINE_S = 0.005  # the truth is tabulated this finely
FACING = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # fingers up, palm to the camera
# Roots of the fingers and lengths of their bones, metres, in the frame of a right wrist: x to the middle mcp, z out of the back.
ROOTS = np.array([[0.03, 0.025, 0.0], [0.089, 0.024, 0.0], [0.094, 0.0, 0.0], [0.088, -0.02, 0.0], [0.078, -0.037, 0.0]])
BONE_LENGTHS = np.array([0.044, 0.027, 0.023])


def hand_shape(bend_rad: float) -> FloatArray:
    """(21, 3) joints in the wrist's frame, metres; every finger joint bent by this angle about y."""
    angles = bend_rad * np.arange(1, 4)
    bones = BONE_LENGTHS[:, None] * np.stack([np.cos(angles), np.zeros(3), -np.sin(angles)], axis=1)
    chain = np.concatenate([np.zeros((1, 3)), np.cumsum(bones, axis=0)])
    return np.concatenate([np.zeros((1, 3)), (ROOTS[:, None] + chain).reshape(-1, 3)])


@dataclass(frozen=True, eq=False)
class Exercise:
    """There and back by minimum jerk, with rests between.

    Attributes:
        turn: (3,) rotation vector of the wrist, radians.
        bend_rad: of every finger joint; the frame of the pip turns by twice that.
        seconds: of one way.
        ways: how many; 0 is a rest.
    """

    turn: FloatArray
    bend_rad: float
    seconds: float
    ways: int

    @property
    def starts(self) -> FloatArray:
        return REST_S + np.arange(self.ways) * (self.seconds + REST_S)

    def moving(self, times: FloatArray) -> NDArray[np.bool_]:
        """(N,) during a way, or within the settling time after it."""
        since = times[:, None] - self.starts
        return np.any((since >= 0.0) & (since < self.seconds + SETTLING_S), axis=1)

    def hands(self, times: FloatArray, noise: NoiseModel | None, rng: np.random.Generator) -> list[Hand]:
        """As measured, or the truth without noise."""
        shares = np.zeros(len(times))
        for i, start in enumerate(self.starts):
            shares += (-1) ** i * minimum_jerk((times - start) / self.seconds)
        size = 3 * (JOINT_COUNT + 1)
        unit = np.zeros((len(times), size)) if noise is None else unit_noise(len(times), size, noise, rng)
        hands = []
        for time, share, n in zip(times.tolist(), shares.tolist(), unit, strict=True):
            turn = rotation_matrix(TURN_NOISE_RAD * n[:3]) @ rotation_matrix(share * self.turn) @ FACING
            shape = hand_shape(0.25 + share * self.bend_rad) + JOINT_NOISE_M * n[3:].reshape(JOINT_COUNT, 3)
            hands.append(_hand(time, shape @ turn.T))
        return hands


def _hand(stamp_s: float, joints: FloatArray) -> Hand:
    return Hand(
        Side.RIGHT, 1.0, 1.0, 1, TrackState.TRACKING, stamp_s, np.zeros((0, 3), np.float32), joints + HOME,
        joint_rotations(joints, Side.RIGHT), np.zeros((JOINT_COUNT, 2)), np.eye(3), 0.094, True,
    )  # fmt: skip


RESTING = Exercise(np.zeros(3), 0.0, 0.0, 0)
WRIST_TURNING = Exercise(np.array([0.6, 0.64, 0.48]), 0.0, 1.875 * 1.0 / 2.0, 12)  # 1 rad, at most 2 rad/s
FINGER_BENDING = Exercise(np.zeros(3), 0.6, 1.875 * 1.2 / 4.0, 12)  # a fist: the pip's frame by 1.2 rad, at most 4 rad/s


@dataclass(frozen=True)
class OrientationFigures:
    """Degrees are RMS over the three axes, of a rest, from its mean; lags in ms: the wrist turning at up to 2 rad/s, the index
    finger's pip bending at up to 4. ``worst`` is the largest error of the wrist at rest.
    """

    wrist_jitter_deg: float
    wrist_cut: float
    wrist_lag_ms: float
    finger_jitter_deg: float
    finger_cut: float
    finger_lag_ms: float
    worst_deg: float


@dataclass(frozen=True)
class OrientationRow:
    """A filter's figures: medians over the seeds."""

    candidate: HandCandidate
    figures: OrientationFigures


class Trial:
    """An exercise as measured, and its truth."""

    def __init__(self, exercise: Exercise, duration_s: float, noise: NoiseModel, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.exercise = exercise
        self.hands = exercise.hands(sample_times(duration_s, noise, rng), noise, rng)
        self._times = np.arange(-0.6, duration_s + 0.2, FINE_S if exercise.ways else 1.0)
        self.truth = Poses.of(exercise.hands(self._times, None, rng))

    def jitter_deg(self, poses: Poses, which: str) -> float:
        """RMS deviation from the mean."""
        vectors = turns_from(getattr(poses, which), getattr(self.truth, which)[0])[poses.stamps >= SETTLING_S]
        return float(np.degrees(np.sqrt(((vectors - vectors.mean(axis=0)) ** 2).sum(axis=1).mean())))

    def worst_deg(self, poses: Poses) -> float:
        vectors = turns_from(poses.turns, self.truth.turns[0])[poses.stamps >= SETTLING_S]
        return float(np.degrees(np.linalg.norm(vectors, axis=1).max()))

    def lag_ms(self, poses: Poses, which: str) -> float:
        anchor = getattr(self.truth, which)[0]
        table = turns_from(getattr(self.truth, which), anchor)
        moving = self.exercise.moving(poses.stamps)

        def path(times: FloatArray) -> FloatArray:
            return np.stack([np.interp(times, self._times, axis) for axis in table.T], axis=1)

        return 1e3 * best_delay_s(path, poses.stamps[moving], turns_from(getattr(poses, which), anchor)[moving])


class OrientationBench:
    """The hands of one run; every candidate sees the same ones."""

    def __init__(self, noise: NoiseModel | None = None, seconds: float = 40.0, seed: int = 0) -> None:
        noise = noise or NoiseModel()
        self._rest = Trial(RESTING, seconds, noise, seed)
        self._turning, self._bending = (
            Trial(e, float(e.starts[-1] + e.seconds + REST_S), noise, seed + 1) for e in (WRIST_TURNING, FINGER_BENDING)
        )
        self._raw = Poses.of(self._rest.hands)

    def measure(self, candidate: HandCandidate) -> OrientationFigures:
        """Raises: ModuleNotFoundError where a rival's package is not installed."""
        rest = filtered(self._rest.hands, candidate)
        wrist, finger = (self._rest.jitter_deg(rest, which) for which in ("turns", "bends"))
        return OrientationFigures(
            wrist_jitter_deg=wrist,
            wrist_cut=self._rest.jitter_deg(self._raw, "turns") / wrist,
            wrist_lag_ms=self._turning.lag_ms(filtered(self._turning.hands, candidate), "turns"),
            finger_jitter_deg=finger,
            finger_cut=self._rest.jitter_deg(self._raw, "bends") / finger,
            finger_lag_ms=self._bending.lag_ms(filtered(self._bending.hands, candidate), "bends"),
            worst_deg=self._rest.worst_deg(rest),
        )


def measure_orientations(seconds: float = 40.0, seeds: Sequence[int] = (0, 10, 20)) -> list[OrientationRow]:
    """Every filter's figures, medians over the seeds; a rival whose package is not installed is left out."""
    benches = [OrientationBench(NoiseModel(), seconds, seed) for seed in seeds]
    rows = []
    for candidate in hand_candidates():
        try:
            runs = [bench.measure(candidate) for bench in benches]
        except ModuleNotFoundError:
            continue  # the table of positions has said so
        medians = {f.name: float(np.median([getattr(run, f.name) for run in runs])) for f in fields(OrientationFigures)}
        rows.append(OrientationRow(candidate, OrientationFigures(**medians)))
    return rows
