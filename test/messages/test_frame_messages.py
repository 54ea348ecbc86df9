"""The messages of one frame after the other."""

from __future__ import annotations

import numpy as np
from support.known_hand import FACES, VERTEX_COUNT, known_hand

from handmesh_ros.hand import Side
from handmesh_ros.messages.frame_messages import FrameMessages, FrameResult
from handmesh_ros.messages.images import frame_of_compressed, frame_of_image
from handmesh_ros.messages.stamps import time_of
from handmesh_ros.messages.types import Header
from handmesh_ros.overlay import draw_hands
from handmesh_ros.perception.camera import Camera


def test_both_overlays_show_the_hands_of_their_own_frame() -> None:
    messages, camera = FrameMessages("tiny", FACES, VERTEX_COUNT), Camera.from_hfov(64, 48, 60)
    for second, grey in enumerate((40, 200)):
        hands = [known_hand(Side.RIGHT, second)]
        picture = np.full((48, 64, 3), grey, np.uint8)
        result = FrameResult(Header(stamp=time_of(second)), second, picture, camera, hands, hands, {Side.RIGHT: hands[0]}, 0.03)
        found = dict(messages.of(result, lambda topic: topic.startswith("overlay")))
        drawn = draw_hands(picture, hands, camera, FACES)
        np.testing.assert_array_equal(frame_of_image(found["overlay"]), drawn)
        apart = np.abs(frame_of_compressed(found["overlay/compressed"]).astype(int) - drawn)
        assert apart.mean() < 6, "JPEG of a picture as small as this"
