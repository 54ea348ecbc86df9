"""Shapes of people: what MakeHuman's targets (CC0) do to a hand, carried over to the rig as scales of its bones.

Child to old, male and female, three ethnicities, muscle, weight, height and the targets of the hand itself. Only proportions are
carried over: lengths and thickness of each finger bone, length, width and thickness of the palm, thickness of the forearm. So a
shape is a ``bone_scale`` of the rig like any other, and every mesh on the rig follows exactly.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from handmesh_ros.errors import HandmeshError
from handmesh_ros.hand import FloatArray
from handmesh_training.template.rig import FOREARM, Rig
from handmesh_training.template.shapes import BONE_SD, mean_shape, palm_bones

PEOPLE = 400
ETHNICITIES, GENDERS, AGES = ("african", "asian", "caucasian"), ("female", "male"), ("child", "young", "old")
AGE_SHARES = (0.12, 0.62, 0.26)  # children's hands at their youngest: few stand before a robot
AMOUNTS = ("min", "average", "max")
# Of the targets of the hand itself: the largest weight; "length" at 1 is a monster.
DETAILS = {"hand-fingers-diameter": 0.6, "hand-fingers-length": 0.3, "hand-fingers-distance": 0.5, "hand-scale": 0.15,
           "lowerarm-fat": 0.6, "lowerarm-scale-depth": 0.4, "lowerarm-scale-horiz": 0.4}  # fmt: skip
SIGNS = {"decr": -1, "incr": 1}
MAKEHUMAN_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Little")
LOG_LIMIT = 0.30
# What the targets leave out, standard deviations: of the hand's thickness and size (chosen by hand), and of a bone's length, which hardly
# varies by itself in the targets: by 0.01 to 0.03. Fingers against palm vary by 0.04 there already, children among them.
REST_THICKNESS_SD, REST_SIZE_SD, TARGET_BONE_SD = 0.05, 0.03, 0.015
REST_SD = float(np.sqrt(BONE_SD**2 - TARGET_BONE_SD**2))


class IdentityError(HandmeshError, RuntimeError):
    """MakeHuman's hand is missing or broken; the message names the file."""


@dataclass(frozen=True, eq=False)
class Identities:
    """People's hands against the mean of them all. log_scale: (P, 27, 3), of the rig's bones along their local axes."""

    log_scale: FloatArray

    def sample(self, rig: Rig, rng: np.random.Generator, count: int) -> FloatArray:
        """(count, 27, 3) scales of bones: people between two of these, with what the targets leave out."""
        pair = rng.integers(len(self.log_scale), size=(2, count))
        part = rng.random((count, 1, 1))
        logs = (1 - part) * self.log_scale[pair[0]] + part * self.log_scale[pair[1]]
        length = REST_SD * rng.standard_normal((count, rig.bone_count))
        # The palm is one piece: knuckles do not step.
        length[:, [*palm_bones(rig), rig.bone("Wrist_R")]] = 0.0
        logs[..., 1] += length
        logs[..., [0, 2]] += REST_THICKNESS_SD * rng.standard_normal((count, 1, 1))
        logs = np.clip(logs, -LOG_LIMIT, LOG_LIMIT) + REST_SIZE_SD * rng.standard_normal((count, 1, 1))
        return mean_shape(rig) * np.exp(logs)


def load_identities(assets: str | Path, rig: Rig, people: int = PEOPLE, seed: int = 0) -> Identities:
    """Draws ``people`` from MakeHuman's targets and measures their hands.

    Args:
        assets: folder that holds ``makehuman/hand_forearm.npz`` and ``.json``.

    Raises:
        IdentityError: a file is missing or broken.
    """
    stem = Path(assets) / "makehuman" / "hand_forearm"
    try:
        description = json.loads(stem.with_suffix(".json").read_text())
        with np.load(stem.with_suffix(".npz")) as archive:
            vertices, targets = archive["vertices"], archive["targets"] * float(archive["target_scale"])
            weights, surface = archive["weights"], int(archive["n_surface"])
        blends = person_weights(np.random.default_rng(seed), description["targets"], people)
        ends = {name: np.array(rows) for name, rows in description["bone_end_vertices"].items()}
        bones = [str(bone["name"]) for bone in description["bones"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IdentityError(f"cannot read {stem}.npz and .json ({error}): is the assets folder complete?") from error
    shapes = vertices + np.tensordot(blends, targets.astype(np.float32), 1)
    flesh = {name: np.flatnonzero(weights[:surface, k] > 0.5) for k, name in enumerate(bones)}
    logs = np.log(_measures(rig, shapes, ends, flesh))
    return Identities(logs - logs.mean(0))


def person_weights(rng: np.random.Generator, targets: list[str], people: int) -> FloatArray:
    """(people, T) weights of the targets; each group of macro targets is a product blend that sums to 1."""
    column = {name: k for k, name in enumerate(targets)}
    weights = np.zeros((people, len(targets)), np.float32)
    ethnicity = rng.dirichlet([0.3] * 3, people)
    gender = rng.beta(0.3, 0.3, people)
    genders = np.stack([gender, 1 - gender], 1)
    ages = rng.dirichlet(np.array(AGE_SHARES) * 1.5, people)
    muscle, weight = (_level_blend(rng.beta(2.5, 2.5, people)) for _ in range(2))
    height, proportion = np.clip(0.4 * rng.standard_normal((2, people)), -1, 1)  # giants are rare
    for (e, group), (g, sex), (a, age) in product(enumerate(ETHNICITIES), enumerate(GENDERS), enumerate(AGES)):
        weights[:, column[f"macrodetails/{group}-{sex}-{age}"]] = ethnicity[:, e] * genders[:, g] * ages[:, a]
    for (g, sex), (a, age), (m, much), (w, heavy) in product(enumerate(GENDERS), enumerate(AGES), enumerate(AMOUNTS), enumerate(AMOUNTS)):
        share = genders[:, g] * ages[:, a] * muscle[:, m] * weight[:, w]
        body = f"{sex}-{age}-{much}muscle-{heavy}weight"
        weights[:, column[f"macrodetails/universal-{body}"]] = share
        for amount, kind, names in (
            (height, "height", ("minheight", "maxheight")),
            (proportion, "proportions", ("uncommonproportions", "idealproportions")),
        ):
            for sign, name in zip((-1, 1), names, strict=True):
                weights[:, column[f"macrodetails/{kind}/{body}-{name}"]] = share * np.clip(sign * amount, 0, 1)
    for name, most in DETAILS.items():
        amount = most * rng.uniform(-1, 1, people)
        for ending, sign in SIGNS.items():
            weights[:, column[f"armslegs/r-{name}-{ending}"]] = np.clip(sign * amount, 0, 1)
    return weights


def _level_blend(amount: FloatArray) -> FloatArray:
    """(P, 3) shares of min, average and max for amounts 0..1."""
    return np.stack([np.clip(1 - 2 * amount, 0, 1), 1 - np.abs(2 * amount - 1), np.clip(2 * amount - 1, 0, 1)], 1)


def _measures(rig: Rig, shapes: FloatArray, ends: dict[str, np.ndarray], flesh: dict[str, np.ndarray]) -> FloatArray:
    """(P, 27, 3) lengths, widths and thicknesses for each bone's local axes (x through the hand, y along, z across), any unit."""

    def end(name: str) -> FloatArray:
        return shapes[:, ends[name]].mean(1)

    def thickness(bone: str, start: FloatArray, stop: FloatArray) -> FloatArray:
        axis = stop - start
        axis /= np.linalg.norm(axis, axis=1, keepdims=True)
        away = shapes[:, flesh[bone]] - start[:, None]
        away = away - (away @ axis[..., None]) * axis[:, None]
        return np.sqrt((away**2).sum(2).mean(1))

    wrist = end("wrist.R____head")
    knuckles = np.stack([end(f"finger{k}-1.R____head") for k in range(2, 6)], 1)
    palm_lengths = np.linalg.norm(knuckles - wrist[:, None], axis=2)
    across = knuckles[:, 0] - knuckles[:, 3]
    width = np.linalg.norm(across, axis=1)
    normal = np.cross(knuckles[:, 1] - wrist, across)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    palm = np.concatenate([flesh[f"metacarpal{k}.R"] for k in range(1, 5)])
    depth = ((shapes[:, palm] - wrist[:, None]) @ normal[..., None])[..., 0].std(1)
    measures = np.ones((len(shapes), rig.bone_count, 3))
    length = palm_lengths.mean(1)
    measures[:, rig.bone("Wrist_R")] = np.stack([depth, length, width], 1)
    for k, finger in enumerate(MAKEHUMAN_FINGERS, 1):
        parts = ("Metacarpal", "Proximal", "Distal") if finger == "Thumb" else ("Proximal", "Intermediate", "Distal")
        for number, part in enumerate(parts, 1):
            bone = f"finger{k}-{number}.R"
            start, stop = end(f"{bone}____head"), end(f"{bone}____tail")
            thick = thickness(bone, start, stop)
            measures[:, rig.bone(f"{finger}_{part}_R")] = np.stack([thick, np.linalg.norm(stop - start, axis=1), thick], 1)
        if finger != "Thumb":
            # Half its own length: the palm is one piece.
            own = np.sqrt(length * palm_lengths[:, k - 2])
            measures[:, rig.bone(f"{finger}_Metacarpal_R")] = np.stack([depth, own, width], 1)
    arm = thickness("lowerarm02.R", end("lowerarm02.R____head"), end("lowerarm02.R____tail"))
    measures[:, rig.bone(FOREARM)] = np.stack([arm, length, arm], 1)
    # Bones that carry no flesh of their own take after the palm.
    for index, name in enumerate(rig.bone_names):
        if name == "Palm_R" or "_Tip_" in name:
            measures[:, index] = np.stack([depth, length, width], 1)
    return measures
