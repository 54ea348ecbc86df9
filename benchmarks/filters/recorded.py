"""The filter benchmark on recorded hands: what the networks really measure, with the noise and the movements that there are.

Of the demo clip the truth is known. Where it is not, lag is measured against the unfiltered hands, averaged to both sides in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.filters.candidates import HandCandidate, hand_candidates
from benchmarks.filters.hand_poses import FINGER_JOINT, Poses, filtered, starts_of
from benchmarks.filters.measures import best_delay_s, rms_across_and_along
from handmesh_ros.errors import InputError
from handmesh_ros.files import clip_file, package_file
from handmesh_ros.hand import WRIST, FloatArray, Hand, Side
from handmesh_ros.perception import Camera, HandPipeline, PipelineParameters
from handmesh_ros.perception.frames import joint_rotations
from handmesh_ros.provision import ModelState, list_models
from handmesh_ros.sources import open_source

JITTER_SAMPLES = 9  # at 30 Hz, the quarter of a second in which a hand's own movement is a parabola
AVERAGED_SAMPLES = 5
AFTER_START_S = 0.3  # after a start, the filters still come from different sides


@dataclass(frozen=True)
class RecordedHands:
    """The unsmoothed hands of a clip, in order, and their true poses where they are known."""

    name: str
    hands: tuple[Hand, ...]
    truth: Poses | None = None


@dataclass(frozen=True)
class RecordedFigures:
    """Jitter: RMS of what a parabola through nine samples does not explain, of the wrist's position across the ray (one axis) and
    along it, and of the rotations (three axes). Lags in ms behind the truth, or behind the unfiltered hands.
    """

    jitter_mm: float
    depth_jitter_mm: float
    wrist_jitter_deg: float
    finger_jitter_deg: float
    lag_ms: float
    wrist_lag_ms: float
    finger_lag_ms: float


@dataclass(frozen=True)
class RecordedRow:
    """A filter's figures on a recording."""

    candidate: HandCandidate
    figures: RecordedFigures


def recordings(progress: Callable[[str], None] = print) -> Iterator[RecordedHands]:
    """The demo clip and, where it is there, the video of a human hand, by every mesh model whose file is there.

    Args:
        progress: told what is left out, and why.
    """
    models = [status for status in list_models() if status.model.kind == "mesh"]
    for status in models:
        if status.state is not ModelState.OK:
            progress(f"recorded hands: model '{status.model.name}' left out, its file is {status.state.value}")
    names = [status.model.name for status in models if status.state is ModelState.OK]
    clips = (
        ("demo", "config/demo/demo.mp4", Camera.from_yaml(clip_file("demo_camera.yaml"))),
        ("human_hand", "shared/video/human_hand.mp4", Camera.from_hfov(1280, 720, 65.0)),  # its camera is unknown
    )
    for clip, file, camera in clips:
        path = package_file(file)
        if path is None:
            progress(f"recorded hands: clip '{clip}' left out, there is no {file}")
            continue
        for name in names:
            yield record(clip, path, camera, name)


def record(clip: str, path: Path, camera: Camera, model: str) -> RecordedHands:
    """Run a clip through the pipeline.

    Raises:
        InputError: no hand was seen in it.
    """
    pipeline = HandPipeline.load(model, PipelineParameters.with_max_hands(1))
    hands, numbers = [], []
    for frame in open_source(str(path)):
        pipeline.process(frame.rgb, camera, frame.stamp_s)
        for hand in pipeline.raw_hands:
            hands.append(hand)
            numbers.append(frame.number)
    if not hands:
        raise InputError(f"{path}: the model '{model}' sees no hand in it")
    truth = _demo_truth(np.array(numbers), Poses.of(hands)) if clip == "demo" else None
    return RecordedHands(f"{clip}, {model}", tuple(hands), truth)


def measure_recording(recorded: RecordedHands) -> list[RecordedRow]:
    """Every filter's figures, and those of the truth; a rival whose package is not installed is left out."""
    raw = Poses.of(recorded.hands)
    starts = starts_of(recorded.hands)
    truth = recorded.truth or _averaged(raw, starts)
    rows = []
    for candidate in hand_candidates():
        try:
            rows.append(RecordedRow(candidate, _figures(filtered(recorded.hands, candidate), raw, truth, starts)))
        except ModuleNotFoundError:
            continue  # the table of positions has said so
    if recorded.truth is not None:
        rows.append(RecordedRow(HandCandidate("(the truth)", ""), _figures(truth, raw, truth, starts)))
    return rows


def _figures(poses: Poses, raw: Poses, truth: Poses, starts: Sequence[int]) -> RecordedFigures:
    rays = raw.positions / np.linalg.norm(raw.positions, axis=1, keepdims=True)
    across, along = rms_across_and_along(_jitter(poses.positions, starts), rays)
    settled = np.ones(len(raw.stamps), bool)
    for start in starts:
        settled &= (raw.stamps < raw.stamps[start]) | (raw.stamps >= raw.stamps[start] + AFTER_START_S)

    def lag_ms(of: Callable[[Poses], FloatArray]) -> float:
        reference = of(truth)

        def path(times: FloatArray) -> FloatArray:
            return np.stack([np.interp(times, truth.stamps, axis) for axis in reference.T], axis=1)

        return 1e3 * best_delay_s(path, raw.stamps[settled], of(poses)[settled])

    def degrees(rotations: FloatArray) -> float:
        entries = _jitter(rotations, starts)  # a small turn changes the nine entries by its angle times the root of two
        return float(np.degrees(np.sqrt((entries**2).sum(axis=1).mean() / 2.0)))

    return RecordedFigures(
        jitter_mm=1e3 * across,
        depth_jitter_mm=1e3 * along,
        wrist_jitter_deg=degrees(_entries(poses.turns)),
        finger_jitter_deg=degrees(_entries(poses.bends)),
        lag_ms=lag_ms(lambda p: p.positions),
        wrist_lag_ms=lag_ms(lambda p: _entries(p.turns)),
        finger_lag_ms=lag_ms(lambda p: _entries(p.bends)),
    )


def _entries(rotations: FloatArray) -> FloatArray:
    """(N, 9): unlike rotation vectors, these may be averaged and interpolated anywhere."""
    return rotations.reshape(len(rotations), 9)


def _centred(values: FloatArray, starts: Sequence[int], weights: FloatArray) -> FloatArray:
    """(N, D) weighted sums around each sample, within its track; near a track's ends the value itself."""
    result = values.copy()
    half = len(weights) // 2
    for begin, end in zip(starts, [*starts[1:], len(values)], strict=True):
        for i in range(begin + half, end - half):
            result[i] = weights @ values[i - half : i + half + 1]
    return result


def _jitter(values: FloatArray, starts: Sequence[int]) -> FloatArray:
    """(N, D) deviation from the parabola through the samples around; 0 near a track's ends."""
    half = JITTER_SAMPLES // 2
    fit = np.linalg.pinv(np.vander(np.arange(-half, half + 1), 3, increasing=True))[0]
    return values - _centred(values, starts, fit)


def _averaged(raw: Poses, starts: Sequence[int]) -> Poses:
    """The hands without most of their noise and without lag, for offline use."""
    weights = np.full(AVERAGED_SAMPLES, 1.0 / AVERAGED_SAMPLES)
    parts = (_centred(values, starts, weights) for values in (raw.positions, _entries(raw.turns), _entries(raw.bends)))
    positions, turns, bends = parts
    return Poses(raw.stamps, positions, turns.reshape(-1, 3, 3), bends.reshape(-1, 3, 3))


def _demo_truth(numbers: np.ndarray, raw: Poses) -> Poses:
    """The true poses in these frames, at the distance that the assumed hand size makes of the true one."""
    with np.load(clip_file("demo_truth.npz")) as file:
        joints, side = file["joints"][numbers].astype(float), Side(str(file["side"]))
    rotations = np.array([joint_rotations(j, side) for j in joints])
    turns = rotations[:, WRIST]
    positions = joints[:, WRIST] * np.median(raw.positions[:, 2] / joints[:, WRIST, 2])
    return Poses(raw.stamps, positions, turns, turns.transpose(0, 2, 1) @ rotations[:, FINGER_JOINT])
