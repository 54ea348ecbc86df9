"""What the markers of one hand cost: built point by point against patched into serialized bytes, both published."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.node import Node
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from handmesh_ros.hand import Hand, Side, TrackState
from handmesh_ros.messages.markers import MarkerTemplate, hand_markers

VERTEX_COUNT, FACE_COUNT = 778, 1538


@dataclass(frozen=True)
class MarkerCost:
    """Median milliseconds of one frame's MarkerArray, built and published."""

    built_ms: float
    patched_ms: float

    @property
    def ratio(self) -> float:
        """How many times cheaper patching is."""
        return self.built_ms / self.patched_ms


def measure_markers(frames: int = 30) -> MarkerCost:
    """Measure both ways alternately in one run, on the mesh of one hand."""
    context = Context()
    rclpy.init(context=context)
    try:
        node = Node("handmesh_bench_markers", context=context)
        publisher = node.create_publisher(MarkerArray, "handmesh_bench_markers", 1)
        rng = np.random.default_rng(0)
        faces = rng.integers(0, VERTEX_COUNT, (FACE_COUNT, 3))
        hands = [_random_hand(rng) for _ in range(4)]
        header = Header(frame_id="camera_optical_frame")
        template = MarkerTemplate(header.frame_id, [Side.RIGHT], faces)
        built, patched = [], []
        for frame in range(frames):
            hand = hands[frame % len(hands)]
            begin = time.perf_counter()
            publisher.publish(hand_markers(header, [hand], faces))
            middle = time.perf_counter()
            publisher.publish(template.fill(header.stamp, [hand]))
            built.append(1e3 * (middle - begin))
            patched.append(1e3 * (time.perf_counter() - middle))
        node.destroy_node()
    finally:
        rclpy.shutdown(context=context)
    return MarkerCost(statistics.median(built), statistics.median(patched))


def _random_hand(rng: np.random.Generator) -> Hand:
    return Hand(
        side=Side.RIGHT,
        side_score=1.0,
        score=1.0,
        track_id=1,
        state=TrackState.TRACKING,
        stamp_s=0.0,
        vertices=rng.normal(size=(VERTEX_COUNT, 3)).astype(np.float32),
        joints=rng.normal(size=(21, 3)),
        rotations=np.tile(np.eye(3), (21, 1, 1)),
        keypoints=np.zeros((21, 2)),
        position_covariance=np.eye(3),
        size_m=0.095,
        metric=True,
    )
