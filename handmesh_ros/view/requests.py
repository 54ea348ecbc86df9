"""What a user asks for on the page. Who carries it out is told by one of these, and answers with a sentence.

``done`` is that sentence where nobody knows a better one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from handmesh_ros.hand import Side


@dataclass(frozen=True)
class TakeSide:
    """Take every hand for one of this side; None: tell by the picture."""

    side: Side | None

    @property
    def done(self) -> str:
        return "sides as the network sees them" if self.side is None else f"every hand is a {self.side.value} one"


@dataclass(frozen=True)
class LoadModel:
    """Take another mesh network, by its name."""

    name: str

    @property
    def done(self) -> str:
        return f"model {self.name}"


@dataclass(frozen=True)
class Smooth:
    """Estimate hands over time, or show them as measured."""

    enabled: bool

    @property
    def done(self) -> str:
        return "hands are estimated over time" if self.enabled else "hands as measured in each frame"


@dataclass(frozen=True)
class TakeSize:
    """Both hands measure so many metres from wrist to the middle finger's mcp."""

    size_m: float

    @property
    def done(self) -> str:
        return f"both hands: {1000 * self.size_m:.0f} mm from wrist to middle finger's mcp"


@dataclass(frozen=True)
class TakeDistance:
    """The only hand in the picture is now so many metres from the lens, along z."""

    distance_m: float


@dataclass(frozen=True)
class Engage:
    """Engage or release a side's clutch."""

    side: Side
    engaged: bool


PageRequest = TakeSide | LoadModel | Smooth | TakeSize | TakeDistance | Engage
Answer = Callable[[str], None]
# Called by the page in a thread of its own; the answer may be given at any time, from any thread.
Ask = Callable[[PageRequest, Answer], None]
