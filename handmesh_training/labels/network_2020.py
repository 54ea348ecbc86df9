"""MediaPipe's hand landmark network of 2020, a second opinion that training needs for its depths and nothing else ever needs."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from handmesh_ros.hand import JOINT_COUNT, FloatArray
from handmesh_ros.perception.crop import CropRegion, extract_patch
from handmesh_ros.provision import ModelError
from handmesh_ros.provision.compose import PATCH_SIZE
from handmesh_ros.provision.tflite_to_onnx import tflite_to_onnx

FILE_IN_SHARED = Path("teacher", "hand_landmark_2020.tflite")
SHA256 = "276abb7cb09c386247ba5b6fc1aa1ebba574a239777c000d5ffb06db997d6ffa"
# In the package's .data file palm_detection.tflite (3877888 bytes) and handedness.txt (11 bytes) lie before it.
HOW_TO_GET_IT = (
    "get it from an npm package (Apache-2.0) with 'npm pack @mediapipe/hands@0.1.1606863095' and 'tar xzOf "
    "mediapipe-hands-0.1.1606863095.tgz package/hands_solution_packed_assets.data | tail -c +3877900 | head -c 3792620 > {path}'"
)


class Network2020:
    """The network, converted in memory; about 5 ms a look on one core.

    Raises:
        ModelError: the file is missing or another one; says how to get it.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        if not path.is_file():
            raise ModelError(f"{path}: MediaPipe's landmark network of 2020 is missing; {HOW_TO_GET_IT.format(path=path)}")
        content = path.read_bytes()
        if sha256(content).hexdigest() != SHA256:
            raise ModelError(f"{path}: not MediaPipe's landmark network of 2020 (another checksum); {HOW_TO_GET_IT.format(path=path)}")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        converted = tflite_to_onnx(content, "image", ["landmarks", "presence", "handedness"], "hand_landmark_2020")
        self._session = ort.InferenceSession(converted, options, providers=["CPUExecutionProvider"])

    def look(self, picture_rgb: NDArray[np.uint8], region: CropRegion) -> FloatArray:
        """(21, 3) landmarks: x and y in pixels, the picture's upper left corner is (0, 0), z in the same unit, larger = farther away."""
        patch = extract_patch(picture_rgb, region, PATCH_SIZE)
        landmarks = self._session.run(["landmarks"], {"image": patch})[0].reshape(JOINT_COUNT, 3) / PATCH_SIZE
        return np.column_stack([region.to_image(landmarks[:, :2]) + 0.5, landmarks[:, 2] * region.size])

    def looks(self, picture_rgb: NDArray[np.uint8], region: CropRegion) -> FloatArray:
        """(2, 21, 3) landmarks of the region and, mapped back, of its mirror image."""
        mirror_image = CropRegion(region.center, region.size, region.angle, not region.mirror)
        return np.stack([self.look(picture_rgb, region), self.look(picture_rgb, mirror_image)])
