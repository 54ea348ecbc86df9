"""What the landmark network says of rendered hands, beside the truth."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from handmesh_ros.evaluation.metrics import point_errors, relative_keypoint_errors, similarity_align
from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.crop import CropRegion, extract_patch
from handmesh_ros.perception.crop_rules import region_from_keypoints
from handmesh_ros.progress import progress_over
from handmesh_ros.provision.compose import CROP_BOX, CROP_SCALE, PATCH_SIZE
from handmesh_training.labels.landmark_network import LandmarkNetwork, Observations
from handmesh_training.renders.cache import join, read_shard, shard_paths
from handmesh_training.renders.truth import true_hands
from handmesh_training.template import HandTemplate

# Where the landmark network works as it does on real hands; the rest of the renders would teach errors that real hands never show.
MAX_ERROR_2D = 0.08  # of the hand's extent
MAX_PA_ERROR_M = 0.016
SURE = 0.5
# Standard deviations of a tracker's crop: angle (degrees), centre and log size (parts of the crop's size).
TRACKER_JITTER = (6.0, 0.02, 0.06)


@dataclass(frozen=True, eq=False)
class RenderObservations:
    """N rendered hands; lengths are true ones (metres), axes those of the crop, points relative to the wrist.

    Attributes:
        seen: what the network says.
        joints: (N, 21, 3); keypoints: (N, 21, 2) fractions of the crop.
        local_rotations, bone_scale, rotation: the hand, as ``RenderBatch`` describes it.
    """

    seen: Observations
    joints: FloatArray
    keypoints: FloatArray
    local_rotations: FloatArray
    bone_scale: FloatArray
    rotation: FloatArray

    def __len__(self) -> int:
        return len(self.joints)

    def take(self, rows: np.ndarray) -> RenderObservations:
        """Some of the hands."""
        seen = Observations(**{field.name: getattr(self.seen, field.name)[rows] for field in fields(Observations)})
        return RenderObservations(seen, *(getattr(self, field.name)[rows] for field in fields(self)[1:]))

    def save(self, path: str | Path) -> None:
        """Write an npz file."""
        arrays = {f"seen_{field.name}": getattr(self.seen, field.name) for field in fields(Observations)}
        arrays |= {field.name: getattr(self, field.name) for field in fields(self)[1:]}
        np.savez(path, **{name: array.astype(np.float32) for name, array in arrays.items()})  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path) -> RenderObservations:
        """Read a file that :meth:`save` wrote."""
        with np.load(path) as archive:
            seen = Observations(**{field.name: archive[f"seen_{field.name}"] for field in fields(Observations)})
            return cls(seen, *(archive[field.name] for field in fields(cls)[1:]))

    @classmethod
    def join(cls, parts: list[RenderObservations]) -> RenderObservations:
        seen = Observations.join([part.seen for part in parts])
        return cls(seen, *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)[1:]))


def observe_renders(folder: str | Path, network: LandmarkNetwork, template: HandTemplate, seed: int = 0) -> RenderObservations:
    """Let the network look at every picture of a render cache (:mod:`handmesh_training.renders.cache`).

    Raises:
        CacheError: the cache is missing or broken.
    """
    rng = np.random.default_rng(seed)
    seen, batches, keypoints, rotations = [], [], [], []
    for batch in map(read_shard, progress_over(shard_paths(Path(folder)), "landmark network on renders", "shards")):
        regions = [_tracker_crop(fractions * batch.images.shape[2] - 0.5, rng) for fractions in batch.keypoints]
        patches = [extract_patch(image, region, PATCH_SIZE) for image, region in zip(batch.images, regions, strict=True)]
        seen.append(network.observe(np.concatenate(patches)))
        batches.append(batch)
        for fractions, rotation, region in zip(batch.keypoints, batch.rotation, regions, strict=True):
            keypoints.append(region.to_patch(fractions * batch.images.shape[2] - 0.5))
            turn = np.eye(3)
            turn[:2, :2] = region.axes
            rotations.append(turn.T @ rotation)
    whole = join(batches)
    rotation = np.array(rotations, np.float32)
    observed = RenderObservations(
        Observations.join(seen), whole.joints, np.array(keypoints, np.float32), whole.local_rotations, whole.bone_scale, rotation
    )
    return with_true_joints(observed, template)


def _tracker_crop(keypoints: FloatArray, rng: np.random.Generator) -> CropRegion:
    """The crop inside a rendered one that the tracker would take, with the error of a tracker: angle, centre and size."""
    exact = region_from_keypoints(keypoints, CROP_SCALE, box=CROP_BOX)
    angle, shift, zoom = TRACKER_JITTER
    center = exact.center + rng.normal(0, shift, 2) * exact.size
    return CropRegion(center, exact.size * float(np.exp(rng.normal(0, zoom))), exact.angle + np.radians(rng.normal(0, angle)))


def with_true_joints(renders: RenderObservations, template: HandTemplate) -> RenderObservations:
    """The same hands, their joints where the template has them."""
    _, joints = true_hands(template, renders.local_rotations, renders.bone_scale, renders.rotation, with_vertices=False)
    return replace(renders, joints=joints)


def in_the_networks_regime(renders: RenderObservations) -> np.ndarray:
    """(N,) whether the landmark network works on a render about as well as it does on real hands."""
    error_2d = relative_keypoint_errors(renders.seen.landmarks[..., :2], renders.keypoints).mean(1)
    error_3d = point_errors(similarity_align(renders.seen.world, renders.joints), renders.joints).mean(1)
    # The pictures all show right hands: where the network sees a left one it has misread the picture.
    sure = (renders.seen.presence > SURE) & (renders.seen.right > SURE)
    return (error_2d < MAX_ERROR_2D) & (error_3d < MAX_PA_ERROR_M) & sure
