"""The mean adult's hand, in hand sizes (wrist to middle mcp), of a right hand in its wrist's frame (docs/frames.md).

It is the hand that the networks are trained with (``handmesh_training/template/shapes.py``): finger bones by radiographs of adults
(Buryanov and Kotiuk 2010, Int. J. Morphol. 28(3):755-758) from joint to joint, the palm by the rigged hand.
"""

from __future__ import annotations

import numpy as np

# (5, 3) where each finger begins: thumb cmc, then the mcp of index to little.
ROOT_PLACES = np.array([[0.102, 0.253, -0.241], [0.985, 0.282, -0.082], [1.0, 0.0, 0.0], [0.914, -0.254, -0.022], [0.806, -0.484, -0.085]])
# (5, 3) from joint to joint.
PHALANX_LENGTHS = np.array(
    [[0.391, 0.438, 0.333], [0.540, 0.292, 0.247], [0.600, 0.340, 0.267], [0.560, 0.333, 0.266], [0.451, 0.238, 0.249]]
)
