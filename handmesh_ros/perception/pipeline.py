"""HandPipeline: wires the stages of perception together. The one class that others call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import InputError
from handmesh_ros.hand import FloatArray, Hand, TrackState
from handmesh_ros.perception.articulated.estimator import HandEstimator
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.detect import PalmDetector
from handmesh_ros.perception.looking import Looker
from handmesh_ros.perception.measure import Glance
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.perception.parameters import PipelineParameters
from handmesh_ros.perception.size.hand_size import HandSizes
from handmesh_ros.perception.stopwatch import Stopwatch
from handmesh_ros.perception.tracking.association import coasted_time, distinct
from handmesh_ros.perception.tracking.records import Loss, Track
from handmesh_ros.perception.tracking.tracker import Tracker
from handmesh_ros.provision import DEFAULT_MODEL, model_path

# How much faster or slower than expected an unseen hand may go; its position's uncertainty grows by that. Measured (docs/tracking.md): nine
# hands of ten move by less than 0.43 m/s.
UNSEEN_SPEED_SIGMA_MPS = 0.5


class HandPipeline:
    """Frames in, stable metric hands out. Not thread-safe: one camera, one thread, one pipeline.

    Attributes:
        network: the mesh network.
        parameters: change them by ``set_parameters``.
        raw_hands: the last frame's hands as measured.
        losses: tracks given up in the last frame, with reasons.
    """

    def __init__(self, network: MeshNetwork, detector: PalmDetector, parameters: PipelineParameters | None = None) -> None:
        self.network = network
        self.parameters = parameters or PipelineParameters()
        self.raw_hands: tuple[Hand, ...] = ()
        self.losses: tuple[Loss, ...] = ()
        self._stopwatch = Stopwatch()
        self._detector = detector
        self._looker = Looker(network, detector, self.parameters, self._stopwatch)
        self._tracker = Tracker(self.parameters.tracking)
        self._estimators: dict[int, HandEstimator] = {}
        self._hands: list[Hand] = []

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
    def sizes(self) -> HandSizes:
        """The hand sizes assumed, per side; may be calibrated, or replaced by another pipeline's."""
        return self._looker.sizes

    @sizes.setter
    def sizes(self, sizes: HandSizes) -> None:
        self._looker.sizes = sizes

    @property
    def detector_calls(self) -> int:
        """How often the palm detector ran since the pipeline was made."""
        return self._looker.detector_calls

    @property
    def stage_seconds(self) -> dict[str, float]:
        """What the stages of the last frame took: detect, crop, network, place, frames, track, estimate."""
        return self._stopwatch.seconds

    def reset(self) -> None:
        """Forget every hand; the sizes stay."""
        self._tracker.reset()
        self._estimators.clear()
        self.raw_hands, self.losses, self._hands = (), (), []

    def set_parameters(self, parameters: PipelineParameters) -> None:
        """Change parameters. Hands go on being followed, but for another ``side`` or fewer hands: then they are found anew."""
        before, self.parameters = self.parameters, parameters
        self._looker.parameters, self._tracker.parameters = parameters, parameters.tracking
        if parameters.side is not before.side or parameters.tracking.max_hands < before.tracking.max_hands:
            self.reset()
        elif parameters.estimator != before.estimator:
            self._estimators.clear()  # each hand's estimate begins with its next measurement

    def use_network(self, network: MeshNetwork) -> None:
        """Take another mesh network; hands are found anew, under ids that were not used before."""
        looker = Looker(network, self._detector, self.parameters, self._stopwatch)
        looker.sizes = self._looker.sizes
        self.network, self._looker = network, looker
        self.reset()

    def process(self, frame_rgb: NDArray[np.uint8], camera: Camera, stamp_s: float) -> list[Hand]:
        """The hands of the next frame of one camera, tracked, and estimated over time.

        Args:
            frame_rgb: (H, W, 3) uint8 RGB.
            camera: of this frame's size.
            stamp_s: the frame's time. A frame that comes late, up to ``late_s`` older than the last one, is left out: the last hands are
                given again. Where time goes back further, all tracks end (``losses`` says so) and the hands are found anew.

        Raises:
            CropError: the frame is no picture.
            InputError: it is not of the camera's size, or the stamp is not finite.
        """
        glance = Glance(frame_rgb, camera, stamp_s)
        self._stopwatch.restart()
        if self._tracker.is_late(stamp_s):
            self.losses = ()
            return list(self._hands)
        followed = [self._looker.follow(glance, search) for search in self._tracker.regions(stamp_s)]
        with self._stopwatch.stage("track"):
            update = self._tracker.step([measurement for measurement in followed if measurement is not None], stamp_s)
        if update.want_detection:
            candidates = self._looker.detect(glance, self._tracker.is_followed)
            with self._stopwatch.stage("track"):
                update = self._tracker.adopt(candidates, stamp_s, partial(self._looker.as_other_side, glance))
        self.losses = update.lost
        self.raw_hands = tuple(_hand_of(track, stamp_s) for track in update.live)
        with self._stopwatch.stage("estimate"):
            self._hands = self._estimated(update.live)
        return list(self._hands)

    def process_single(self, frame_rgb: NDArray[np.uint8], camera: Camera) -> list[Hand]:
        """The hands of one unrelated picture: no tracking, no memory; their score is ``start_score`` at least.

        Raises:
            CropError: the frame is no picture.
            InputError: it is not of the camera's size.
        """
        glance = Glance(frame_rgb, camera, 0.0)
        self._stopwatch.restart()
        tracking = self.parameters.tracking
        sure = [candidate for candidate in self._looker.detect_single(glance) if candidate.hand.score >= tracking.start_score]
        return [measurement.hand for measurement in distinct(sure, tracking.duplicate_distance)][: tracking.max_hands]

    def predict(self, hand: Hand, stamp_s: float) -> Hand:
        """A hand of the last frame carried on to a later time, as far as the parameters allow (for commands, not for records)."""
        estimator = self._estimators.get(hand.track_id)
        return hand if estimator is None else estimator.predict(stamp_s)

    def joint_covariances(self, hand: Hand) -> FloatArray:
        """(21, 3, 3) of the joints of a hand that ``process`` gave last, camera frame, square metres.

        Raises:
            InputError: this hand is not followed, or nothing is estimated (``EstimatorParameters.enabled``).
        """
        estimator = self._estimators.get(hand.track_id)
        if estimator is None or not estimator.parameters.enabled:
            raise InputError(f"there is no estimate of hand {hand.track_id}: give a hand of the last frame")
        return estimator.joint_covariances(self.sizes.of(hand.side).relative_sigma)

    def _estimated(self, live: Sequence[Track]) -> list[Hand]:
        """The hands of these tracks (``raw_hands``, in the same order) over time."""
        ids = sorted(track.track_id for track in live)
        self._estimators = {track_id: self._estimators.get(track_id) or HandEstimator(self.parameters.estimator) for track_id in ids}
        return [
            self._estimators[hand.track_id].update(hand, track.measurement.evidence, self.sizes.of(hand.side).relative_sigma)
            for hand, track in zip(self.raw_hands, live, strict=True)
        ]


def _hand_of(track: Track, stamp_s: float) -> Hand:
    """The hand of a live track in the frame of ``stamp_s``: as measured, or carried on at its slowing speed."""
    hand = replace(track.measurement.hand, track_id=track.track_id, side=track.side, state=track.state, stamp_s=stamp_s)
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
        position_covariance=hand.position_covariance + np.outer(shift, shift) + np.eye(3) * (UNSEEN_SPEED_SIGMA_MPS * elapsed) ** 2,
    )
