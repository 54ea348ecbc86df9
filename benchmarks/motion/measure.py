"""What an estimate over time makes of recorded motions with truth: errors, steadiness, lag, constancy of bones, honesty."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.filters.candidates import candidates
from benchmarks.filters.former.smoother import HandSmoother
from benchmarks.filters.measures import best_delay_s
from benchmarks.filters.rivals import Filter
from handmesh_ros.evaluation.metrics import similarity_align
from handmesh_ros.hand import BONES, JOINT_COUNT, MIDDLE_MCP, WRIST, FloatArray, Hand, Side, TrackState
from handmesh_ros.perception.articulated.estimator import EstimatorParameters, HandEstimator
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.evidence import HandEvidence
from handmesh_ros.perception.frames import joint_rotations
from handmesh_ros.perception.place import PlacementError, place

MOTION_WIDTH, MOTION_HEIGHT, MOTION_FOCAL_PX = 640, 480, 600.0
SETTLED_S = 0.5  # filters have settled
BONES_SETTLE_S = 2.0
EVERY = 2  # frames between those of which the slow figures are made
MOVES_M, BENDS = 0.02, 0.15  # standard deviations (metres, unit vectors) of what moves enough to show a lag


def motion_camera() -> Camera:
    """Of all motions: no distortion, principal point in the middle."""
    K = np.array([[MOTION_FOCAL_PX, 0, (MOTION_WIDTH - 1) / 2], [0, MOTION_FOCAL_PX, (MOTION_HEIGHT - 1) / 2], [0, 0, 1]])
    return Camera(width=MOTION_WIDTH, height=MOTION_HEIGHT, K=K)


@dataclass(frozen=True, eq=False)
class Seen:
    """One motion as a network saw it: raw hands in order, with their evidence, and the truth (F, 21, 3)."""

    hands: list[Hand]
    evidence: list[HandEvidence]
    truth: FloatArray

    @property
    def stamps(self) -> FloatArray:
        return np.array([hand.stamp_s for hand in self.hands])


def read_motions(path: Path, assumed_size_m: float | None = None) -> Iterator[Seen]:
    """The motions of a file that ``record.py`` wrote; without an assumed hand size it is known."""
    with np.load(path) as file:
        data = {name: np.asarray(file[name], float) for name in file.files}
    lens = motion_camera()
    for m, truth in enumerate(data["truth"]):
        size = assumed_size_m or float(np.median(np.linalg.norm(truth[:, MIDDLE_MCP] - truth[:, WRIST], axis=1)))
        scale = size / float(data["reference_size_m"])
        hands, evidence, kept = [], [], []
        for n, stamp in enumerate(data["stamps"]):
            keypoints, joints = data["keypoints"][m, n], scale * (data["joints"][m, n] - data["joints"][m, n, WRIST])
            sigma_px = float(data["keypoint_sigma"]) * float(data["extent_px"][m, n])
            rays = lens.normalize(keypoints)
            seen = HandEvidence(rays, sigma_px / MOTION_FOCAL_PX, joints, scale * float(data["joint_sigma_m"]))
            try:
                placed = place(joints, rays, MOTION_FOCAL_PX, sigma_px, seen.joint_sigma_m)
            except PlacementError:
                continue
            rotations = joint_rotations(joints, Side.RIGHT)
            no_mesh = np.zeros((0, 3), np.float32)
            where = (no_mesh, joints + placed.translation, rotations, keypoints, placed.covariance)
            hands.append(Hand(Side.RIGHT, 1.0, 1.0, 1, TrackState.TRACKING, float(stamp), *where, size, True))
            evidence.append(seen)
            kept.append(n)
        yield Seen(hands, evidence, truth[kept])


CHI2_3 = 7.81  # chi-square, 3 degrees of freedom, 95 %
Estimate = Callable[[Seen], FloatArray]  # (F, 21, 3)


@dataclass(frozen=True)
class Rival:
    """A way from raw hands to joints (F, 21, 3)."""

    name: str
    run: Estimate


def ours(parameters: EstimatorParameters | None = None) -> Estimate:
    """The package's estimator."""

    def run(seen: Seen) -> FloatArray:
        estimator = HandEstimator(parameters)
        return np.array([estimator.update(hand, evidence).joints for hand, evidence in zip(seen.hands, seen.evidence, strict=True)])

    return run


def filtered_joints(make: Callable[[], Filter]) -> Estimate:
    """A filter on every joint's place by itself."""

    def run(seen: Seen) -> FloatArray:
        steps = np.diff(seen.stamps, prepend=seen.stamps[0]).tolist()
        filters = [make() for _ in range(JOINT_COUNT)]
        frames = zip(seen.hands, steps, strict=True)
        return np.array([[one.update(joint, dt) for one, joint in zip(filters, hand.joints, strict=True)] for hand, dt in frames])

    return run


def rivals() -> list[Rival]:
    """Ours, nothing, the filters that ours has replaced, and the usual filters on every joint's place by itself."""
    former = Rival("still or moving, One-Euro", lambda seen: _former(seen.hands))
    rows = [Rival("none", lambda seen: np.array([hand.joints for hand in seen.hands])), Rival("ours", ours()), former]
    usual = [c for c in candidates() if c.named and c.family not in ("none", "ours: still or moving", "Kalman, ray", "One-Euro, ray")]
    return rows + [Rival(f"{c.family} {c.setting}", filtered_joints(c.make)) for c in usual]


def _former(hands: Sequence[Hand]) -> FloatArray:
    smoother = HandSmoother()
    return np.array([smoother.update(hand).joints for hand in hands])


@dataclass(frozen=True)
class Figures:
    """Errors in mm and degrees, median / 90 % where two: of the wrist along its ray and across, of joints (PA-MPJPE, mean), of the palm's
    orientation, of finger bones' directions in the wrist's frame. Jitter: RMS second difference of the error over the square root of six.
    Lags in ms. Bone spread: standard deviation over mean, per cent. Microseconds an update.
    """

    depth_mm: float
    depth_90_mm: float
    lateral_mm: float
    pa_mm: float
    tilt_deg: float
    finger_deg: float
    jitter_mm: float
    depth_jitter_mm: float
    finger_jitter_deg: float
    lag_ms: float
    finger_lag_ms: float
    bone_spread: float
    update_us: float


def motion_table(rows: Sequence[tuple[str, Figures]]) -> str:
    """Markdown, one line a rival."""
    names = list(vars(rows[0][1]))
    lines = ["| filter | " + " | ".join(name.replace("_", " ") for name in names) + " |", "|---|" + "---:|" * len(names)]
    lines += [f"| {name} | " + " | ".join(f"{value:.3g}" for value in vars(figures).values()) + " |" for name, figures in rows]
    return "\n".join(lines)


def held_share(seen: Sequence[Seen], size_relative_sigma: float = 0.01) -> FloatArray:
    """(21,) how often the 95 % ellipsoid of each joint holds the truth."""
    held = []
    for one in seen:
        estimator = HandEstimator()
        for hand, evidence, truth in zip(one.hands, one.evidence, one.truth, strict=True):
            error = estimator.update(hand, evidence).joints - truth
            solved = np.linalg.solve(estimator.joint_covariances(size_relative_sigma), error[..., None])[..., 0]
            if hand.stamp_s >= SETTLED_S:
                held.append((error * solved).sum(1) < CHI2_3)
    return np.asarray(np.mean(held, axis=0))


def measure_motions(seen: Sequence[Seen], estimate: Estimate) -> Figures:
    """The figures of all motions together; lags and spreads are the mean over motions."""
    parts: dict[str, list[FloatArray]] = {}
    lags, finger_lags, spreads, seconds, count = [], [], [], 0.0, 0

    def add(name: str, values: FloatArray) -> None:
        parts.setdefault(name, []).append(values)

    for one in seen:
        begin = time.perf_counter()
        joints = estimate(one)
        seconds, count = seconds + time.perf_counter() - begin, count + len(joints)
        stamps = one.stamps - one.stamps[0]
        settled = stamps >= SETTLED_S
        error = joints[:, WRIST] - one.truth[:, WRIST]
        ray = one.truth[:, WRIST] / np.linalg.norm(one.truth[:, WRIST], axis=1, keepdims=True)
        along = (error * ray).sum(1)
        across = error - along[:, None] * ray
        add("depth", np.abs(along[settled]))
        add("lateral", np.linalg.norm(across[settled], axis=1))
        second = np.diff(error, 2, axis=0)[settled[2:]]
        add("depth_jitter", (second * ray[2:][settled[2:]]).sum(1))
        add("jitter", (second - (second * ray[2:][settled[2:]]).sum(1, keepdims=True) * ray[2:][settled[2:]]).ravel())
        bends, true_bends = _directions(joints), _directions(one.truth)
        turns, true_turns = _turns(joints), _turns(one.truth)
        add("tilt", _angles((turns * true_turns).sum((1, 2)) / 2 - 0.5)[settled])
        add("finger", _angles((bends * true_bends).sum(-1)).ravel())
        add("finger_jitter", np.diff(bends - true_bends, 2, axis=0)[settled[2:]].ravel())
        add("pa", np.array([_pa(j, t) for j, t in zip(joints[settled][::EVERY], one.truth[settled][::EVERY], strict=True)]))
        if one.truth[:, WRIST].std(0).max() > MOVES_M:
            lags.append(_lag(one.truth[:, WRIST], joints[:, WRIST], stamps))
        if true_bends.std(0).max() > BENDS:
            finger_lags.append(_lag(true_bends.reshape(len(stamps), -1), bends.reshape(len(stamps), -1), stamps))
        late = joints[stamps >= BONES_SETTLE_S]
        lengths = np.linalg.norm(late[:, [c for _, c in BONES]] - late[:, [p for p, _ in BONES]], axis=-1)
        spreads.append(float((lengths.std(0) / lengths.mean(0)).max()))
    rms = {name: float(np.sqrt((np.concatenate(values) ** 2).mean() / 6)) for name, values in parts.items() if "jitter" in name}
    whole = {name: np.concatenate(values) for name, values in parts.items()}
    return Figures(
        depth_mm=1e3 * float(np.median(whole["depth"])),
        depth_90_mm=1e3 * float(np.quantile(whole["depth"], 0.9)),
        lateral_mm=1e3 * float(np.median(whole["lateral"])),
        pa_mm=1e3 * float(whole["pa"].mean()),
        tilt_deg=float(np.median(whole["tilt"])),
        finger_deg=float(np.median(whole["finger"])),
        jitter_mm=1e3 * rms["jitter"],
        depth_jitter_mm=1e3 * rms["depth_jitter"],
        finger_jitter_deg=float(np.degrees(rms["finger_jitter"])),
        lag_ms=1e3 * float(np.median(lags)),
        finger_lag_ms=1e3 * float(np.median(finger_lags)),
        bone_spread=100 * max(spreads),
        update_us=1e6 * seconds / count,
    )


def _pa(joints: FloatArray, truth: FloatArray) -> float:
    return float(np.linalg.norm(similarity_align(joints, truth) - truth, axis=1).mean())


def _turns(joints: FloatArray) -> FloatArray:
    return np.array([joint_rotations(one - one[WRIST], Side.RIGHT)[WRIST] for one in joints])


def _directions(joints: FloatArray) -> FloatArray:
    """(F, 15, 3) unit vectors of the finger bones in the wrist's frame."""
    bones = np.diff(joints[:, 1:].reshape(len(joints), 5, 4, 3), axis=2).reshape(len(joints), 15, 3)
    return np.asarray(bones / np.linalg.norm(bones, axis=-1, keepdims=True) @ _turns(joints))


def _angles(cosines: FloatArray) -> FloatArray:
    return np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))


def _lag(truth: FloatArray, values: FloatArray, stamps: FloatArray) -> float:
    # A constant error is no lag.
    centred = values - (values - truth).mean(0)

    def path(times: FloatArray) -> FloatArray:
        return np.stack([np.interp(times, stamps, axis) for axis in truth.T], axis=1)

    later = stamps >= SETTLED_S
    return best_delay_s(path, stamps[later], centred[later])
