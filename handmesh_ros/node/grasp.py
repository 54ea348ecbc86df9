"""How closed a hand is: plain numbers for grippers, from the joints alone, whatever the hand's size and place."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import INDEX_TIP, THUMB_TIP, FloatArray

# Sum of a finger's bends at mcp, pip and dip, radians: of a flat hand (never quite straight) and of a fist.
OPEN_BEND_RAD = 0.35
FIST_BEND_RAD = 3.9

# Rows: wrist and the four joints of index, middle, ring and little finger.
FINGER_CHAINS = np.array([[0, *range(first, first + 4)] for first in (5, 9, 13, 17)])


def pinch_distance(joints: FloatArray) -> float:
    """Thumb tip to index tip, metres, of joints (21, 3) in metres."""
    return float(np.linalg.norm(joints[THUMB_TIP] - joints[INDEX_TIP]))


def aperture(joints: FloatArray) -> float:
    """0: closed fist, 1: flat open hand; the mean bend of the four fingers, of joints (21, 3)."""
    bones = np.diff(np.asarray(joints, float)[FINGER_CHAINS], axis=1)
    bones /= np.maximum(np.linalg.norm(bones, axis=2, keepdims=True), 1e-9)
    cosines = np.clip((bones[:, 1:] * bones[:, :-1]).sum(axis=2), -1, 1)
    bend = np.arccos(cosines).sum(axis=1).mean()
    return float(np.clip((FIST_BEND_RAD - bend) / (FIST_BEND_RAD - OPEN_BEND_RAD), 0, 1))
