"""Hands as people hold them before a camera: poses and views of the meshes fitted to real crops (``labels/fit.py``).

Poses drawn from the joints' limits reach everywhere; these say where hands mostly are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_training.labels.fit import FitsError, read_fits
from handmesh_training.renders.split import Part, in_part
from handmesh_training.renders.views import Views, sample_views, seen_along_rays
from handmesh_training.template.poses import loosen, sample_free
from handmesh_training.template.rig import Rig
from handmesh_training.template.rotation_batches import from_rotation_vectors, slerp

MOVING_SHARE = 0.5  # of hands that are on the way to another pose, up to half of it: another fit's or a named one, as often
ANY_VIEW_SHARE = 0.25  # of hands that are seen from where sample_views puts the camera
TILT_SD = np.radians(12.0)  # of the other views against the fit's, about each axis


@dataclass(frozen=True, eq=False)
class FittedHands:
    """N good fits.

    Attributes:
        rotations: (N, 27, 3, 3) local rotations of the rig's bones; views: (N, 3, 3), rest mesh frame to camera.
        odds: (N,) of being drawn: sources count by the square root of their size.
    """

    rotations: FloatArray
    views: FloatArray
    odds: FloatArray

    @classmethod
    def load(cls, path: Path, part: Part = "all") -> FittedHands:
        """Read the good fits of the people that a part of the assets may show.

        Raises:
            FitsError: the file is missing or broken, or holds no good fit of such people.
        """
        fits = read_fits(path)
        names, good = fits["names"], fits["good"]
        people = np.array([Path(str(name)).parent.name for name in names])
        chosen = good & np.isin(people, in_part(part, "person", set(people.tolist())))
        if not chosen.any():
            raise FitsError(f"{path}: holds no good fit of a person that the part {part!r} may show")
        _, source, count = np.unique(people[chosen], return_inverse=True, return_counts=True)
        odds = 1 / np.sqrt(count)[source]
        rotations, views = (fits[name][chosen].astype(np.float64) for name in ("local_rotations", "rotation"))
        return cls(rotations, views, odds / odds.sum())

    def sample(self, rig: Rig, poses: Mapping[str, FloatArray], rng: np.random.Generator, count: int) -> tuple[FloatArray, Views]:
        """Local rotations (count, 27, 3, 3) of hands that do not pierce themselves, near the fits and between them and others, and the
        views that go with them.

        Args:
            poses: the named poses that hands may be on the way to.
        """
        named = np.stack(list(poses.values()))

        def propose(number: int) -> tuple[FloatArray, FloatArray]:
            here, there = rng.choice(len(self.odds), (2, number), p=self.odds)
            to_named = rng.random(number) < 0.5
            goal = np.where(to_named[:, None, None, None], named[rng.integers(len(named), size=number)], self.rotations[there])
            part = np.where(rng.random(number) < MOVING_SHARE, rng.uniform(0, 0.5, number), 0.0)
            moved = slerp(self.rotations[here], goal, part[:, None] * np.ones((1, rig.bone_count)))
            return loosen(rig, rng, moved), self.views[here]

        rotations, seen = sample_free(rig, propose, count)
        views = sample_views(rng, count)
        tilt = from_rotation_vectors(TILT_SD * rng.standard_normal((count, 3)))
        fitted = rng.random(count) >= ANY_VIEW_SHARE
        turned = np.where(fitted[:, None, None], seen_along_rays(tilt @ seen, views.ray), views.rotation)
        return rotations, Views(turned, views.ray, views.distance)
