"""Sizes learnt from depth images while hands are followed: slowly, of one track, and never under an engaged clutch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.known_hand import known_hand

pytest.importorskip("rclpy", reason="needs ROS 2")

from sensor_msgs.msg import Image
from std_msgs.msg import Header
from support.camera_stand_in import CAMERA, HEIGHT, WIDTH

from handmesh_ros.hand import Hand, Side
from handmesh_ros.messages.stamps import time_of
from handmesh_ros.node.depth_sizes import PAUSE_S, DepthSizes
from handmesh_ros.perception.size.hand_size import HandSizeError, HandSizes

TRUE_M = 0.105


def flat_hand(sizes: HandSizes, stamp_s: float, track_id: int = 3) -> Hand:
    """A flat surface of the size of a hand, half a metre away, placed with the size that is assumed."""
    columns, rows = np.meshgrid(np.linspace(-0.05, 0.05, 30), np.linspace(-0.09, 0.09, 40))
    surface = np.stack([columns, rows, np.full_like(rows, 0.5)], axis=-1).reshape(-1, 3)
    assumed_m = sizes.of(Side.RIGHT).size_m
    vertices = (surface * assumed_m / TRUE_M).astype(np.float32)
    return replace(known_hand(track_id=track_id, stamp_s=stamp_s), vertices=vertices, size_m=assumed_m)


def depth_image(stamp_s: float, metres: float = 0.5) -> Image:
    pixels = np.full((HEIGHT, WIDTH), round(1000 * metres), "<u2")
    message = Image(header=Header(stamp=time_of(stamp_s)), height=HEIGHT, width=WIDTH, encoding="16UC1", step=2 * WIDTH)
    message.data.frombytes(pixels.tobytes())
    return message


def test_the_size_and_with_it_the_distance_become_the_true_ones() -> None:
    sizes, depth_sizes = HandSizes(), DepthSizes()
    for stamp_s in np.arange(1, 3, PAUSE_S):
        depth_sizes.learn(sizes, [flat_hand(sizes, stamp_s)], depth_image(stamp_s), CAMERA)
    assert sizes.of(Side.RIGHT).size_m == pytest.approx(TRUE_M, rel=0.005)
    assert flat_hand(sizes, 9.0).vertices[0, 2] == pytest.approx(0.5, rel=0.005)


def test_one_image_of_something_else_moves_nothing() -> None:
    sizes, depth_sizes = HandSizes(), DepthSizes()
    for number in range(10):
        stamp_s = 1 + number * PAUSE_S
        depth_sizes.learn(sizes, [flat_hand(sizes, stamp_s)], depth_image(stamp_s, 0.4 if number == 6 else 0.5), CAMERA)
    assert sizes.of(Side.RIGHT).size_m == pytest.approx(TRUE_M, rel=0.005)


def test_nothing_is_learnt_of_held_sides_old_images_and_walls() -> None:
    sizes, depth_sizes = HandSizes(), DepthSizes()
    hand = flat_hand(sizes, 1.0)
    depth_sizes.learn(sizes, [hand], depth_image(1.0), CAMERA, held=[Side.RIGHT])
    depth_sizes.learn(sizes, [hand], depth_image(1.3), CAMERA)
    depth_sizes.learn(sizes, [hand], depth_image(1.0, 3.0), CAMERA)
    depth_sizes.learn(sizes, [hand], depth_image(1.0, 0.0), CAMERA)
    depth_sizes.learn(sizes, [replace(hand, metric=False)], depth_image(1.0), CAMERA)
    assert sizes.of(Side.RIGHT) is sizes.default


def test_another_hand_begins_anew() -> None:
    sizes, depth_sizes = HandSizes(), DepthSizes()
    for number in range(8):
        stamp_s = 1 + number * PAUSE_S
        depth_sizes.learn(sizes, [flat_hand(sizes, stamp_s)], depth_image(stamp_s, 0.45), CAMERA)
    depth_sizes.learn(sizes, [flat_hand(sizes, 5.0, track_id=4)], depth_image(5.0), CAMERA)
    assert sizes.of(Side.RIGHT).size_m == pytest.approx(TRUE_M, rel=0.005)


def test_looks_are_rare_and_begin_anew_with_the_clock() -> None:
    sizes, depth_sizes = HandSizes(), DepthSizes()
    assert depth_sizes.is_due(0.0)
    depth_sizes.learn(sizes, [flat_hand(sizes, 7.0)], depth_image(7.0), CAMERA)
    assert [depth_sizes.is_due(stamp_s) for stamp_s in (7.1, 7.0 + PAUSE_S, 2.0)] == [False, True, True]


def test_an_image_that_is_not_aligned_is_told() -> None:
    small = Image(height=2, width=3, encoding="16UC1", step=6, data=bytes(12))
    with pytest.raises(HandSizeError, match="depth image is 3x2, the picture 640x480: align depth to colour"):
        DepthSizes().learn(HandSizes(), [], small, CAMERA)
