"""What ``handmesh eval people`` judges by: hands of left-out people with the fused teacher's joints, and MediaPipe's network as a rival."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from handmesh_ros.evaluation.people import COMMON_BONE_SUM_MM, LabelledHands, RgbImage, View
from handmesh_ros.perception.crop import CropError, extract_patch
from handmesh_ros.perception.crop_rules import region_from_keypoints
from handmesh_ros.perception.detect import PalmDetector, region_from_palm
from handmesh_ros.provision.compose import CROP_BOX, CROP_SCALE, PATCH_SIZE
from handmesh_training.labels.crops import VALIDATION_SOURCES, load_real_crops
from handmesh_training.labels.fused import on_screen
from handmesh_training.labels.landmark_network import LandmarkNetwork
from handmesh_training.labels.marks import joints_of_marks, keypoints_of_marks
from handmesh_training.labels.opinions import fused_joints
from handmesh_training.template.hand_template import bone_sum

PRESENT = 0.5  # min_hand_presence_confidence, the default of MediaPipe's hand landmarker


def left_out_hands(shared: Path, opinions: Path | None = None, sources: Sequence[str] = VALIDATION_SOURCES) -> LabelledHands:
    """Hands of whole sources that training leaves out, with the fused teacher's marks turned into joints, in the picture and in space.

    Args:
        shared: the folder that holds the folders of crops.
        opinions: a file of the 2020 network's opinions, for labels that lack them.

    Raises:
        DatasetError: a folder, a source or an opinion is missing; says how to mend it.
    """
    crops = load_real_crops(shared, sources=sources)
    fused = fused_joints(crops, opinions)
    joints = joints_of_marks(fused.joints) * COMMON_BONE_SUM_MM
    seen = keypoints_of_marks(fused.keypoints, fused.joints) - 0.5
    return LabelledHands(crops.source, crops.is_left, seen, joints, crops.read_picture)


class MediaPipe:
    """MediaPipe's landmark network at its best: its screen x and y with its world z, marks turned into joints as the teacher's are."""

    name = "MediaPipe"

    def __init__(self, palm_model: Path, landmark_model: Path) -> None:
        self._palms = PalmDetector(palm_model)
        self._landmarks = LandmarkNetwork(landmark_model)

    def view(self, picture_rgb: RgbImage, keypoints: np.ndarray, mirror: bool) -> View:
        region = region_from_keypoints(keypoints, CROP_SCALE, mirror, box=CROP_BOX)
        seen = self._landmarks.observe(extract_patch(picture_rgb, region, PATCH_SIZE))
        screen = seen.landmarks[0, :, :2].astype(np.float64)
        marks = on_screen(screen, seen.world[0].astype(np.float64))
        marks[:, :2] = marks[:, :2] @ region.axes.T
        right = float(seen.right[0])
        marks /= bone_sum(marks)
        seen_joints = keypoints_of_marks(region.to_image(screen), marks)
        return View(seen_joints, joints_of_marks(marks), None, 1.0 - right if mirror else right)

    def shows_hand(self, picture_rgb: RgbImage) -> bool:
        """As its graph decides in a first picture: a palm, and the landmark network agrees."""
        for palm in self._palms.detect(picture_rgb, second_look=False):
            try:
                patch = extract_patch(picture_rgb, region_from_palm(palm), PATCH_SIZE)
            except CropError:
                continue
            if self._landmarks.observe(patch).presence[0] >= PRESENT:
                return True
        return False
