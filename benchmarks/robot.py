"""A hand seen by the network leads a simulated arm: how often the cube is lifted and set down, with different noise in the pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from handmesh_ros.files import clip_file
from handmesh_ros.hand import MIDDLE_MCP, WRIST, Side, TrackState
from handmesh_ros.perception import Camera, HandPipeline
from handmesh_ros.perception.grasp import aperture
from handmesh_ros.robot.rehearsal import Rehearsal, rehearse, was_set_down_elsewhere
from handmesh_ros.sources import open_source
from handmesh_ros.teleop.follower import SeenHand
from handmesh_ros.teleop.mapping import PoseInSpace

BRIGHTNESS = 0.8, 1.1
SIGMA_GREY = 6.0  # of 255; a webcam in a dim room
LATENCY_S = 0.03  # one frame: from exposure to the hand node's messages
ENGAGED_AFTER_S = 0.5


def seen_hands(seed: int) -> Iterator[tuple[float, SeenHand | None]]:
    """What the hand node sends of the demo's grasping hand, with noise and brightness of that seed."""
    random = np.random.default_rng(seed)
    gain = random.uniform(*BRIGHTNESS)
    camera, pipeline = Camera.from_yaml(clip_file("demo_camera.yaml")), HandPipeline.load()
    for frame in open_source(str(clip_file("grasp.mp4"))):
        noise = random.normal(0, SIGMA_GREY, frame.rgb.shape[:2])[..., None]
        hands = pipeline.process(np.clip(frame.rgb * gain + noise, 0, 255).astype(np.uint8), camera, frame.stamp_s)
        now_s = frame.stamp_s + LATENCY_S
        right = [hand for hand in hands if hand.side is Side.RIGHT]
        if not right:
            yield now_s, None
            continue
        hand = pipeline.predict(right[0], now_s)
        palm = PoseInSpace((hand.joints[WRIST] + hand.joints[MIDDLE_MCP]) / 2, hand.rotations[WRIST])
        yield now_s, SeenHand(hand.stamp_s, palm, right[0].state is TrackState.TRACKING, aperture(hand.joints))


def play(seed: int) -> tuple[bool, Rehearsal]:
    """Whether the cube was lifted and set down, and the run."""
    run = rehearse(seen_hands(seed), ENGAGED_AFTER_S)
    return was_set_down_elsewhere(run.cube), run
