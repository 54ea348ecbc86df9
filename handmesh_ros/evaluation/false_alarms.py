"""How often networks take for a hand what is none: what becomes of a track when the hand has left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from handmesh_ros.errors import InputError
from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.crop import CropRegion, extract_patch
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.sources import Frame

CROPS = 20  # a frame
SMALLEST, LARGEST = 0.15, 0.9  # side of a crop, parts of the frame's shorter side


def scores_without_hands(frames: Iterable[Frame], networks: Sequence[MeshNetwork], seed: int = 0) -> list[FloatArray]:
    """Scores that each network gives the same random crops of frames without hands, (frames * 20,) each.

    Raises:
        InputError: a network has no score, or there are no frames.
    """
    if blind := [network.name for network in networks if not network.gives_score]:
        raise InputError(f"{', '.join(blind)}: gives no score, so every crop counts as a hand")
    rng = np.random.default_rng(seed)
    scores: list[list[float]] = [[] for _ in networks]
    for frame in frames:
        height, width = frame.rgb.shape[:2]
        for _ in range(CROPS):
            side = rng.uniform(SMALLEST, LARGEST) * min(height, width)
            center = rng.uniform((side / 2, side / 2), (width - side / 2, height - side / 2))
            region = CropRegion(center, side, rng.uniform(-np.pi, np.pi), bool(rng.random() < 0.5))
            for network, found in zip(networks, scores, strict=True):
                found.append(network.predict(extract_patch(frame.rgb, region, network.patch_size)).score)
    if not scores or not scores[0]:
        raise InputError("no frames to look at")
    return [np.array(found) for found in scores]
