"""The whole pipeline with the real networks on real pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.paths import SHARED, needs_shared
from support.tiny_mesh_network import write_tiny_mesh_network

from handmesh_ros.evaluation.metrics import relative_keypoint_errors
from handmesh_ros.hand import WRIST, FloatArray, Hand, Side, TrackState
from handmesh_ros.perception import Camera, HandPipeline, PipelineParameters
from handmesh_ros.perception.detect import PalmDetector
from handmesh_ros.perception.mesh_net import MeshEstimate, MeshNetwork
from handmesh_ros.perception.tracking.records import LossReason, TrackingParameters
from handmesh_ros.provision import DEFAULT_MODEL, model_path

SHIPPED = ("mobrecon", "mobrecon_lite", "lifted")
CLIP_CAMERA = Camera(width=1280, height=720, K=np.array([[1000.0, 0, 640], [0, 1000, 360], [0, 0, 1]]))


def clip_frames(step: int = 1, limit: int = 10_000) -> Iterator[tuple[float, np.ndarray]]:
    """(stamp, RGB frame) of a real hand's video, 30 Hz."""
    capture = cv2.VideoCapture(str(SHARED / "video" / "human_hand.mp4"))
    for index in range(limit):
        read, bgr = capture.read()
        if not read:
            break
        if index % step == 0:
            yield index / 30, np.ascontiguousarray(bgr[..., ::-1])
    capture.release()


@pytest.fixture(scope="module")
def first_frame() -> np.ndarray:
    return next(clip_frames())[1]


@pytest.fixture
def pipeline() -> HandPipeline:
    return HandPipeline.load(parameters=PipelineParameters.with_max_hands(1))


def mirrored(frame: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(frame[:, ::-1])


@needs_shared
@pytest.mark.parametrize("model", SHIPPED)
def test_a_real_hand_is_followed_through_the_clip_with_one_detector_call(model: str) -> None:
    pipeline = HandPipeline.load(model, PipelineParameters.with_max_hands(1))
    tracks, frames, jumps, off_picture = set(), 0, [], []
    last: Hand | None = None
    count = 621 if model == DEFAULT_MODEL else 200  # all of it, and as many for the others as show that they follow
    for stamp, frame in islice(clip_frames(), count):
        hands = pipeline.process(frame, CLIP_CAMERA, stamp)
        frames += 1
        if hands and hands[0].state is TrackState.TRACKING:
            tracks.add((hands[0].track_id, hands[0].side))
            raw = pipeline.raw_hands[0]
            off_picture.append(relative_keypoint_errors(CLIP_CAMERA.project(raw.joints), raw.keypoints))
            if last is not None:
                jumps.append(np.linalg.norm(hands[0].joints[0] - last.joints[0]))
            last = hands[0]
    assert frames == count
    assert len(jumps) + 1 >= 0.99 * frames
    assert tracks == {(1, Side.RIGHT)}
    assert pipeline.detector_calls == 1
    assert np.median(off_picture) < 0.03, "the mesh's joints lie on the keypoints, as seen by the camera"
    # Fingers that close make the network tilt the hand and so doubt its distance; smoothed it may hurry, not leap.
    assert max(jumps) < 0.065  # metres at the size that is assumed
    assert np.median(jumps) < 0.004


@needs_shared
@pytest.mark.parametrize("model", SHIPPED)
def test_hands_are_found_in_real_crops(model: str) -> None:
    labels = np.load(SHARED / "real_hands" / "labels.npz")
    pipeline = HandPipeline.load(model)
    chosen = np.arange(0, len(labels["names"]), 60)
    right_place, right_side = 0, 0
    for index in chosen:
        picture = cv2.imread(str(SHARED / "real_hands" / str(labels["names"][index])))[..., ::-1].copy()
        truth = labels["uv"][index]
        for hand in pipeline.process_single(picture, Camera.from_hfov(picture.shape[1], picture.shape[0], 50)):
            if np.linalg.norm(hand.keypoints - truth, axis=1).mean() < 0.1 * np.ptp(truth, axis=0).max():
                right_place += 1
                right_side += (hand.side is Side.RIGHT) == (labels["right"][index] > 0.5)
                break
    assert right_place >= 0.95 * len(chosen)
    assert right_side >= 0.97 * right_place


@needs_shared
@pytest.mark.parametrize("model", SHIPPED)
def test_frames_without_hands_show_none(model: str) -> None:
    frames = json.loads((SHARED / "real_hands" / "frames" / "frames.json").read_text())
    pipeline = HandPipeline.load(model)
    empty = [frame for frame in frames if not frame["hands"]]
    false = 0
    for frame in empty:
        path = next((SHARED / "real_hands" / "frames").glob(frame["name"].removesuffix(".jpg") + ".*"))
        picture = cv2.imread(str(path))[..., ::-1].copy()
        false += bool(pipeline.process_single(picture, Camera.from_hfov(picture.shape[1], picture.shape[0], 60)))
    assert len(empty) == 20
    assert false <= 1


@needs_shared
def test_the_mirrored_picture_shows_the_mirrored_left_hand(first_frame: np.ndarray, pipeline: HandPipeline) -> None:
    (right,) = pipeline.process_single(first_frame, CLIP_CAMERA)
    mirror_camera = Camera(width=1280, height=720, K=np.array([[1000.0, 0, 1279 - 640], [0, 1000, 360], [0, 0, 1]]))
    (left,) = pipeline.process_single(mirrored(first_frame), mirror_camera)
    assert (right.side, left.side) == (Side.RIGHT, Side.LEFT)
    # The detector sees another picture, so its crop differs a little; the hand does not.
    np.testing.assert_allclose(left.joints * [-1, 1, 1], right.joints, atol=0.012)


@needs_shared
def test_a_picture_twice_as_large_shows_the_same_hand(first_frame: np.ndarray, pipeline: HandPipeline) -> None:
    (small,) = pipeline.process_single(first_frame, CLIP_CAMERA)
    large_camera = Camera(width=2560, height=1440, K=np.array([[2000.0, 0, 1280.5], [0, 2000, 720.5], [0, 0, 1]]))
    (large,) = pipeline.process_single(cv2.resize(first_frame, (2560, 1440)), large_camera)
    np.testing.assert_allclose(large.joints, small.joints, atol=0.008)


@needs_shared
def test_a_replay_gives_the_same_hands_and_a_looped_bag_starts_anew(pipeline: HandPipeline) -> None:
    first = [pipeline.process(frame, CLIP_CAMERA, stamp) for stamp, frame in clip_frames(limit=6)]
    pipeline.reset()
    again = [pipeline.process(frame, CLIP_CAMERA, stamp) for stamp, frame in clip_frames(limit=6)]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one[0].joints, other[0].joints)
    # Without a reset the stamps go back: the tracks end for that reason, and the hand is found as a new one in the same frame.
    (old,) = again[-1]
    looped = []
    for stamp, frame in clip_frames(limit=6):
        looped.append(pipeline.process(frame, CLIP_CAMERA, stamp - 1.0))
        ends = [(old.track_id, LossReason.TIME_WENT_BACK)] if stamp == 0.0 else []
        assert [(loss.track_id, loss.reason) for loss in pipeline.losses] == ends
    for one, other in zip(first, looped, strict=True):
        assert other[0].track_id == old.track_id + 1 and other[0].state is TrackState.TRACKING
        np.testing.assert_allclose(one[0].joints, other[0].joints, atol=1e-9)  # smoothed anew, too


@needs_shared
def test_a_frame_that_comes_late_gives_the_last_hands_again(pipeline: HandPipeline) -> None:
    hands = [pipeline.process(frame, CLIP_CAMERA, stamp) for stamp, frame in clip_frames(limit=3)]
    frame = next(iter(clip_frames(limit=1)))[1]
    assert pipeline.process(frame, CLIP_CAMERA, hands[-1][0].stamp_s - 1e-6) == hands[-1]
    assert pipeline.raw_hands and not pipeline.losses


@needs_shared
def test_a_reset_leaves_nothing_of_the_last_frame(first_frame: np.ndarray, pipeline: HandPipeline) -> None:
    pipeline.process(first_frame, CLIP_CAMERA, 2.0)
    pipeline.process(first_frame, CLIP_CAMERA, 0.0)
    assert pipeline.losses and pipeline.raw_hands
    pipeline.reset()
    assert pipeline.losses == () and pipeline.raw_hands == ()


@needs_shared
def test_a_hand_that_leaves_is_predicted_briefly_and_then_absent(pipeline: HandPipeline) -> None:
    stamp = 0.0
    for stamp, frame in clip_frames(limit=10):
        assert pipeline.process(frame, CLIP_CAMERA, stamp)
    grey = np.full((720, 1280, 3), 128, np.uint8)
    states = []
    for step in range(1, 20):
        hands = pipeline.process(grey, CLIP_CAMERA, stamp + step / 30)
        states.append(hands[0].state if hands else TrackState.LOST)
    assert states[0] is TrackState.PREDICTED
    assert states[-1] is TrackState.LOST
    assert TrackState.TRACKING not in states
    assert states.count(TrackState.PREDICTED) <= 7  # 0.2 s


@needs_shared
@pytest.mark.parametrize("cut", [0.25, 0.5])
def test_a_hand_half_outside_is_found_where_it_is(first_frame: np.ndarray, pipeline: HandPipeline, cut: float) -> None:
    (hand,) = pipeline.process_single(first_frame, CLIP_CAMERA)
    low, high = hand.keypoints[:, 0].min(), hand.keypoints[:, 0].max()
    column = int(low + cut * (high - low))
    frame = np.ascontiguousarray(first_frame[:, column:])
    camera = Camera(width=frame.shape[1], height=720, K=np.array([[1000.0, 0, 640 - column], [0, 1000, 360], [0, 0, 1]]))
    (seen,) = pipeline.process_single(frame, camera)
    inside = hand.keypoints[:, 0] > column
    off_px = np.linalg.norm(seen.keypoints + [column, 0] - hand.keypoints, axis=1)[inside]
    assert np.median(off_px) < 0.03 * (high - low)
    # Within one standard deviation of what the whole picture tells: a hand of unknown size is uncertain by that along the ray.
    assert np.linalg.norm(seen.joints[WRIST] - hand.joints[WRIST]) < np.sqrt(np.trace(hand.position_covariance))


def test_the_number_of_hands_is_the_parameters(pipeline: HandPipeline) -> None:
    assert pipeline.parameters.tracking.max_hands == 1
    parameters = PipelineParameters(tracking=TrackingParameters(max_hands=3))
    assert HandPipeline.load(parameters=parameters).parameters == parameters


def test_a_frame_of_another_size_than_the_cameras_is_refused(pipeline: HandPipeline) -> None:
    with pytest.raises(ValueError, match=r"640x480.*1280x720"):
        pipeline.process(np.zeros((480, 640, 3), np.uint8), CLIP_CAMERA, 0.0)


@pytest.mark.parametrize("frame", [np.zeros((480, 640), np.uint8), np.zeros((480, 640, 3), np.float32)])
def test_what_is_no_picture_is_refused(pipeline: HandPipeline, frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        pipeline.process(frame, Camera.from_hfov(640, 480, 60), 0.0)


def test_a_4k_frame_without_hands_is_empty(pipeline: HandPipeline) -> None:
    assert pipeline.process(np.full((2160, 3840, 3), 90, np.uint8), Camera.from_hfov(3840, 2160, 60), 0.0) == []


@needs_shared
def test_the_user_may_know_the_side(first_frame: np.ndarray) -> None:
    pipeline = HandPipeline.load(parameters=PipelineParameters(side=Side.LEFT, tracking=TrackingParameters(max_hands=1)))
    (hand,) = pipeline.process_single(first_frame, CLIP_CAMERA)
    assert hand.side is Side.LEFT and hand.side_score == 1.0


@needs_shared
def test_a_hand_taken_for_one_of_the_other_side_is_looked_at_again() -> None:
    # In two frames the closing right hand's palm looks like a left hand's back: the palm would seem to turn by 120 degrees.
    network = Recorder(model_path("mobrecon_lite"))
    pipeline = HandPipeline(network, PalmDetector(model_path("palm_detection")))
    rotations = []
    for stamp, frame in list(clip_frames(limit=258))[240:]:
        pipeline.process(frame, CLIP_CAMERA, stamp)
        (hand,) = pipeline.raw_hands
        assert hand.state is TrackState.TRACKING
        assert hand.side_score > 0.5
        rotations.append(hand.rotations[0])
    assert min(network.right_probabilities) < 0.5  # else this clip shows nothing of the kind any more
    turns = [np.degrees(np.arccos((np.trace(a.T @ b) - 1) / 2)) for a, b in pairwise(rotations)]
    assert max(turns) < 60


class Recorder(MeshNetwork):
    """Keeps what the network said of the side."""

    def __init__(self, path: Path) -> None:
        self.right_probabilities: list[float] = []
        super().__init__(path)

    def predict(self, patch: FloatArray) -> MeshEstimate:
        estimate = super().predict(patch)
        assert estimate.right_probability is not None
        self.right_probabilities.append(estimate.right_probability)
        return estimate


def test_a_network_that_contradicts_itself_is_asked_three_times_and_believed(tmp_path: Path) -> None:
    # Right where it was told left, left where it was told right: no look mends that, and the hand is not lost for it.
    network = Recorder(write_tiny_mesh_network(tmp_path / "tiny.onnx", right_probability=0.1))
    pipeline = HandPipeline(network, PalmDetector(model_path("palm_detection")))
    network.right_probabilities.clear()
    hands = pipeline.process_single(np.full((480, 640, 3), 90, np.uint8), Camera.from_hfov(640, 480, 60))
    assert len(hands) == 1 and hands[0].side is Side.LEFT and hands[0].side_score < 0.5
    assert len(network.right_probabilities) == 4 * (1 + 3)  # a picture without a palm is tried four ways up


@needs_shared
def test_a_network_that_tells_neither_score_nor_side_works(first_frame: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = write_tiny_mesh_network(tmp_path_factory.mktemp("models") / "tiny.onnx", score=None, right_probability=None)
    pipeline = HandPipeline(MeshNetwork(path), PalmDetector(model_path("palm_detection")))
    (hand,) = pipeline.process_single(first_frame, CLIP_CAMERA)
    assert hand.side is Side.RIGHT and hand.side_score == 0.5
    # No palm, no hand: such a network alone cannot say that a picture shows one.
    assert pipeline.process_single(np.full((480, 640, 3), 90, np.uint8), Camera.from_hfov(640, 480, 60)) == []


@needs_shared
@pytest.mark.parametrize(("score", "hands"), [(0.84, 0), (0.86, 1)])
def test_a_single_picture_needs_as_sure_a_hand_as_a_new_track(first_frame: np.ndarray, tmp_path: Path, score: float, hands: int) -> None:
    network = MeshNetwork(write_tiny_mesh_network(tmp_path / "tiny.onnx", score=score))
    pipeline = HandPipeline(network, PalmDetector(model_path("palm_detection")))
    assert len(pipeline.process_single(first_frame, CLIP_CAMERA)) == hands
    assert len(pipeline.process(first_frame, CLIP_CAMERA, 0.0)) == hands


@needs_shared
def test_an_uncalibrated_camera_is_marked(first_frame: np.ndarray, pipeline: HandPipeline) -> None:
    (hand,) = pipeline.process_single(first_frame, Camera.from_hfov(1280, 720, 65))
    assert not hand.metric
    (metric,) = pipeline.process_single(first_frame, CLIP_CAMERA)
    assert metric.metric
