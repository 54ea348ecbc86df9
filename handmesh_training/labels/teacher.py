"""The teachers: MediaPipe's palm detector and two generations of its landmark network, and how far their looks at one hand agree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.crop import CropError, CropRegion, extract_patch
from handmesh_ros.perception.crop_rules import region_from_keypoints
from handmesh_ros.perception.detect import PalmDetection, PalmDetector, region_from_palm
from handmesh_ros.provision.compose import CROP_BOX, CROP_SCALE, PATCH_SIZE
from handmesh_training.labels.landmark_network import LandmarkNetwork
from handmesh_training.labels.network_2020 import Network2020


@dataclass(frozen=True, eq=False)
class TeacherLook:
    """What the network says of one crop, in axes of the whole picture.

    Attributes:
        keypoints: (21, 2) pixels, the picture's upper left corner is (0, 0); depth: (21,) pixels, larger = farther away.
        world: (21, 3) metres, x right, y down, z away from the camera.
        presence: probability of a hand; right: of a right one in a picture that is not mirrored.
    """

    keypoints: FloatArray
    depth: FloatArray
    world: FloatArray
    presence: float
    right: float


@dataclass(frozen=True, eq=False)
class TeacherHand:
    """Three looks at one hand: first where the palm detector says, then where the first look says, direct and mirrored.

    Attributes:
        looks_2020: (2, 21, 3) pixels, landmarks of the 2020 network in the crops of the last two looks.
    """

    first: TeacherLook
    direct: TeacherLook
    mirrored: TeacherLook
    looks_2020: FloatArray

    @property
    def low(self) -> FloatArray:
        """(2,) upper left corner of the keypoints' box."""
        return np.asarray(self.direct.keypoints.min(0))

    @property
    def high(self) -> FloatArray:
        """(2,) lower right corner of the keypoints' box."""
        return np.asarray(self.direct.keypoints.max(0))

    @property
    def size(self) -> float:
        """Longer side of the keypoints' box, pixels."""
        return float((self.high - self.low).max())

    @property
    def stability(self) -> float:
        """Largest shift of a keypoint between the two crops, as a fraction of the hand's size."""
        return self._largest_gap(self.first)

    @property
    def mirror_gap(self) -> float:
        """Largest gap between picture and mirror image, likewise."""
        return self._largest_gap(self.mirrored)

    def _largest_gap(self, other: TeacherLook) -> float:
        return float(np.linalg.norm(self.direct.keypoints - other.keypoints, axis=1).max() / self.size)


class Teacher:
    """All networks, loaded.

    Raises:
        ModelContractError, ModelError: a file is missing, cannot be loaded or is another network.
    """

    def __init__(self, palm_model: Path, landmark_model: Path, teacher_2020: Path, threads: int = 1) -> None:
        self._palms = PalmDetector(palm_model, threads)
        self._landmarks = LandmarkNetwork(landmark_model, threads)
        self._network_2020 = Network2020(teacher_2020, threads)

    def hands(self, frame_rgb: NDArray[np.uint8], max_hands: int = 2) -> list[TeacherHand | None]:
        """An entry for each palm that is found; None where the network puts all keypoints in one place."""
        return [self._hand(frame_rgb, palm) for palm in self._palms.detect(frame_rgb, max_hands)]

    def _hand(self, frame_rgb: NDArray[np.uint8], palm: PalmDetection) -> TeacherHand | None:
        try:
            first = self._look(frame_rgb, region_from_palm(palm))
            region = region_from_keypoints(first.keypoints - 0.5, CROP_SCALE, box=CROP_BOX)
        except CropError:
            return None
        mirror_image = CropRegion(region.center, region.size, region.angle, mirror=True)
        looks_2020 = self._network_2020.looks(frame_rgb, region)
        return TeacherHand(first, self._look(frame_rgb, region), self._look(frame_rgb, mirror_image), looks_2020)

    def _look(self, frame_rgb: NDArray[np.uint8], region: CropRegion) -> TeacherLook:
        seen = self._landmarks.observe(extract_patch(frame_rgb, region, PATCH_SIZE))
        world = seen.world[0].astype(np.float64)
        world[:, :2] = world[:, :2] @ region.axes.T  # a reflection where the crop is mirrored: this mirrors back
        right = float(seen.right[0])
        return TeacherLook(
            keypoints=region.to_image(seen.landmarks[0, :, :2]) + 0.5,
            depth=seen.landmarks[0, :, 2] * region.size,
            world=world,
            presence=float(seen.presence[0]),
            right=1 - right if region.mirror else right,
        )
