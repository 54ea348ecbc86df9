"""Recordings of ROS 2, written by rosbags: a camera, its camera_info and transforms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer

from handmesh_ros.messages.definitions import type_store
from handmesh_ros.perception.camera import Camera

STORAGE = {"sqlite3": StoragePlugin.SQLITE3, "mcap": StoragePlugin.MCAP}
BEGIN_NS = 1_700_000_000_000_000_000
PERIOD_NS = 33_000_000


def write_bag(
    path: Path,
    frames: Sequence[np.ndarray],
    camera: Camera | None = None,
    storage: str = "mcap",
    compressed: bool = False,
    topic: str = "/camera/image_raw",
    stamps_ns: Sequence[int] | None = None,
    other_topics: Sequence[str] = (),
) -> Path:
    """A recording of (H, W, 3) uint8 RGB frames, 33 ms apart, that arrive 2 ms after their stamps; its folder.

    Transforms: one in /tf_static, and one in /tf before each frame. ``other_topics`` have one string each.
    """
    store = type_store()
    T = store.types
    kind = "CompressedImage" if compressed else "Image"

    def made(name: str, *values: Any) -> Any:
        return T[name](*values)

    def header(stamp_ns: int) -> Any:
        time = made("builtin_interfaces/msg/Time", *divmod(stamp_ns, 10**9))
        return made("std_msgs/msg/Header", time, "camera_link")

    def transform(stamp_ns: int) -> Any:
        zero = made("geometry_msgs/msg/Vector3", 0.1, 0.2, 0.3)
        turn = made("geometry_msgs/msg/Quaternion", 0.0, 0.0, 0.0, 1.0)
        stamped = made("geometry_msgs/msg/TransformStamped", header(stamp_ns), "camera", made("geometry_msgs/msg/Transform", zero, turn))
        return made("tf2_msgs/msg/TFMessage", [stamped])

    def image(frame: np.ndarray, stamp_ns: int) -> Any:
        if compressed:
            jpeg = cv2.imencode(".png", frame[..., ::-1])[1].reshape(-1)
            return made("sensor_msgs/msg/CompressedImage", header(stamp_ns), "rgb8; png compressed bgr8", jpeg)
        height, width = frame.shape[:2]
        return made("sensor_msgs/msg/Image", header(stamp_ns), height, width, "rgb8", 0, 3 * width, frame.reshape(-1))

    def info(stamp_ns: int) -> Any:
        assert camera is not None
        roi = made("sensor_msgs/msg/RegionOfInterest", 0, 0, 0, 0, False)
        P = np.column_stack([camera.K, np.zeros(3)]).reshape(-1)
        return made(
            "sensor_msgs/msg/CameraInfo", header(stamp_ns), camera.height, camera.width, "plumb_bob", np.zeros(5), camera.K.reshape(-1),
            np.eye(3).reshape(-1), P, 0, 0, roi,
        )  # fmt: skip

    with Writer(path, version=9, storage_plugin=STORAGE[storage]) as writer:

        def writes(name: str, type_name: str) -> Any:
            connection = writer.add_connection(name, type_name, typestore=store)
            return lambda message, time_ns: writer.write(connection, time_ns, store.serialize_cdr(message, type_name))

        for name in other_topics:
            writes(name, "std_msgs/msg/String")(made("std_msgs/msg/String", "hello"), BEGIN_NS)
        images = writes(f"{topic}/compressed" if compressed else topic, f"sensor_msgs/msg/{kind}")
        infos = writes(f"{topic.rpartition('/')[0]}/camera_info", "sensor_msgs/msg/CameraInfo") if camera else None
        tree, still = (writes(name, "tf2_msgs/msg/TFMessage") for name in ("/tf", "/tf_static"))
        still(transform(BEGIN_NS), BEGIN_NS)
        for number, frame in enumerate(frames):
            stamp_ns = stamps_ns[number] if stamps_ns else BEGIN_NS + number * PERIOD_NS
            arrival_ns = BEGIN_NS + number * PERIOD_NS + 2_000_000
            tree(transform(stamp_ns), arrival_ns - 1)
            images(image(frame, stamp_ns), arrival_ns)
            if infos:
                infos(info(stamp_ns), arrival_ns)
    return path
