"""What people's hands are judged by, and the rival."""

from __future__ import annotations

import numpy as np
from support.paths import SHARED, needs_shared

from handmesh_ros.evaluation.metrics import relative_keypoint_errors
from handmesh_ros.provision import model_path
from handmesh_training.labels.crops import load_real_crops
from handmesh_training.labels.left_out import MediaPipe


@needs_shared
def test_the_rival_says_of_a_crop_and_its_mirror_image_what_the_labels_say() -> None:
    crops = load_real_crops(SHARED, sources=["golf"])
    rival = MediaPipe(model_path("palm_detection"), model_path("hand_landmark"))
    for row in range(0, len(crops), 30):
        for mirror in (False, True):
            view = rival.view(crops.read_picture(row), crops.keypoints[row] - 0.5, mirror)
            # Its keypoints stand at joints, the labels at marks: 0.7 % of the hand in the mean.
            assert relative_keypoint_errors(view.keypoints, crops.keypoints[row] - 0.5).mean() < 0.045
            assert view.right_probability is not None and (view.right_probability < 0.5) == crops.is_left[row]
            # Seen from the front, joints lie as the keypoints do, whichever way the patch was turned.
            flat, said = (points - points.mean(axis=0) for points in (view.joints[:, :2], view.keypoints))
            assert np.vdot(flat, said) > 0.99 * np.linalg.norm(flat) * np.linalg.norm(said)


@needs_shared
def test_the_rival_finds_a_hand_where_there_is_one() -> None:
    crops = load_real_crops(SHARED, sources=["golf"])
    rival = MediaPipe(model_path("palm_detection"), model_path("hand_landmark"))
    assert rival.shows_hand(crops.read_picture(0))
    assert not rival.shows_hand(np.full((100, 100, 3), 90, np.uint8))
