"""Another network's meshes lie in the picture's axes, and only where there was no mesh."""

from __future__ import annotations

import cv2
import numpy as np
from support.paths import REPO

from handmesh_ros.files import clip_file
from handmesh_ros.hand import Side
from handmesh_ros.perception import Camera, HandPipeline
from handmesh_ros.sources import open_source
from handmesh_training.trainer.distilled import TAUGHT_TRUST, with_meshes_of
from handmesh_training.trainer.pictures import SIDE, PictureSet, boxes_of

TEACHER = REPO / "models" / "mobrecon_lite.onnx"
SIZE_M = 0.08


def the_demos_hand() -> PictureSet:
    """The first right hand of the demo clip, twice, once with the picture turned by a quarter; both without a mesh, a third with one."""
    camera = Camera.from_yaml(clip_file("demo_camera.yaml"))
    frame = next(iter(open_source(str(clip_file("demo.mp4"))))).rgb
    hand = next(one for one in HandPipeline.load(str(TEACHER)).process_single(frame, camera) if one.side is Side.RIGHT)
    reach = 1.1 * np.ptp(hand.keypoints, axis=0).max()
    scale, corner = SIDE / (2 * reach), hand.keypoints.mean(axis=0) - reach
    way = np.array([[scale, 0, -scale * corner[0]], [0, scale, -scale * corner[1]]])
    upright = cv2.warpAffine(frame, way, (SIDE, SIDE))
    points = scale * (hand.keypoints - corner)
    turned = np.stack((SIDE - 1 - points[:, 1], points[:, 0]), axis=1)
    images = np.stack([upright, cv2.rotate(upright, cv2.ROTATE_90_CLOCKWISE), upright])
    keypoints = np.stack([points, turned, points]).astype(np.float32)
    return PictureSet(
        images=images, keypoints=keypoints, keypoint_weights=np.ones(3, np.float32),
        vertices=np.full((3, 778, 3), np.nan, np.float16), mesh_weights=np.array([0, 0, 1], np.float32),
        joints=np.zeros((3, 21, 3), np.float32), joint_weights=np.zeros((3, 21, 2), np.float32),
        content=np.tile(np.float32([0, 0, SIDE, SIDE]), (3, 1)), boxes=boxes_of(keypoints, "hand"), sources=np.array(["demo"] * 3),
    )  # fmt: skip


def test_meshes_turn_with_the_picture_and_fits_stay() -> None:
    pictures = the_demos_hand()
    taught = with_meshes_of(TEACHER, pictures, SIZE_M)
    assert taught.mesh_weights.tolist() == [TAUGHT_TRUST, TAUGHT_TRUST, 1.0]
    assert np.isnan(taught.vertices[2]).all()
    upright, turned = taught.vertices[:2].astype(float)
    back = np.stack((turned[:, 1], -turned[:, 0], turned[:, 2]), axis=1)  # a quarter against the clock, y down
    assert np.linalg.norm(back - upright, axis=1).mean() < 0.004
    assert 0.1 < np.ptp(upright, axis=0).max() < 0.25
