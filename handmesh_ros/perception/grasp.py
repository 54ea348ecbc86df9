"""How closed a hand is: plain numbers for grippers, from the joints alone, whatever the hand's size and place."""

from __future__ import annotations

import math

import numpy as np

from handmesh_ros.hand import INDEX_TIP, THUMB_TIP, FloatArray

# Sum of a finger's bends at mcp, pip and dip, mean of the four fingers, radians.
# Flat hands: 0.45 in the CC0 hand's flattest pose ("Sign 5"), 0.53 at the least (1st percentile) as mobrecon_lite sees the real hand of
# dex-retargeting's human_hand_video.
OPEN_BEND_RAD = 0.5
# Fists: 4.7 in the CC0 hand's poses "Grip" and "Thumb"; mobrecon_lite sees real fists less closed: 4.1 at the most (99th percentile) in
# that video, 3.9 in "milk" and "walk" of Intel's sample videos. The smallest of these, so that all of them count as closed.
FIST_BEND_RAD = 3.9

# Rows: wrist and the four joints of index, middle, ring and little finger.
FINGER_CHAINS = np.array([[0, *range(first, first + 4)] for first in (5, 9, 13, 17)])
TINY = 1e-36  # m4: bones of no length, which no hand has, count as bent by a right angle


def pinch_distance(joints: FloatArray) -> float:
    """Thumb tip to index tip, metres, of joints (21, 3) in metres."""
    return math.dist(joints[THUMB_TIP], joints[INDEX_TIP])


def aperture(joints: FloatArray) -> float:
    """0: closed fist, 1: flat open hand, linear between them in the mean bend of the four fingers; of joints (21, 3), any unit or frame."""
    chains = np.asarray(joints, float)[FINGER_CHAINS]
    bones = chains[:, 1:] - chains[:, :-1]
    squares = np.einsum("fbi,fbi->fb", bones, bones)
    along = np.einsum("fbi,fbi->fb", bones[:, 1:], bones[:, :-1])
    cosines = along / np.sqrt(np.maximum(squares[:, 1:] * squares[:, :-1], TINY))
    bend: float = np.arccos(np.minimum(np.maximum(cosines, -1), 1)).sum().item() / len(bones)
    return min(max((FIST_BEND_RAD - bend) / (FIST_BEND_RAD - OPEN_BEND_RAD), 0.0), 1.0)
