"""Draws docs/images/architecture.svg, the rooms of both packages: ``PYTHONPATH=test python docs/draw_architecture.py [output.svg]``.

Rooms and arrows come from the imports of the files. An arrow is left out where others lead the same way, and where it would end in a room
that every other may use.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from support.imports import GROUND, PACKAGES, Imports, drawn_arrows, floors, rooms_of

REPOSITORY = Path(__file__).resolve().parents[1]
OUTPUT = REPOSITORY / "docs" / "images" / "architecture.svg"
HOUSES = {"handmesh_ros": ("#dbe9f6", "handmesh_ros: what a robot runs"), "handmesh_training": ("#fbe6cf", "handmesh_training: offline")}
# Inches: a box, and from the middle of one box to that of the next.
BOX_WIDTH, BOX_HEIGHT, STEP_X, STEP_Y = 1.5, 0.5, 1.75, 0.95
MARGIN, GROUND_HEIGHT, TITLE_HEIGHT = 0.4, 0.6, 0.6
ROUNDS = 20  # of moving rooms towards those that they are joined to; more change nothing
Places = dict[str, tuple[float, float]]


def main(output: Path) -> None:
    """Write the picture."""
    arrows = drawn_arrows(Imports.read(REPOSITORY))
    houses = {package: rooms_of(REPOSITORY, package) for package in PACKAGES}
    places, walls, roof = layout(arrows, houses)
    width, height = max(right for _, right in walls.values()) + MARGIN, roof + TITLE_HEIGHT
    plt.rcParams |= {"svg.hashsalt": "handmesh_ros", "svg.fonttype": "none"}  # equal rooms give an equal file, and text stays text
    figure = plt.figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    for package, (left, right) in walls.items():
        colour, title = HOUSES[package]
        axes.add_patch(Rectangle((left, GROUND_HEIGHT), right - left, roof - GROUND_HEIGHT, fc=colour, ec="none", alpha=0.4, zorder=0))
        axes.text((left + right) / 2, roof + TITLE_HEIGHT / 2, title, ha="center", va="center", fontsize=13, weight="bold")
        for room in sorted(houses[package].keys() & places.keys()):
            _draw_box(axes, places[room], _label(package, room, houses[package][room]), colour)
    for upper, below in arrows.items():
        for lower in sorted(below):
            lazy = upper in houses["handmesh_ros"] and lower in houses["handmesh_training"]
            _draw_arrow(axes, f"{upper} to {lower}", places[upper], places[lower], lazy)
    ground = "every room may use  " + ",  ".join(f"{room}.py" for room in GROUND)
    axes.text(width / 2, GROUND_HEIGHT / 2, ground, ha="center", va="center", fontsize=11)
    figure.savefig(output, metadata={"Date": None})


def layout(arrows: dict[str, set[str]], houses: dict[str, dict[str, list[str]]]) -> tuple[Places, dict[str, tuple[float, float]], float]:
    """The middle of each room's box, left and right wall of each house, height of the picture: every room above all that it imports."""
    heights = floors({room: {lower: set() for lower in below} for room, below in arrows.items()})
    places: Places = {}
    walls: dict[str, tuple[float, float]] = {}
    left = MARGIN
    for house, rooms in houses.items():
        across = _spread([room for room in sorted(rooms) if room in heights], heights, arrows)
        first, last = min(across.values()), max(across.values())
        start = left + STEP_X / 2
        places |= {room: (start + x - first, GROUND_HEIGHT + (heights[room] + 0.5) * STEP_Y) for room, x in across.items()}
        walls[house] = left, start + last - first + STEP_X / 2
        left = walls[house][1] + MARGIN
    return places, walls, GROUND_HEIGHT + (max(heights.values()) + 1) * STEP_Y


def _spread(rooms: list[str], heights: dict[str, int], arrows: dict[str, set[str]]) -> dict[str, float]:
    """Where the rooms of a house stand from left to right: near those that they are joined to, no two of a floor nearer than STEP_X."""
    rows: dict[int, list[str]] = defaultdict(list)
    for room in rooms:
        rows[heights[room]].append(room)
    across = {room: STEP_X * (k - len(row) / 2) for row in rows.values() for k, room in enumerate(row)}
    joined = {room: [other for other in rooms if other in arrows[room] or room in arrows[other]] for room in rooms}
    for _ in range(ROUNDS):
        for row in rows.values():
            wanted = {
                room: sum(across[other] for other in joined[room]) / len(joined[room]) if joined[room] else across[room] for room in row
            }
            row.sort(key=wanted.__getitem__)
            shift = sum(wanted[room] - STEP_X * k for k, room in enumerate(row)) / len(row)
            crowded = any(wanted[b] - wanted[a] < STEP_X for a, b in pairwise(row))
            across |= {room: shift + STEP_X * k for k, room in enumerate(row)} if crowded else wanted
    return across


def _label(package: str, room: str, inside: list[str]) -> str:
    if (REPOSITORY / package / f"{room}.py").is_file():
        return f"{room}.py"
    shown = ["cli.py"] if room == "commands" else inside
    return f"{room}/" + (f"\n{', '.join(shown)}" if shown else "")


def _draw_box(axes: Axes, middle: tuple[float, float], text: str, colour: str) -> None:
    x, y = middle
    box = FancyBboxPatch(
        (x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2), BOX_WIDTH, BOX_HEIGHT, boxstyle="round,pad=0.02", fc=colour, ec="0.35", zorder=2
    )
    axes.add_patch(box)
    name, *inside = text.split("\n")
    axes.text(x, y + (0.09 if inside else 0), name, ha="center", va="center", fontsize=11, zorder=3)
    if inside:
        axes.text(x, y - 0.12, inside[0], ha="center", va="center", fontsize=8, color="0.3", zorder=3)


def _draw_arrow(axes: Axes, name: str, start: tuple[float, float], end: tuple[float, float], lazy: bool) -> None:
    """From the bottom of the upper box to the top of the lower one; dashed where the import waits until it is needed."""
    arrow = FancyArrowPatch(
        (start[0], start[1] - BOX_HEIGHT / 2), (end[0], end[1] + BOX_HEIGHT / 2), arrowstyle="-|>", mutation_scale=11,
        color="#b04a2f" if lazy else "0.45", linestyle="--" if lazy else "-", linewidth=1, zorder=1, shrinkA=0, shrinkB=2,
    )  # fmt: skip
    arrow.set_gid(name)
    axes.add_patch(arrow)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT)
