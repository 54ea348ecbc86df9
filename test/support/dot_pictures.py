"""Pictures of hands drawn as dots, for tests of what a training looks at."""

from __future__ import annotations

import cv2
import numpy as np

from handmesh_ros.hand import Side
from handmesh_training.trainer.pictures import SIDE, PictureSet, boxes_of
from support.synthetic_hand import hand

PIXELS_A_METRE = 560


def dot_pictures(count: int = 3, seed: int = 0) -> PictureSet:
    """Hands seen from afar (orthographic): every joint a white dot on black; the 'mesh' is the joints, 37 times."""
    rng = np.random.default_rng(seed)
    images, keypoints, vertices = [], [], []
    for _ in range(count):
        joints, _ = hand(Side.RIGHT, rng.uniform(0.0, 0.5, (5, 3)))
        joints = joints[:, [1, 0, 2]] * (1, -1, 1)  # fingers up in the picture
        points = joints[:, :2] * PIXELS_A_METRE + (SIDE / 2, 0.7 * SIDE)
        image = np.zeros((SIDE, SIDE, 3), np.uint8)
        for x, y in points:
            cv2.circle(image, (round(x * 16), round(y * 16)), 2 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
        images.append(image)
        keypoints.append(points)
        vertices.append(np.tile(joints, (37, 1)))
    ones = np.ones(count, np.float32)
    return PictureSet(
        images=np.array(images).reshape(-1, SIDE, SIDE, 3),
        keypoints=np.array(keypoints, np.float32).reshape(-1, 21, 2),
        keypoint_weights=ones,
        vertices=np.array(vertices, np.float16).reshape(-1, 777, 3),
        mesh_weights=ones,
        joints=np.array([mesh[:21] for mesh in vertices], np.float32).reshape(-1, 21, 3),
        joint_weights=np.ones((count, 21, 2), np.float32),
        content=np.tile(np.array([0, 0, SIDE, SIDE], np.float32), (count, 1)),
        boxes=boxes_of(np.array(keypoints).reshape(-1, 21, 2), "hand"),
        sources=np.full(count, "dots"),
    )
