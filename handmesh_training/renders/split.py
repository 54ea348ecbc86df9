"""What a validation set shows and training never sees: environments, photographs, poses, skins and people are held out by name.

Frozen: errors are comparable from model to model only while this list stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Part = Literal["all", "training", "validation"]
Kind = Literal["environment", "background", "pose", "person"]
PARTS: tuple[Part, ...] = get_args(Part)

HELD_OUT_ENVIRONMENTS = ("forest", "lobby", "sunset")
# Photographs of one room resemble each other, so whole rooms are held out: 23 of the 153 that are not views of an environment. The
# ``lab_*`` pictures show only two rooms and all stay in training.
HELD_OUT_ROOMS = ("room_25", "room_46", "room_55")
HELD_OUT_POSES = ("Cup", "Grip 3", "Peace", "Pinch Ring", "Surfer")
HELD_OUT_PEOPLE = ("subhi",)  # whose fitted poses and views (people.py) only validation renders show


@dataclass(frozen=True)
class SkinShares:
    """How many hands wear what: ``flat`` the two textures without relief of their own (the rest: the two realistic ones), ``glove`` a
    glove. Shares of all hands, 0..1."""

    flat: float
    glove: float


# The flat textures are the held-out ones; full gloves are too few to be divided.
SKIN_SHARES: dict[Part, SkinShares] = {
    "all": SkinShares(flat=0.10, glove=0.04),
    "training": SkinShares(flat=0.0, glove=0.04),
    "validation": SkinShares(flat=1.0, glove=0.0),
}


def is_held_out(kind: Kind, name: str) -> bool:
    """Whether only validation may show the thing: an environment, pose or person (a source of real crops) by its
    name, a background by its file's name."""
    if kind == "environment":
        return name in HELD_OUT_ENVIRONMENTS
    if kind == "pose":
        return name in HELD_OUT_POSES
    if kind == "person":
        return name in HELD_OUT_PEOPLE
    group, _, _ = name.rpartition("_")  # room_25_7.jpg is picture 7 of room_25
    return group in HELD_OUT_ROOMS or group in tuple(f"env_{environment}" for environment in HELD_OUT_ENVIRONMENTS)


def in_part(part: Part, kind: Kind, names: Iterable[str]) -> list[str]:
    """Those of ``names`` that belong to the part, in their order.

    Raises:
        ValueError: there is no such part.
    """
    if part not in PARTS:
        raise ValueError(f"unknown part of the assets: {part!r}; there are {', '.join(PARTS)}")
    return [name for name in names if part == "all" or is_held_out(kind, name) == (part == "validation")]
