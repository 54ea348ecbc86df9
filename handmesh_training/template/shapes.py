"""Shapes of hands as scales of the rig's bones: the mean hand by published anatomy, and how people differ from it.

Bones were measured, joints are wanted. A joint turns about the middle of the head of the bone before it, so from joint to joint a
phalanx is as long as the bone, plus what the head before it keeps, minus what its own head keeps.
"""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_training.template.rig import TIP_INSET_M, Rig

FINGER_BONES = ("Index", "Middle", "Ring", "Little")
PHALANGES = ("Proximal", "Intermediate", "Distal")
THUMB_PARTS = ("Metacarpal", "Proximal", "Distal")

# Mean lengths of adults' bones on radiographs, millimetres (Buryanov and Kotiuk 2010, "Proportions of Hand Segments", Int. J.
# Morphol. 28(3):755-758): proximal, middle and distal phalanx of each finger; metacarpal and both phalanges of the thumb.
BONES_MM = {
    "Thumb": (46.2, 31.6, 21.7),
    "Index": (39.8, 22.4, 15.8),
    "Middle": (44.6, 26.3, 17.4),
    "Ring": (41.4, 25.7, 17.3),
    "Little": (32.7, 18.1, 16.0),
}
PULP_MM = 4.0  # flesh beyond the last bone (as above)
# From the end of a metacarpal, of a proximal and of a middle phalanx back to the middle of its head, half of the head's depth. Chosen
# by hand, and checked: the proximal lengths that follow (43, 48, 45, 36 mm) are within 3 mm of those between centres of rotation by
# Buchholz, Armstrong and Goldstein 1992 (0.245, 0.266, 0.244, 0.204 of a hand of 187 mm).
HEADS_MM = (7.0, 3.5, 2.5)
# The rig is a large man's hand. At this size it is 187 mm from the crease of the wrist to the middle finger's tip, as adults' hands are
# on average (ANSUR II: Gordon et al. 2014, women and men alike), the crease being where the landmark network marks the wrist. The palm
# keeps the rig's proportions.
MEAN_SIZE = 0.935

# How people differ, standard deviations of logarithms. The length of the hand: 12 of 187 mm (ANSUR II). Fingers against the palm: where
# the lengths of both correlate by 0.9 (an estimate), their ratio varies by sqrt(2 (1 - 0.9)) = 0.45 of either. One bone against the
# others: the ratio of the lengths of index and ring finger has 0.03 (Manning et al. 1998), as two chains of three independent bones
# with 0.035 each have; of that a part is the finger's own.
SIZE_SD, RATIO_SD, FINGER_SD, BONE_SD = 0.064, 0.03, 0.01, 0.03
METACARPAL_SD = 0.015  # chosen by hand: the palm is one piece, and knuckles do not step
THICKNESS_SD = 0.11  # chosen by hand: slender and plump hands of one length
LENGTH_LIMITS, THICKNESS_LIMITS = (0.75, 1.3), (0.75, 1.35)


def mean_shape(rig: Rig) -> FloatArray:
    """(27, 3) scales of the mean hand's bones along their local axes."""
    scale = np.full((rig.bone_count, 3), MEAN_SIZE)
    tails = _tails(rig)
    for bone, length in joint_lengths(rig).items():
        along, aside = tails[bone, 1], MEAN_SIZE * np.linalg.norm(tails[bone, [0, 2]])
        scale[bone, 1] = np.sqrt(length**2 - aside**2) / along
    return scale


def joint_lengths(rig: Rig) -> dict[int, float]:
    """Metres from joint to joint of the mean hand, of bones with joints at both ends; the last end where a tip is marked.

    The thumb's metacarpal counts from its base, not from the joint ``thumb_cmc``, which lies farther on
    (:data:`handmesh_training.template.rig.THUMB_ROOT_ADVANCE_M`).
    """
    metacarpal, proximal, middle = HEADS_MM
    to_tip = PULP_MM - 1000 * TIP_INSET_M
    lengths = {}
    for finger, bones in BONES_MM.items():
        parts = THUMB_PARTS if finger == "Thumb" else PHALANGES
        before, after = ((0.0, metacarpal, proximal), (metacarpal, proximal)) if finger == "Thumb" else (HEADS_MM, (proximal, middle))
        ends = (-after[0], -after[1], to_tip)
        for part, bone, start, end in zip(parts, bones, before, ends, strict=True):
            lengths[rig.bone(f"{finger}_{part}_R")] = (bone + start + end) / 1000
    return lengths


def sample_shapes(rig: Rig, rng: np.random.Generator, count: int) -> FloatArray:
    """(count, 27, 3) scales of bones of random hands: size, fingers against palm, finger, bone, and thickness apart from lengths."""
    fingers = [name.split("_")[0] for name in rig.bone_names]
    names = list(dict.fromkeys(fingers))
    wrist, palm = rig.bone("Wrist_R"), palm_bones(rig)
    size = SIZE_SD * rng.standard_normal((count, 1))
    ratio = RATIO_SD * rng.standard_normal((count, 1))
    finger = FINGER_SD * rng.standard_normal((count, len(names)))[:, [names.index(name) for name in fingers]]
    length = size + ratio / 2 + finger + BONE_SD * rng.standard_normal((count, rig.bone_count))
    length[:, palm] = size - ratio / 2 + METACARPAL_SD * rng.standard_normal((count, len(palm)))
    length[:, [wrist]] = size - ratio / 2
    thickness = size + THICKNESS_SD * rng.standard_normal((count, 1))
    logs = np.repeat(np.clip(thickness, *np.log(THICKNESS_LIMITS))[:, None], rig.bone_count, 1) * np.ones(3)
    logs[..., 1] = np.clip(length, *np.log(LENGTH_LIMITS))
    # Lateral places of the knuckles hang on the root's z: a thick hand is a broad one, but less so.
    logs[:, wrist, 2] = (logs[:, wrist, 1] + logs[:, wrist, 0]) / 2
    return mean_shape(rig) * np.exp(logs)


def palm_bones(rig: Rig) -> list[int]:
    """The metacarpals of the four fingers."""
    return [bone for bone, name in enumerate(rig.bone_names) if name.endswith("Metacarpal_R") and not name.startswith("Thumb")]


def _tails(rig: Rig) -> FloatArray:
    """(27, 3) where each bone ends in its own frame, metres: at its child's head, or where the tip is marked; zero for others."""
    tails = np.zeros((rig.bone_count, 3))
    for bone, parent in enumerate(rig.parents):
        if parent > 0:
            tails[parent] = rig.rest_translations[bone]
    tips = [4, 8, 12, 16, 20]
    tails[rig.joint_bones[tips]] = rig.joint_offsets[tips]
    return tails
