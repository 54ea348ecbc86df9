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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handmesh_ros.hand import JOINT_COUNT, FloatArray
from handmesh_ros.perception.crop import CropRegion
from handmesh_ros.perception.crop_rules import CROP_BOXES, region_from_keypoints
from handmesh_ros.perception.onnx_session import OnnxNetwork

CONTRACT_VERSION = "1"
REQUIRED_OUTPUTS = ("vertices", "joints", "keypoints")
OPTIONAL_OUTPUTS = ("score", "side")
LONGEST_NAME = 80  # characters; it is in every diagnostics message
ROUNDING = 1e-3  # so far may a probability lie outside 0 to 1: half precision
# Of points in space, in reference sizes, and of keypoints, in crops: those that ship reach 2 and 0.7, millimetres and pixels 1000 and 60.
LARGEST_EXTENT, LARGEST_KEYPOINT_EXTENT = 100.0, 20.0
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

    Attributes:
        path: of its file; sha256: of the file as it was loaded.

    Raises:
        ModelContractError: the file cannot be loaded or breaks the contract.
    """

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        self._network = OnnxNetwork(path, threads, "mesh network of this project")
        self.path, self.sha256, self.patch_size = self._network.path, self._network.sha256, self._network.input_size
        self._outputs = self._check_outputs()
        metadata = self._network.metadata
        if metadata.get("handmesh_contract") != CONTRACT_VERSION:
            raise self._network.broken(
                f"metadata 'handmesh_contract' is {metadata.get('handmesh_contract')!r}, expected {CONTRACT_VERSION!r}; "
                "export the model with 'handmesh export' or 'handmesh import-official'"
            )
        self.name = metadata.get("name", self.path.stem)[:LONGEST_NAME]
        self.licence = metadata.get("licence", "unknown")
        self.reference_size_m = self._positive_number(metadata, "reference_size_m")
        self.crop_scale = self._positive_number(metadata, "crop_scale")
        self.crop_box = metadata.get("crop_box", "hand")
        if self.crop_box not in CROP_BOXES:
            raise self._network.broken(f"metadata 'crop_box' is {self.crop_box!r}, expected one of {CROP_BOXES}")
        self.keypoint_sigma = self._positive_number(metadata, "keypoint_sigma") if "keypoint_sigma" in metadata else None
        self.joint_sigma_m = self._positive_number(metadata, "joint_sigma_m") if "joint_sigma_m" in metadata else FALLBACK_JOINT_SIGMA_M
        self.faces = self._read_faces(metadata)
        self.vertex_count = self._check_estimates()

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
        """Estimate the hand in a (1, 3, S, S) float32 patch, RGB 0..1.

        Raises:
            ModelContractError: what the network says is not finite, or no probability where it should be one.
        """
        estimate = self._estimate(self._network.run(self._outputs, patch))
        if not estimate.finite:
            raise self._network.broken("its answer to this picture holds NaN or infinity")
        self._check_probabilities(estimate)
        return estimate

    def _estimate(self, answers: Sequence[FloatArray]) -> MeshEstimate:
        values = dict(zip(self._outputs, answers, strict=True))
        return MeshEstimate(
            vertices=values["vertices"][0],
            joints=values["joints"][0],
            keypoints=values["keypoints"][0],
            score=float(values["score"].item()) if "score" in values else 1.0,
            right_probability=float(values["side"].item()) if "side" in values else None,
        )

    def _check_outputs(self) -> list[str]:
        present = list(self._network.outputs)
        missing = [name for name in REQUIRED_OUTPUTS if name not in present]
        if missing:
            raise self._network.broken(f"outputs {missing} are missing, it has {present}")
        return [*REQUIRED_OUTPUTS, *(name for name in OPTIONAL_OUTPUTS if name in present)]

    def _check_probabilities(self, estimate: MeshEstimate) -> None:
        for name, value in (("score", estimate.score), ("side", estimate.right_probability)):
            if value is not None and not -ROUNDING <= value <= 1 + ROUNDING:
                raise self._network.broken(f"its output {name!r} is {value:g}, expected a probability, 0 to 1: is a sigmoid missing?")

    def _positive_number(self, metadata: dict[str, str], key: str) -> float:
        try:
            value = float(metadata[key])
        except KeyError:
            raise self._network.broken(f"metadata {key!r} is missing") from None
        except ValueError:
            raise self._network.broken(f"metadata {key!r} is {metadata[key]!r}, expected a number") from None
        if not value > 0 or not np.isfinite(value):
            raise self._network.broken(f"metadata {key!r} is {value}, expected a positive number")
        return value

    def _read_faces(self, metadata: dict[str, str]) -> np.ndarray:
        try:
            flat = np.frombuffer(base64.b64decode(metadata["faces"], validate=True), np.uint16)
        except KeyError:
            raise self._network.broken("metadata 'faces' is missing") from None
        except (binascii.Error, ValueError):
            raise self._network.broken("metadata 'faces' is not base64 of uint16 triples") from None
        if flat.size == 0 or flat.size % 3:
            raise self._network.broken(f"metadata 'faces' holds {flat.size} indices, expected triples")
        return flat.reshape(-1, 3).astype(np.int32)

    def _check_estimates(self) -> int:
        """Let the network answer a few pictures: it warms up and shows what the graph really gives. Returns its number of vertices."""
        for answers in self._network.try_out(self._outputs):
            shapes = {name: answer.shape for name, answer in zip(self._outputs, answers, strict=True)}
            count = shapes["vertices"][1] if len(shapes["vertices"]) == 3 else 0
            expected = {"vertices": (1, count, 3), "joints": (1, JOINT_COUNT, 3), "keypoints": (1, JOINT_COUNT, 2)}
            for name, shape in expected.items():
                if shapes[name] != shape:
                    raise self._network.broken(f"its output {name!r} is {shapes[name]}, expected {shape or '(1, V, 3)'}")
            for name in OPTIONAL_OUTPUTS:
                if name in shapes and np.prod(shapes[name]) != 1:
                    raise self._network.broken(f"its output {name!r} is {shapes[name]}, expected one number")
            if self.faces.max() >= count:
                raise self._network.broken(f"it has {count} vertices but faces name vertex {self.faces.max()}")
            estimate = self._estimate(answers)
            self._check_probabilities(estimate)
            self._check_units(estimate)
        return int(count)

    def _check_units(self, estimate: MeshEstimate) -> None:
        """Millimetres and pixels, which other networks give, are far beyond what any hand is."""
        for name, points in (("vertices", estimate.vertices), ("joints", estimate.joints)):
            extent = float(np.ptp(points, axis=0).max())
            if extent > LARGEST_EXTENT * self.reference_size_m:
                raise self._network.broken(f"its {name} extend over {extent:g} for a hand of {self.reference_size_m:g} m: are they metres?")
        if estimate.extent > LARGEST_KEYPOINT_EXTENT:
            raise self._network.broken(f"its keypoints extend over {estimate.extent:g} crops: are they fractions of the crop, not pixels?")
