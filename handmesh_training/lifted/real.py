"""What the landmark network says of real hands: several looks at each picture, direct and mirrored.

There is no truth for these pictures. But the network's errors differ from look to look, so the mean of many looks is better than
any of them: that mean is what the lifting learns to give from one look.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.crop import CropRegion, extract_patch
from handmesh_ros.perception.crop_rules import region_from_keypoints
from handmesh_ros.progress import progress_over
from handmesh_ros.provision.compose import CROP_BOX, CROP_SCALE, PATCH_SIZE
from handmesh_ros.sources import read_picture
from handmesh_training.labels.crops import FOLDERS
from handmesh_training.labels.landmark_network import LandmarkNetwork, Observations

LOOKS = 3  # of the picture, and as many of its mirror image
# Standard deviations of a look's angle (degrees), centre and log size (parts of the crop's size); the first look has none.
LOOK_JITTER = (12.0, 0.035, 0.10)


@dataclass(frozen=True, eq=False)
class RealLooks:
    """N pictures, L looks each, the first half direct and the second half mirrored; all as right hands.

    Attributes:
        observations: flat, N * L; mirrored looks are mirrored back, all in the axes of their own crop.
        axes: (N, L, 2, 2) each crop's axes in the picture (columns); sizes: (N, L) of the crops relative to the first.
        centers: (N, L, 2) centres of the crops relative to the first, in its sizes.
        validation: (N,) bool.
        source: (N,) index of the folder that a picture comes from.
    """

    observations: Observations
    axes: FloatArray
    sizes: FloatArray
    centers: FloatArray
    validation: np.ndarray
    source: np.ndarray

    def save(self, path: str | Path) -> None:
        """Write an npz file."""
        arrays = {f"seen_{field.name}": getattr(self.observations, field.name) for field in fields(Observations)}
        np.savez(path, **arrays, **{field.name: getattr(self, field.name) for field in fields(self)[1:]})

    @classmethod
    def load(cls, path: str | Path) -> RealLooks:
        """Read a file that :meth:`save` wrote."""
        with np.load(path) as archive:
            seen = Observations(**{field.name: archive[f"seen_{field.name}"] for field in fields(Observations)})
            return cls(seen, *(archive[field.name] for field in fields(cls)[1:]))


def look_at_real_hands(shared: str | Path, network: LandmarkNetwork, seed: int = 0, stride: int = 3) -> RealLooks:
    """Observe every ``stride``-th crop of ``shared``/real_hands and real_hands_more; about two minutes on one core.

    Raises:
        FileNotFoundError: none of the folders is there.
    """
    rng = np.random.default_rng(seed)
    parts: list[Observations] = []
    axes, sizes, centers, validation, sources = [], [], [], [], []
    found = [Path(shared) / name for name in FOLDERS if (Path(shared) / name / "labels.npz").is_file()]
    if not found:
        raise FileNotFoundError(f"{shared}: holds none of the folders {', '.join(FOLDERS)} with a labels.npz")
    for number, folder in enumerate(found):
        with np.load(folder / "labels.npz") as labels:
            names, uv, right, split, source = (labels[key] for key in ("names", "uv", "right", "split", "source"))
        for row in progress_over(range(0, len(names), stride), folder.name, "pictures"):
            picture = read_picture(folder / str(names[row]))
            is_left = bool(right[row] < 0.5)
            regions = _looks(region_from_keypoints(uv[row], CROP_SCALE, mirror=is_left, box=CROP_BOX), rng)
            patches = np.concatenate([extract_patch(picture, region, PATCH_SIZE).copy() for region in regions])
            parts.append(_unmirror(network.observe(patches), np.array([region.mirror != is_left for region in regions])))
            # A mirrored look is mirrored back, so its axes are those of the unmirrored crop.
            axes.append([CropRegion(r.center, r.size, r.angle, is_left).axes for r in regions])
            sizes.append([region.size / regions[0].size for region in regions])
            centers.append([(region.center - regions[0].center) @ regions[0].axes / regions[0].size for region in regions])
            validation.append(split[row] == 1)
            sources.append(10 * number + source[row])
    return RealLooks(Observations.join(parts), np.array(axes), np.array(sizes), np.array(centers), np.array(validation), np.array(sources))


def _looks(exact: CropRegion, rng: np.random.Generator) -> list[CropRegion]:
    angle, shift, zoom = LOOK_JITTER
    looks = [exact]
    for _ in range(LOOKS - 1):
        center = exact.center + rng.normal(0, shift, 2) * exact.size
        looks.append(
            CropRegion(
                center, exact.size * float(np.exp(rng.normal(0, zoom))), exact.angle + np.radians(rng.normal(0, angle)), exact.mirror
            )
        )
    return looks + [CropRegion(look.center, look.size, look.angle, not look.mirror) for look in looks]


def _unmirror(seen: Observations, mirrored: np.ndarray) -> Observations:
    landmarks, world = seen.landmarks.copy(), seen.world.copy()
    landmarks[mirrored, :, 0] = 1 - landmarks[mirrored, :, 0]
    world[mirrored, :, 0] *= -1
    return Observations(landmarks, world, seen.presence, np.where(mirrored, 1 - seen.right, seen.right))
