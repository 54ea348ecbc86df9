"""HandPipeline: wires the stages of perception together. The one class that others call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import WRIST, FloatArray, Hand, Side, TrackState
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.crop import CropError, CropRegion
from handmesh_ros.perception.crop_rules import steadied
from handmesh_ros.perception.detect import PalmDetection, PalmDetector, region_from_palm
from handmesh_ros.perception.measure import HandMeter, MeasuredHand
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.perception.size.hand_size import HandSizes
from handmesh_ros.perception.smoothing.smoother import HandSmoother, SmoothingParameters
from handmesh_ros.perception.stopwatch import Stopwatch
from handmesh_ros.perception.tracking.association import coasted_time, palm_size_px, same_hand
from handmesh_ros.perception.tracking.tracker import Loss, Measurement, Track, Tracker, TrackingParameters
from handmesh_ros.provision import DEFAULT_MODEL, model_path

# Where a hand is looked for in a picture that it fills: squares larger than the picture by this, turned to each of these angles.
FILLING_SCALE = 1.25
FILLING_ANGLES = (0.0, np.pi / 2, np.pi, -np.pi / 2)
# A hand that the network takes for one of the other side is looked at again, closer and turned: with both networks that ship, such
# answers have twice the error of others (docs/architecture.md).
CLOSER = 0.85
CLOSER_ANGLES = (np.radians(15), np.radians(-15))


@dataclass(frozen=True)
class PipelineParameters:
    """What a user may set.

    Attributes:
        side: the side of every hand where it is known, None to tell by the picture.
        detection_threshold: least score of the palm detector.
        tracking, smoothing: of those stages.
    """

    side: Side | None = None
    detection_threshold: float = 0.5
    tracking: TrackingParameters = field(default_factory=TrackingParameters)
    smoothing: SmoothingParameters = field(default_factory=SmoothingParameters)

    @classmethod
    def with_max_hands(cls, max_hands: int) -> PipelineParameters:
        """The defaults, for at most so many hands."""
        return cls(tracking=TrackingParameters(max_hands=max_hands))


class HandPipeline:
    """Frames in, stable metric hands out. Not thread-safe: one camera, one thread, one pipeline.

    Attributes:
        sizes: the hand sizes assumed, per side; may be calibrated.
        raw_hands: the last frame's hands before smoothing.
        losses: tracks given up in the last frame, with reasons.
        detector_calls: how often the palm detector ran since the pipeline was made.
    """

    def __init__(self, network: MeshNetwork, detector: PalmDetector, parameters: PipelineParameters | None = None) -> None:
        self.network = network
        self.sizes = HandSizes()
        self.raw_hands: tuple[Hand, ...] = ()
        self.losses: tuple[Loss, ...] = ()
        self.detector_calls = 0
        self._detector = detector
        self._stopwatch = Stopwatch()
        self._meter = HandMeter(network, self._stopwatch)
        self._smoothers: dict[int, HandSmoother] = {}
        self._regions: dict[int, CropRegion] = {}  # where each live hand was last measured
        self.parameters = parameters or PipelineParameters()
        self._tracker = Tracker(self.parameters.tracking)

    @classmethod
    def load(
        cls,
        model: str | Path = DEFAULT_MODEL,
        parameters: PipelineParameters | None = None,
        threads: int = 1,
    ) -> HandPipeline:
        """A pipeline with a model of the manifest, or an .onnx file that keeps the mesh network contract.

        Raises:
            ModelError: the model is missing or damaged; the message says how to mend it.
            ModelContractError: the file is no mesh network.
        """
        network = MeshNetwork(model_path(model), threads)
        return cls(network, PalmDetector(model_path("palm_detection"), threads), parameters)

    @property
    def faces(self) -> NDArray[np.integer]:
        """(F, 3) vertex indices of the network's right hand; reverse each for a left hand."""
        return self.network.faces

    @property
    def model_name(self) -> str:
        return self.network.name

    @property
    def stage_seconds(self) -> dict[str, float]:
        """What the stages of the last frame took: detect, crop, network, place, frames, track, smooth."""
        return self._stopwatch.seconds

    def reset(self) -> None:
        """Forget every hand; the sizes stay."""
        self._tracker.reset()
        self._smoothers.clear()
        self.raw_hands = ()

    def set_parameters(self, parameters: PipelineParameters) -> None:
        """Change parameters; hands that are followed are found anew."""
        self.parameters = parameters
        self._tracker.parameters = parameters.tracking
        self.reset()

    def process(self, frame_rgb: NDArray[np.uint8], camera: Camera, stamp_s: float) -> list[Hand]:
        """The hands of the next frame of one camera, tracked and smoothed.

        Args:
            frame_rgb: (H, W, 3) uint8 RGB.
            camera: of this frame's size.
            stamp_s: the frame's time; where it goes back, all tracks end and the hands are found anew.

        Raises:
            ValueError: frame and camera do not fit together, or the stamp is not finite.
        """
        _check_frame(frame_rgb, camera)
        self._stopwatch.restart()
        measurements = []
        for search in self._tracker.regions(stamp_s):
            previous = self._regions.get(search.track_id)
            region = self._region_around(search.keypoints, search.side, previous)
            measured = self._measure(frame_rgb, camera, None if region is None else steadied(region, previous), stamp_s)
            if measured is not None:
                measurements.append(_measurement(measured, search.track_id))
        with self._stopwatch.stage("track"):
            update = self._tracker.step(measurements, stamp_s)
        if update.want_detection:
            candidates = self._detected(frame_rgb, camera, stamp_s, self._tracker.is_followed)
            with self._stopwatch.stage("track"):
                update = self._tracker.adopt([_measurement(measured, None) for measured in candidates], stamp_s)
        self.losses = update.lost
        self._regions = {track.track_id: _measured_of(track).region for track in update.live}
        self.raw_hands = tuple(_hand_of(track, stamp_s) for track in update.live)
        with self._stopwatch.stage("smooth"):
            return self._smooth(self.raw_hands)

    def process_single(self, frame_rgb: NDArray[np.uint8], camera: Camera) -> list[Hand]:
        """The hands of one unrelated picture: no tracking, no smoothing, no memory.

        Raises:
            ValueError: frame and camera do not fit together.
        """
        _check_frame(frame_rgb, camera)
        self._stopwatch.restart()
        candidates = self._detected(frame_rgb, camera, 0.0, lambda _: False) or self._filling(frame_rgb, camera)
        start_score = self.parameters.tracking.start_score
        hands: list[Hand] = []
        for hand in sorted((c.hand for c in candidates if c.hand.score >= start_score), key=lambda hand: -hand.score):
            limit = self.parameters.tracking.duplicate_distance
            if not any(same_hand(hand.keypoints, other.keypoints, palm_size_px(other.keypoints), limit) for other in hands):
                hands.append(hand)
        return hands[: self.parameters.tracking.max_hands]

    def predict(self, hand: Hand, stamp_s: float) -> Hand:
        """A hand of the last frame carried on to a later time, as far as the smoothing parameters allow (for commands, not for records)."""
        smoother = self._smoothers.get(hand.track_id)
        return hand if smoother is None else smoother.predict(stamp_s)

    def _detected(
        self, frame_rgb: NDArray[np.uint8], camera: Camera, stamp_s: float, is_followed: Callable[[FloatArray], bool]
    ) -> list[MeasuredHand]:
        """Hands measured at the palms that the detector finds, those already followed left out."""
        self.detector_calls += 1
        with self._stopwatch.stage("detect"):
            palms = self._detector.detect(frame_rgb, self.parameters.tracking.max_hands, self.parameters.detection_threshold)
        measured = (self._measure_palm(frame_rgb, camera, palm, stamp_s) for palm in palms if not is_followed(palm.keypoints))
        return [hand for hand in measured if hand is not None]

    def _filling(self, frame_rgb: NDArray[np.uint8], camera: Camera) -> list[MeasuredHand]:
        """The hand that fills a whole picture, whichever way up: the detector misses palms that take most of it.

        Only for networks that can tell a hand from none; others would see one in every picture.
        """
        if not self.network.gives_score:
            return []
        height, width = frame_rgb.shape[:2]
        center, size = np.array([width - 1, height - 1]) / 2, FILLING_SCALE * max(width, height)
        tries = [self._measure_twice(frame_rgb, camera, CropRegion(center, size, angle), 0.0) for angle in FILLING_ANGLES]
        return sorted((hand for hand in tries if hand is not None), key=lambda measured: -measured.hand.score)[:1]

    def _measure_palm(self, frame_rgb: NDArray[np.uint8], camera: Camera, palm: PalmDetection, stamp_s: float) -> MeasuredHand | None:
        try:
            region = region_from_palm(palm)
        except CropError:
            return None
        return self._measure_twice(frame_rgb, camera, region, stamp_s)

    def _measure_twice(self, frame_rgb: NDArray[np.uint8], camera: Camera, region: CropRegion, stamp_s: float) -> MeasuredHand | None:
        """The first crop tells where the hand is exactly and which it is, the second is the tracker's own kind."""
        assumed = self.parameters.side or Side.RIGHT
        first = self._look(frame_rgb, camera, replace(region, mirror=assumed is Side.LEFT), stamp_s)
        if first is None or first.hand.score < self.parameters.tracking.keep_score:
            return None
        side = assumed
        if self.parameters.side is None and first.right_probability is not None:
            side = Side.RIGHT if first.right_probability >= 0.5 else Side.LEFT
        return self._measure(frame_rgb, camera, self._region_around(first.hand.keypoints, side, region), stamp_s)

    def _region_around(self, keypoints: FloatArray, side: Side, previous: CropRegion | None) -> CropRegion | None:
        try:
            return self.network.region_around(keypoints, side is Side.LEFT, previous)
        except CropError:
            return None

    def _measure(self, frame_rgb: NDArray[np.uint8], camera: Camera, region: CropRegion | None, stamp_s: float) -> MeasuredHand | None:
        """A hand whose side is known, in a region mirrored for that side."""
        if region is None:
            return None
        measured = self._look(frame_rgb, camera, region, stamp_s)
        if measured is None:
            return None
        if self.parameters.side is not None:
            # The user knows better than the network.
            return replace(measured, right_probability=None, hand=replace(measured.hand, side_score=1.0))
        if not _is_misread(measured):
            return measured
        for angle in CLOSER_ANGLES:
            closer = replace(region, size=CLOSER * region.size, angle=region.angle + angle)
            again = self._look(frame_rgb, camera, closer, stamp_s)
            if again is not None and again.hand.score >= self.parameters.tracking.keep_score and not _is_misread(again):
                return replace(again, region=region)
        return measured

    def _look(self, frame_rgb: NDArray[np.uint8], camera: Camera, region: CropRegion, stamp_s: float) -> MeasuredHand | None:
        side = Side.LEFT if region.mirror else Side.RIGHT
        return self._meter.measure(frame_rgb, camera, region, self.sizes.of(side), stamp_s)

    def _smooth(self, raw: Sequence[Hand]) -> list[Hand]:
        live = {hand.track_id for hand in raw}
        self._smoothers = {track_id: self._smoothers.get(track_id) or HandSmoother(self.parameters.smoothing) for track_id in sorted(live)}
        return [self._smoothers[hand.track_id].update(hand, self.sizes.of(hand.side).relative_sigma) for hand in raw]


def _check_frame(frame_rgb: NDArray[np.uint8], camera: Camera) -> None:
    if frame_rgb.ndim != 3 or frame_rgb.shape[2] != 3 or frame_rgb.dtype != np.uint8:
        raise ValueError(f"a frame must be uint8 (height, width, 3) RGB, this one is {frame_rgb.dtype} {frame_rgb.shape}")
    if frame_rgb.shape[:2] != (camera.height, camera.width):
        height, width = frame_rgb.shape[:2]
        raise ValueError(f"the frame is {width}x{height}, the camera is calibrated for {camera.width}x{camera.height}")


def _measurement(measured: MeasuredHand, track_id: int | None) -> Measurement:
    hand = measured.hand
    return Measurement(
        keypoints=hand.keypoints,
        joints=hand.joints,
        rotation=hand.rotations[WRIST],
        score=hand.score,
        side=hand.side,
        right_probability=measured.right_probability,
        residual_px=measured.residual_px,
        track_id=track_id,
        payload=measured,
    )


def _is_misread(measured: MeasuredHand) -> bool:
    """Whether the network takes the hand for one of the other side."""
    return measured.right_probability is not None and measured.hand.side_score < 0.5


def _measured_of(track: Track) -> MeasuredHand:
    measured = track.measurement.payload
    assert isinstance(measured, MeasuredHand)
    return measured


def _hand_of(track: Track, stamp_s: float) -> Hand:
    """The hand of a live track in the frame of ``stamp_s``: as measured, or carried on at its slowing speed."""
    hand = replace(_measured_of(track).hand, track_id=track.track_id, side=track.side, state=track.state, stamp_s=stamp_s)
    if track.state is TrackState.TRACKING:
        return hand
    elapsed = coasted_time(stamp_s - track.stamp_s)
    shift = track.velocity * elapsed
    return replace(
        hand,
        joints=hand.joints + shift,
        vertices=hand.vertices + shift.astype(hand.vertices.dtype),
        keypoints=hand.keypoints + track.image_velocity * elapsed,
        # Nobody sees where it really went: as far off as it may have moved.
        position_covariance=hand.position_covariance + np.outer(shift, shift) + np.eye(3) * (0.5 * elapsed) ** 2,
    )
