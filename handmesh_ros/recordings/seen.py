"""What there is to record of one frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import Hand
from handmesh_ros.outputs import Output
from handmesh_ros.perception.camera import Camera
from handmesh_ros.sources.frames import Frame


@dataclass(frozen=True, eq=False)
class SeenFrame:
    """A frame and the hands found in it.

    Attributes:
        camera: that it was taken with.
        hands, raw_hands: smoothed, and as measured.
        work_s: what finding them took.
    """

    frame: Frame
    camera: Camera
    hands: Sequence[Hand]
    raw_hands: Sequence[Hand]
    work_s: float


@dataclass(frozen=True, eq=False)
class MeshModel:
    """What all meshes of a run have in common.

    Attributes:
        name: of the network.
        faces: (F, 3) vertex numbers of a right hand.
        vertex_count: of a mesh.
    """

    name: str
    faces: NDArray[np.integer]
    vertex_count: int


class Recorder(Output, Protocol):
    """An output that takes one frame after the other."""

    def write(self, seen: SeenFrame) -> None: ...
