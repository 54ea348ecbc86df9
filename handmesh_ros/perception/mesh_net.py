"""Runs one mesh network: any ONNX file that keeps the contract below drops in.

The contract, version 1: input ``image`` float32 (1, 3, S, S), RGB 0..1, a right hand. Outputs ``vertices`` (1, V, 3) and ``joints``
(1, 21, 3), relative to the wrist, in the crop's axes, metres for a hand of ``reference_size_m``; ``keypoints`` (1, 21, 2), fractions
of the crop; optionally ``score`` (1, 1), the probability that a hand is there, and ``side`` (1, 1), the probability that the patch as
given shows a right hand. Metadata: ``handmesh_contract``, ``faces`` (base64 of uint16 (F, 3)), ``reference_size_m``, ``crop_scale``,
``name``, ``licence``, ``training``; optionally ``crop_box``, "hand" (default) or "palm": whose box ``crop_scale`` multiplies;
``keypoint_sigma`` and ``joint_sigma_m``, how far off the network is, one sigma an axis: of keypoints, as a fraction of the hand's size in
the picture (the longer side of the keypoints' box in the upright crop), and of joints relative to the wrist, metres at the reference size.
"""

from __future__ import annotations

import base64
import binascii
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handmesh_ros.hand import JOINT_COUNT, FloatArray
from handmesh_ros.perception.crop import CropRegion
from handmesh_ros.perception.crop_rules import CROP_BOXES, region_from_keypoints
from handmesh_ros.perception.onnx_session import ModelContractError, create_session

CONTRACT_VERSION = "1"
REQUIRED_OUTPUTS = ("vertices", "joints", "keypoints")
OPTIONAL_OUTPUTS = ("score", "side")
# For networks that do not say how far off they are; chosen by hand, and both too good: the shipped ones are at 4 px and 7 mm.
FALLBACK_KEYPOINT_SIGMA_PX = 1.5
FALLBACK_JOINT_SIGMA_M = 0.004


@dataclass(frozen=True, eq=False)
class MeshEstimate:
    """What a network says of one patch.

    Attributes:
        vertices: (V, 3), relative to the wrist, crop axes, metres for a hand of the network's reference size.
        joints: (21, 3), likewise.
        keypoints: (21, 2), fractions of the patch.
        score: probability that a hand is there; 1.0 where the network cannot tell.
        right_probability: that the patch shows a right hand; None where the network cannot tell.
    """

    vertices: FloatArray
    joints: FloatArray
    keypoints: FloatArray
    score: float
    right_probability: float | None

    @property
    def extent(self) -> float:
        """The hand's size in the patch: the longer side of the keypoints' box, as a fraction of the patch's."""
        return float((self.keypoints.max(axis=0) - self.keypoints.min(axis=0)).max())

    @property
    def finite(self) -> bool:
        """False where the network's numbers are not to be used at all (NaN or infinity)."""
        # A sum is finite where all its parts are, and cheaper than to look at each.
        arrays = float(self.vertices.sum()) + float(self.joints.sum()) + float(self.keypoints.sum())
        return math.isfinite(arrays + self.score + (self.right_probability or 0.0))


class MeshNetwork:
    """A loaded mesh network.

    Raises:
        ModelContractError: the file cannot be loaded or breaks the contract.
    """

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        self.path = Path(path)
        self._session = create_session(self.path, threads)
        self.patch_size = self._check_input()
        self._outputs = self._check_outputs()
        metadata = self._session.get_modelmeta().custom_metadata_map
        if metadata.get("handmesh_contract") != CONTRACT_VERSION:
            raise self._broken(
                f"metadata 'handmesh_contract' is {metadata.get('handmesh_contract')!r}, expected {CONTRACT_VERSION!r}; "
                "export the model with 'handmesh export' or 'handmesh import-official'"
            )
        self.name: str = metadata.get("name", self.path.stem)
        self.licence = metadata.get("licence", "unknown")
        self.reference_size_m = self._positive_number(metadata, "reference_size_m")
        self.crop_scale = self._positive_number(metadata, "crop_scale")
        self.crop_box = metadata.get("crop_box", "hand")
        if self.crop_box not in CROP_BOXES:
            raise self._broken(f"metadata 'crop_box' is {self.crop_box!r}, expected one of {CROP_BOXES}")
        self.keypoint_sigma = self._positive_number(metadata, "keypoint_sigma") if "keypoint_sigma" in metadata else None
        self.joint_sigma_m = self._positive_number(metadata, "joint_sigma_m") if "joint_sigma_m" in metadata else FALLBACK_JOINT_SIGMA_M
        self.faces = self._read_faces(metadata)
        self.vertex_count = self._check_estimate()

    @property
    def gives_score(self) -> bool:
        """Whether the network can tell a hand from none."""
        return "score" in self._outputs

    def region_around(self, keypoints: FloatArray, mirror: bool = False, previous: CropRegion | None = None) -> CropRegion:
        """The crop that this network wants around a hand: (21, 2) pixels; mirrored for a left hand; upright as the previous one in doubt.

        Raises:
            CropError: keypoints not finite, or all in one place.
        """
        return region_from_keypoints(keypoints, self.crop_scale, mirror, previous, self.crop_box)

    def keypoint_sigma_px(self, estimate: MeshEstimate, region: CropRegion) -> float:
        """How far off the keypoints of an estimate are, one sigma an axis, pixels of the image that the region was cut out of."""
        if self.keypoint_sigma is None:
            return FALLBACK_KEYPOINT_SIGMA_PX
        return self.keypoint_sigma * estimate.extent * region.size

    def predict(self, patch: FloatArray) -> MeshEstimate:
        """Estimate the hand in a (1, 3, S, S) float32 patch, RGB 0..1."""
        values = dict(zip(self._outputs, self._session.run(self._outputs, {"image": patch}), strict=True))
        return MeshEstimate(
            vertices=values["vertices"][0],
            joints=values["joints"][0],
            keypoints=values["keypoints"][0],
            score=float(values["score"].item()) if "score" in values else 1.0,
            right_probability=float(values["side"].item()) if "side" in values else None,
        )

    def _broken(self, what: str) -> ModelContractError:
        return ModelContractError(f"{self.path}: not a mesh network of this project: {what}")

    def _check_input(self) -> int:
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].name != "image":
            raise self._broken(f"it must have one input 'image', it has {[i.name for i in inputs]}")
        shape = inputs[0].shape
        if len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3] or not isinstance(shape[2], int):
            raise self._broken(f"input 'image' must be (1, 3, S, S), it is {shape}")
        return shape[2]

    def _check_outputs(self) -> list[str]:
        present = [output.name for output in self._session.get_outputs()]
        missing = [name for name in REQUIRED_OUTPUTS if name not in present]
        if missing:
            raise self._broken(f"outputs {missing} are missing, it has {present}")
        return [*REQUIRED_OUTPUTS, *(name for name in OPTIONAL_OUTPUTS if name in present)]

    def _positive_number(self, metadata: dict[str, str], key: str) -> float:
        try:
            value = float(metadata[key])
        except KeyError:
            raise self._broken(f"metadata {key!r} is missing") from None
        except ValueError:
            raise self._broken(f"metadata {key!r} is {metadata[key]!r}, expected a number") from None
        if not value > 0 or not np.isfinite(value):
            raise self._broken(f"metadata {key!r} is {value}, expected a positive number")
        return value

    def _read_faces(self, metadata: dict[str, str]) -> np.ndarray:
        try:
            flat = np.frombuffer(base64.b64decode(metadata["faces"], validate=True), np.uint16)
        except KeyError:
            raise self._broken("metadata 'faces' is missing") from None
        except (binascii.Error, ValueError):
            raise self._broken("metadata 'faces' is not base64 of uint16 triples") from None
        if flat.size == 0 or flat.size % 3:
            raise self._broken(f"metadata 'faces' holds {flat.size} indices, expected triples")
        return flat.reshape(-1, 3).astype(np.int32)

    def _check_estimate(self) -> int:
        """Run the network once: it warms up and shows the shapes that the graph really gives. Returns its number of vertices."""
        patch = np.full((1, 3, self.patch_size, self.patch_size), 0.5, np.float32)
        try:
            estimate = self.predict(patch)
        except Exception as error:
            raise self._broken(f"it does not run: {error}") from error
        if estimate.joints.shape != (JOINT_COUNT, 3) or estimate.keypoints.shape != (JOINT_COUNT, 2):
            raise self._broken(f"joints are {estimate.joints.shape} and keypoints {estimate.keypoints.shape}, expected (21, 3) and (21, 2)")
        vertices = estimate.vertices
        if vertices.ndim != 2 or vertices.shape[1] != 3 or self.faces.max() >= len(vertices):
            raise self._broken(f"vertices are {vertices.shape} but faces name vertex {self.faces.max()}")
        return len(vertices)
