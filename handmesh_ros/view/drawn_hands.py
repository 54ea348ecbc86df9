"""What the page shows of hands in space, as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import PALM_JOINTS, FloatArray, Hand, faces_of_side
from handmesh_ros.overlay import mesh_colour


@dataclass(frozen=True, eq=False)
class DrawnHand:
    """One hand in the camera's optical frame, metres.

    Attributes:
        vertices: (V, 3) float32.
        faces: (F, 3) uint32, wound counter-clockwise seen from outside.
        colour: of the mesh, RGB; the overlay's.
        joints: (21, 3) float32 places of the joint frames.
        rotations: (21, 3, 3) of the joint frames, axes as columns.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.uint32]
    colour: tuple[int, int, int]
    joints: NDArray[np.float32]
    rotations: FloatArray


def drawn_hands(hands: Sequence[Hand], faces: NDArray[np.integer]) -> tuple[DrawnHand, ...]:
    """Those that can be drawn, left before right, then in the order of their tracks, so that each keeps its place in the scene.

    A hand is left out that has no mesh, or one of another network than the faces: its mesh has not come yet.

    Args:
        hands: of one frame.
        faces: (F, 3) vertex indices of a right hand.
    """
    vertex_count = int(faces.max()) + 1 if faces.size else 0
    ordered = sorted(hands, key=lambda hand: (hand.side.value, hand.track_id))
    return tuple(_drawn(hand, faces) for hand in ordered if 0 < vertex_count <= len(hand.vertices))


def _drawn(hand: Hand, faces: NDArray[np.integer]) -> DrawnHand:
    return DrawnHand(
        vertices=np.asarray(hand.vertices, np.float32),
        faces=np.asarray(faces_of_side(faces, hand.side), np.uint32),
        colour=mesh_colour(hand),
        joints=np.asarray(hand.joints, np.float32),
        rotations=hand.rotations,
    )


def centre_of(hands: Sequence[Hand]) -> FloatArray | None:
    """(3,) the middle of all palms, metres: what to turn about. None without a hand."""
    if not hands:
        return None
    middle: FloatArray = np.mean([hand.joints[list(PALM_JOINTS)].mean(axis=0) for hand in hands], axis=0)
    return middle
