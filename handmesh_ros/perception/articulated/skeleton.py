"""The skeleton that every hand is taken to have: a rigid palm and five chains of three bones, lengths as shares of the hand's size.

Of a right hand, in the wrist's frame (docs/frames.md: x to the middle finger's mcp, z out of the back, y = z cross x). The size is wrist to
middle mcp. A finger's root turns freely within limits (flexion about y, then abduction about z, then roll about x), its two other joints
are hinges about the same y.

The mean hand is that of ``handmesh_ros/hand_proportions.py``.
"""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import FloatArray

CHAIN_COUNT, CHAIN = 5, 4  # the joints 1..20: five fingers, each from its root to its tip
DOFS = 5  # of a finger: flexion, abduction and roll of the root, flexion of the two other joints
FLEXION, ABDUCTION, ROLL, MIDDLE, LAST = range(DOFS)
PERSON = 6  # of a finger: the root's place (three) and the logarithms of three bones

# How people differ, one sigma. Lengths: a bone by itself 0.03 and its finger 0.01 (ratios of fingers, Manning et al. 1998),
# fingers against the palm 0.03 (of ANSUR II), where a network sees their ends 0.02 (chosen by hand). Places of roots: 2.5 mm of 80; the
# thumb's, which lies on no bone's end, and what the palm's arch moves: chosen by hand.
LENGTH_SIGMA = 0.047
ROOT_SIGMAS = np.array([[0.05, 0.05, 0.05], [0.03, 0.03, 0.03], [1e-4, 1e-4, 1e-4], [0.03, 0.03, 0.03], [0.03, 0.04, 0.04]])

# Each finger's own frame in the wrist's, (5, 3, 3), columns x, y, z: x where the straight finger points, y the mean axis of its hinges in
# poses of the rigged hand.
_ROUNDED = np.array(
    [
        [[0.6033, -0.7178, -0.3474], [0.4549, -0.0480, 0.8892], [-0.6550, -0.6946, 0.2976]],
        [[0.9901, -0.1401, 0.0], [0.1399, 0.9888, 0.0522], [-0.0073, -0.0517, 0.9986]],
        [[0.9975, 0.0701, 0.0], [-0.0699, 0.9943, 0.0804], [0.0056, -0.0802, 0.9968]],
        [[0.9815, 0.1916, 0.0], [-0.1902, 0.9747, 0.1174], [0.0225, -0.1152, 0.9931]],
        [[0.9633, 0.2684, 0.0], [-0.2670, 0.9584, 0.1006], [0.0270, -0.0969, 0.9949]],
    ]
)
_LEFT, _, _RIGHT = np.linalg.svd(_ROUNDED)
FINGER_FRAMES = _LEFT @ _RIGHT  # exactly square
# Degrees, (5, 5) as the dofs above. Fingers: the limits and ranges of ``handmesh_training/template/poses.py``. The thumb's: what its named
# poses and the ways between them show. Habits are what a joint does where nothing is seen of it.
LEAST = np.array([[-35.0, -50.0, -35.0, -20.0, -35.0], *[[-25.0, -25.0, -20.0, -6.0, -8.0]] * 4])
MOST = np.array([[45.0, 20.0, 35.0, 70.0, 85.0], *[[95.0, 25.0, 20.0, 112.0, 95.0]] * 4])
HABITS = np.array([[0.0, -13.0, 0.0, 27.0, 23.0], [25.0, 2.0, 0.0, 38.0, 25.0], [38.0, 0.0, 0.0, 40.0, 23.0],
                   [36.0, 1.0, 0.0, 42.0, 20.0], [32.0, -2.0, 0.0, 40.0, 25.0]])  # fmt: skip
HABIT_SIGMAS = np.array([[25.0, 20.0, 15.0, 30.0, 40.0], *[[50.0, 12.0, 7.0, 50.0, 40.0]] * 4])


def radians(degrees: FloatArray) -> FloatArray:
    return np.asarray(np.radians(degrees))
