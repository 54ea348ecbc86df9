"""Every message that a node takes, through the functions that its callbacks call."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rclpy.parameter import Parameter

from handmesh_ros.bench.fuzz.file_seeds import open_palm, pictures, small_frames
from handmesh_ros.bench.fuzz.mutations import damaged
from handmesh_ros.bench.fuzz.trial import FuzzTarget, FuzzTrial
from handmesh_ros.bench.fuzz.wild import make_wild, malformed
from handmesh_ros.bench.hands_shown import HandPictures
from handmesh_ros.decoding import decode_picture
from handmesh_ros.errors import HandmeshError
from handmesh_ros.fusion.extrinsics import CameraPlace
from handmesh_ros.fusion.fuser import FARTHEST_HAND_M, HandFuser
from handmesh_ros.hand import Hand, TrackState
from handmesh_ros.messages import build
from handmesh_ros.messages.hand_array import HandArrayTemplate
from handmesh_ros.messages.images import (
    CameraCache,
    FrameArray,
    camera_of_info,
    check_frame_id,
    depth_of_image,
    frame_of_compressed,
    frame_of_image,
)
from handmesh_ros.messages.types import CameraInfo, CompressedImage, HandArray, Header, Image, Time, deserialize_message, serialize_message
from handmesh_ros.node.calibration import RecentHands, calibrate_hand_size
from handmesh_ros.node.parameters import NodeParameters
from handmesh_ros.node.received import hand_of_message
from handmesh_ros.perception import HandPipeline
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.size.hand_size import HandSizes
from handmesh_ros.srv import CalibrateHandSize

MALFORMED = 0.15  # of the messages are damaged as bytes, too: whoever is in the domain can send any
SURE_SCORE = 0.9  # what a network of this project says of nine true hands in ten (docs/lab/2026-11-29-sides.md)
HEADER = Header(stamp=Time(sec=1_700_000_000, nanosec=5), frame_id="camera_optical_frame")


class _MalformedError(HandmeshError):
    """ROS itself cannot read the message: no callback ever sees it."""


def _message_trial(seeds: Callable[[np.random.Generator], Any], take: Callable[[Any], str]) -> FuzzTrial:
    """Wild versions of messages; ``take`` is what a callback does with one, and says what is wrong with what came of it."""
    kind = type(seeds(np.random.default_rng(0)))

    def make(rng: np.random.Generator) -> bytes:
        message = seeds(rng)
        if rng.random() < 0.95:
            make_wild(message, rng)
        content = bytes(serialize_message(message))
        return malformed(content, rng) if rng.random() < MALFORMED else content

    def use(content: bytes) -> str:
        try:
            message = deserialize_message(content, kind)
        except Exception as error:
            raise _MalformedError(str(error)) from error
        return take(message)

    return FuzzTrial(make, use)


def wild_image(rng: np.random.Generator) -> Image:
    """A good small picture as any encoding."""
    message = build.image_message(HEADER, next(iter(small_frames(1))))
    encoding, channels = [("rgb8", 3), ("bgra8", 4), ("mono8", 1), ("mono16", 2), ("bayer_gbrg8", 1), ("nv12", 1), ("uyvy", 2)][
        rng.integers(7)
    ]
    message.encoding, message.step = encoding, 64 * channels
    message.data = bytes(64 * 48 * channels * (3 if encoding == "nv12" else 2) // 2)
    return message


def _image(_: Path) -> FuzzTrial:
    def take(message: Image) -> str:
        check_frame_id(message.header)
        frame = frame_of_image(message)
        return "" if frame.shape == (message.height, message.width, 3) and frame.dtype == np.uint8 else f"a frame of shape {frame.shape}"

    return _message_trial(wild_image, take)


def _depth(_: Path) -> FuzzTrial:
    def seeds(rng: np.random.Generator) -> Image:
        encoding, size = [("16UC1", 2), ("32FC1", 4)][rng.integers(2)]
        return Image(header=HEADER, height=48, width=64, encoding=encoding, step=64 * size, data=bytes(48 * 64 * size))

    def take(message: Image) -> str:
        depth = depth_of_image(message)
        return "" if depth.shape == (message.height, message.width) else f"a depth image of shape {depth.shape}"

    return _message_trial(seeds, take)


def _compressed(_: Path) -> FuzzTrial:
    known = pictures()

    def seeds(rng: np.random.Generator) -> CompressedImage:
        data = known[rng.integers(len(known))]
        return CompressedImage(header=HEADER, format="jpeg", data=damaged(data, rng) if rng.random() < 0.8 else data)

    def take(message: CompressedImage) -> str:
        frame = frame_of_compressed(message)
        return "" if frame.ndim == 3 and frame.shape[2] == 3 and frame.size else f"a frame of shape {frame.shape}"

    return _message_trial(seeds, take)


def _wild_info(rng: np.random.Generator, width: int = 64, height: int = 48) -> CameraInfo:
    message = build.camera_info_message(HEADER, Camera.from_hfov(width, height, 60), width, height)
    message.distortion_model = str(rng.choice(["plumb_bob", "equidistant", "rational_polynomial"]))
    message.d = (0.01 * rng.normal(size={"plumb_bob": 5, "equidistant": 4, "rational_polynomial": 8}[message.distortion_model])).tolist()
    return message


def _camera_info(_: Path) -> FuzzTrial:
    frame = np.zeros((48, 64, 3), np.uint8)

    def take(message: CameraInfo) -> str:
        camera = camera_of_info(message, frame, rectified=message.binning_x % 2 == 1)
        cache = CameraCache()
        cache.heard(bytes(serialize_message(message)))
        cache.camera(frame, rectified=False, fallback_hfov_deg=60.0)
        pixel = camera.project(np.array([[0.0, 0.0, 1.0]]))
        return "" if np.isfinite(pixel).all() else f"K {camera.K.tolist()} sees nothing on its axis"

    return _message_trial(_wild_info, take)


def fault_of(hands: list[Hand]) -> str:
    """What is wrong with hands that are given as measured in metres; empty where nothing is."""
    for hand in hands:
        numbers = np.concatenate([np.ravel(part) for part in (hand.joints, hand.vertices, hand.rotations, hand.position_covariance)])
        if not np.isfinite(numbers).all():
            return "a hand that is not finite"
        if hand.metric and hand.state is TrackState.TRACKING and np.linalg.norm(hand.joints[0]) > FARTHEST_HAND_M:
            return f"a hand more than {FARTHEST_HAND_M:g} m away"
    return ""


def _camera_of_a_hand(_: Path) -> FuzzTrial:
    """Wild calibrations of the pictures of a real hand: what is not refused must not place it anywhere that it cannot be."""
    pipeline, both = HandPipeline.load(), HandPictures().picture(0)[0]
    frame = np.ascontiguousarray(both[:, : both.shape[1] // 2])
    stamps = itertools.count()

    def take(message: CameraInfo) -> str:
        camera = camera_of_info(message, frame)
        pipeline.reset()
        return fault_of(list(pipeline.process(frame, camera, next(stamps) / 30)))

    return _message_trial(lambda rng: _wild_info(rng, frame.shape[1], frame.shape[0]), take)


def noise_picture(rng: np.random.Generator) -> FrameArray:
    """(240, 320, 3) uint8 without a hand: noise of some grain, of some colour and contrast, or stripes."""
    grain = int(rng.choice([1, 4, 16, 40]))
    small = rng.integers(0, 256, (-(-240 // grain), -(-320 // grain), 3)).astype(np.float32)
    if rng.random() < 0.3:
        small[:] = small[:, :1] if rng.random() < 0.5 else small[:1]
    large = cv2.resize(small, (320, 240), interpolation=cv2.INTER_NEAREST if rng.random() < 0.5 else cv2.INTER_CUBIC)
    tint, contrast = rng.uniform(0, 255, 3), rng.uniform(0.1, 1.0)
    return np.asarray(np.clip(tint + contrast * (large - 128), 0, 255), np.uint8)


def _noise(_: Path) -> FuzzTrial:
    """Pictures without a hand: none may come out as surely one."""
    pipeline, camera, stamps = HandPipeline.load(), Camera.from_hfov(320, 240, 60), itertools.count()

    def make(rng: np.random.Generator) -> bytes:
        return cv2.imencode(".png", noise_picture(rng))[1].tobytes()

    def use(content: bytes) -> str:
        frame = decode_picture(content)
        pipeline.reset()
        hands = [hand for _ in range(2) for hand in pipeline.process(frame, camera, next(stamps) / 30)]
        sure = [hand.score for hand in hands if hand.state is TrackState.TRACKING and hand.score >= SURE_SCORE]
        return fault_of(hands) or (f"a hand in noise with a score of at least {SURE_SCORE}" if sure else "")

    return FuzzTrial(make, use)


def _fused_hands(_: Path) -> FuzzTrial:
    """The fuse node's."""
    fuser, aside = HandFuser(), CameraPlace(np.eye(3), np.array([0.5, 0.0, 0.0]))
    template = HandArrayTemplate("camera_optical_frame", 1)
    stamps, good = itertools.count(1), open_palm()

    def seeds(_: np.random.Generator) -> HandArray:
        return deserialize_message(template.fill(HEADER.stamp, [good], 0.01, {good.track_id: 1.0}), HandArray)

    def take(message: HandArray) -> str:
        stamp_s = next(stamps) / 30
        fuser.take("front", CameraPlace(np.eye(3), np.zeros(3)), stamp_s, [replace(good, stamp_s=stamp_s)])
        frame = fuser.take("aside", aside, stamp_s, [hand_of_message(hand, stamp_s) for hand in message.hands])
        return fault_of([fused.hand for fused in frame.hands]) if frame is not None else ""

    return _message_trial(seeds, take)


def wild_parameter(rng: np.random.Generator) -> ParameterMessage:
    """A parameter of the hand node, or of none, with any value."""
    value = ParameterValue(type=int(rng.integers(0, 10)))
    make_wild(value, rng)
    if rng.random() < 0.5:
        value.type = int(rng.integers(1, 5))
    names = (*NodeParameters.names(), "no_such", "", "qos_overrides./hands.publisher.depth")
    return ParameterMessage(name=names[rng.integers(len(names))], value=value)


def _parameter(_: Path) -> FuzzTrial:
    """Wild values of the hand node's parameters, as far as they do not load a model."""
    settings = NodeParameters()

    def take(message: ParameterMessage) -> str:
        try:
            parameter = Parameter.from_parameter_msg(message)
        except (TypeError, ValueError) as error:
            raise _MalformedError(str(error)) from error  # rclpy's own refusal
        changed = settings.changed(NodeParameters.changes_of([parameter]))
        changed.for_pipeline(), changed.for_messages()
        return ""

    return _message_trial(wild_parameter, take)


def _calibrate(_: Path) -> FuzzTrial:
    sizes, seen, stamps = HandSizes(), RecentHands(), itertools.count()

    def take(request: Any) -> str:
        seen.add([open_palm()], next(stamps) / 30)
        response = calibrate_hand_size(sizes, seen, 0.0, None, "", request, CalibrateHandSize.Response())
        used = [sizes.of(hand.side).size_m for hand in seen.last]
        return "" if response.message and all(0.04 < size < 0.2 for size in used) else f"hands of {used} m: {response.message!r}"

    return _message_trial(lambda _: CalibrateHandSize.Request(size_m=0.09), take)


MESSAGE_TARGETS = (
    FuzzTarget("image", 12, _image),
    FuzzTarget("depth image", 4, _depth),
    FuzzTarget("compressed image", 12, _compressed),
    FuzzTarget("camera_info", 8, _camera_info),
    FuzzTarget("camera_info of a hand", 1.5, _camera_of_a_hand),
    FuzzTarget("noise", 2, _noise),
    FuzzTarget("hands to fuse", 6, _fused_hands),
    FuzzTarget("parameter", 6, _parameter),
    FuzzTarget("calibrate_hand_size", 6, _calibrate),
)
