"""Good files, small, of every kind that is read: what damage begins with."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import JOINT_COUNT, Hand, Side, TrackState
from handmesh_ros.perception.camera import Camera
from handmesh_ros.records import frame_record

BEGIN_NS = 1_700_000_000_000_000_000
HAND_SIZES = b"# Hand sizes\nleft: {size_m: 0.09100, relative_sigma: 0.0300}\nright: {size_m: 0.09500, relative_sigma: 0.0300}\n"
EXTRINSICS = b"""frame: world
cameras:
  front:
    translation: [0.0, 0.0, 0.0]
    rotation: [0.0, 0.0, 0.0, 1.0]
  aside:
    translation: [0.8, 0.0, 0.5]
    rotation: [0.0, 0.70710678, 0.0, 0.70710678]
    offset_s: 0.012
"""
FISHEYE = b"""image_width: 640
image_height: 480
camera_name: fisheye
camera_matrix: {rows: 3, cols: 3, data: [320.0, 0.0, 320.0, 0.0, 320.0, 240.0, 0.0, 0.0, 1.0]}
distortion_model: equidistant
distortion_coefficients: {rows: 1, cols: 4, data: [0.01, -0.002, 0.0003, -0.0001]}
"""


def open_palm() -> Hand:
    """A flat right hand half a metre in front of the camera, with no mesh."""
    joints = np.zeros((JOINT_COUNT, 3))
    for finger, x in enumerate((-0.05, -0.025, 0.0, 0.022, 0.042)):
        for row in range(4):
            joints[1 + 4 * finger + row] = (x, -0.09 - 0.025 * row, 0.0)
    joints += (0.0, 0.05, 0.5)
    return Hand(
        side=Side.RIGHT, side_score=0.99, score=0.98, track_id=1, state=TrackState.TRACKING, stamp_s=0.0,
        vertices=np.zeros((0, 3), np.float32), joints=joints, rotations=np.tile(np.eye(3), (JOINT_COUNT, 1, 1)),
        keypoints=joints[:, :2] / joints[:, 2:] * 600 + (320, 240), position_covariance=1e-4 * np.eye(3), size_m=0.095, metric=True,
    )  # fmt: skip


def small_frames(count: int) -> Iterable[NDArray[np.uint8]]:
    """(48, 64, 3) uint8 pictures of a moving spot."""
    for number in range(count):
        frame = np.full((48, 64, 3), 90, np.uint8)
        cv2.circle(frame, (10 + 4 * number, 24), 8, (40, 120, 200), -1)
        yield frame


def pictures() -> list[bytes]:
    """One picture as JPEG, PNG, BMP, TIFF, WebP and PPM, as far as this OpenCV writes them; a PNG of 16 bit."""
    frame = next(iter(small_frames(1)))
    found = [cv2.imencode(suffix, frame)[1].tobytes() for suffix in (".jpg", ".png", ".bmp", ".tiff", ".webp", ".ppm")
             if cv2.haveImageWriter(suffix)]  # fmt: skip
    return [*found, cv2.imencode(".png", frame.astype(np.uint16) * 256)[1].tobytes()]


def videos(folder: Path) -> list[bytes]:
    """The same short film as AVI with JPEG pictures, and as MP4."""
    found = []
    for name, codec in (("seed.avi", "MJPG"), ("seed.mp4", "mp4v")):
        writer = cv2.VideoWriter(str(folder / name), cv2.VideoWriter.fourcc(*codec), 30.0, (64, 48))
        for frame in small_frames(6):
            writer.write(frame)
        writer.release()
        found.append((folder / name).read_bytes())
    return found


def hands_lines() -> bytes:
    """Three frames, as ``handmesh run --out`` writes them."""
    return b"".join(json.dumps(frame_record(number, number / 30, [open_palm()])).encode() + b"\n" for number in range(3))


def archive(**arrays: Any) -> bytes:
    """An .npz file."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def crop_labels() -> bytes:
    """Two labelled crops."""
    return archive(names=np.array(["a.jpg", "b.jpg"]), uv=np.ones((2, 21, 2)), right=np.ones(2), source=np.zeros(2, int),
                   source_names=np.array(["someone"]))  # fmt: skip


def freihand_labels(shape: tuple[int, ...]) -> bytes:
    """One of FreiHAND's three files, of one sample."""
    return json.dumps(np.ones((1, *shape)).round(3).tolist()).encode()


def ho3d_labels() -> bytes:
    """One frame's pickle."""
    return pickle.dumps(
        {"handJoints3D": np.ones((21, 3)), "camMat": np.eye(3), "objName": "mug"},
    )


def lerobot_info() -> bytes:
    """``meta/info.json`` of a data set of version 2.1."""
    features = {
        "observation.images.front": {"dtype": "video", "shape": [48, 64, 3]},
        "action": {"dtype": "float32", "shape": [6], "names": None},
    }
    paths = {"data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
             "video_path": "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"}  # fmt: skip
    info = {
        "codebase_version": "v2.1",
        "fps": 30,
        "total_episodes": 2,
        "total_frames": 60,
        "chunks_size": 1000,
        **paths,
        "features": features,
    }
    return json.dumps(info, indent=4).encode()


def recording(folder: Path, storage: str) -> bytes:
    """Three pictures with their camera_info, "mcap" or "sqlite3", written by rosbags."""
    from rosbags.rosbag2 import StoragePlugin, Writer

    from handmesh_ros.messages.definitions import type_store

    store = type_store()
    make: Any = store.types
    camera = Camera.from_hfov(64, 48, 60)
    plugin = {"sqlite3": StoragePlugin.SQLITE3, "mcap": StoragePlugin.MCAP}[storage]
    with Writer(folder / storage, version=9, storage_plugin=plugin) as writer:

        def writes(topic: str, kind: str) -> Any:
            connection = writer.add_connection(topic, kind, typestore=store)
            return lambda message, time_ns: writer.write(connection, time_ns, store.serialize_cdr(message, kind))

        image, info = writes("/camera/image_raw", "sensor_msgs/msg/Image"), writes("/camera/camera_info", "sensor_msgs/msg/CameraInfo")
        for number, frame in enumerate(small_frames(3)):
            stamp_ns = BEGIN_NS + 33_000_000 * number
            header = make["std_msgs/msg/Header"](make["builtin_interfaces/msg/Time"](*divmod(stamp_ns, 10**9)), "camera")
            roi = make["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
            matrix = camera.K.reshape(-1)
            full = np.column_stack([camera.K, np.zeros(3)]).reshape(-1)
            still = np.eye(3).reshape(-1)
            info(make["sensor_msgs/msg/CameraInfo"](header, 48, 64, "plumb_bob", np.zeros(5), matrix, still, full, 0, 0, roi), stamp_ns)
            image(make["sensor_msgs/msg/Image"](header, 48, 64, "rgb8", 0, 192, frame.reshape(-1)), stamp_ns)
    (file,) = (path for path in (folder / storage).iterdir() if path.suffix in (".mcap", ".db3"))
    return file.read_bytes()
