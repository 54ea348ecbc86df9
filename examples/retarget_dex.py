"""Hands from a video as dex-retargeting takes them: (21, 3) points in MANO's axes, from the wrist, for a robot hand to imitate.

    python examples/retarget_dex.py my_video.mp4 hands.npy

Expect hands.npy with an array (frames with a right hand, 21, 3) in metres, and a line with its shape. Each of its hands lies with the
wrist at the origin whatever the camera's direction. A ``SeqRetargeting`` of dex-retargeting (https://github.com/dexsuite/dex-retargeting)
takes one at a time: in "position" mode ``points[indices]``, in "vector" and "dexpilot" mode ``points[tasks] - points[origins]``, with
the indices of its own configuration. How far the hand is from the camera does not matter here, so no calibration is needed.
"""

import sys

import numpy as np

from handmesh_ros.hand import JOINT_NAMES, Side
from handmesh_ros.joint_sets import dex_retargeting
from handmesh_ros.perception import Camera, HandPipeline
from handmesh_ros.sources import open_source

TIPS = [JOINT_NAMES.index(f"{finger}_tip") for finger in ("thumb", "index", "middle", "ring", "little")]


def hands_of(video: str, side: Side) -> np.ndarray:
    """(N, 21, 3), one entry for each frame that shows a hand of this side."""
    pipeline = HandPipeline.load()
    found = []
    for frame in open_source(video):
        camera = Camera.from_hfov(frame.rgb.shape[1], frame.rgb.shape[0], 60)
        for hand in pipeline.process(frame.rgb, camera, frame.stamp_s):
            if hand.side is side:
                found.append(dex_retargeting(hand.joints, hand.side))
    return np.reshape(found, (-1, 21, 3))


def main(video: str, out: str) -> None:
    hands = hands_of(video, Side.RIGHT)
    np.save(out, hands)
    print(f"{out}: {hands.shape}")
    for points in hands[-1:]:
        # With its "vector" optimizer and tasks from the wrist to the five fingertips: retargeting.retarget(reference)
        reference = points[TIPS] - points[[0]]
        print("vectors from the wrist to the fingertips, m:\n", reference.round(3))


if __name__ == "__main__":
    main(*sys.argv[1:])
