"""How large a hand is: the one number that a single camera cannot see. 10 % wrong size is 10 % wrong depth.

The size is the distance wrist -> middle finger's mcp, metres. Without calibration it is that of an average adult, with the spread
of adults as its uncertainty. Hand length (crease of the wrist to the middle finger's tip) is 189 mm on average in ANSUR II (Gordon
et al. 2014, NATICK/TR-15/007, 6068 people, two thirds men): about 193 mm (sd 10) for men and 181 mm (sd 10; 5th percentile 165) for
women, so 187 mm (sd 12, 6 %) for as many of either. Wrist -> middle mcp is 0.43 of it in this project's template, where a joint is
what bones turn about: the mcp the middle of the metacarpal's head, the wrist the head of the capitate, a few millimetres beyond the
crease (from the crease it is 0.446: Buchholz, Armstrong and Goldstein 1992). Neither can be felt from outside, so a ruler measures the
hand's length, of which ``SIZE_OF_LENGTH`` is the size. Where exactly a network puts the two joints adds another 5 %.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handmesh_ros.errors import HandmeshError
from handmesh_ros.hand import Side
from handmesh_ros.provision.fetch import write_atomically
from handmesh_ros.yaml_files import YamlFileError, read_yaml

SIZE_OF_LENGTH = 0.43  # of the template's mean hand
ADULT_LENGTH_M = 0.187
ADULT_SIZE_M = round(SIZE_OF_LENGTH * ADULT_LENGTH_M, 3)
ADULT_RELATIVE_SIGMA = 0.08  # 6 % and 5 %
SMALLEST_M, LARGEST_M = 0.04, 0.15  # a child of two years, and beyond the largest adult

# What no number of measurements takes away: where exactly the network puts wrist and knuckle.
SYSTEMATIC_RELATIVE_SIGMA = 0.01
# One measurement: 9 mm of depth at 0.6 m, and the reference distance's own error.
SAMPLE_RELATIVE_SIGMA = 0.03
# A person's two hands differ by this much.
OTHER_HAND_RELATIVE_SIGMA = 0.015
SAMPLES_KEPT = 90


class HandSizeError(HandmeshError, ValueError):
    """A size or a size file that cannot be; the message says what is wrong."""


@dataclass(frozen=True)
class HandSize:
    """Wrist -> middle mcp.

    Attributes:
        size_m: metres.
        relative_sigma: its standard deviation, as a share of it.

    Raises:
        HandSizeError: no hand is that large or small, or a sigma that is no share.
    """

    size_m: float = ADULT_SIZE_M
    relative_sigma: float = ADULT_RELATIVE_SIGMA

    def __post_init__(self) -> None:
        if not SMALLEST_M <= self.size_m <= LARGEST_M:
            raise HandSizeError(
                f"a hand size of {self.size_m:g} m; wrist to middle finger's mcp is between {SMALLEST_M:g} and {LARGEST_M:g} m"
            )
        if not 0 <= self.relative_sigma <= 1:
            raise HandSizeError(f"a relative uncertainty of {self.relative_sigma:g}; expected 0 to 1")


class HandSizes:
    """The sizes of a person's two hands: given, measured, or the default's.

    Args:
        default: for a side of which nothing is known.
    """

    def __init__(self, default: HandSize | None = None) -> None:
        self.default = default or HandSize()
        self._given: dict[Side, HandSize] = {}
        self._samples: dict[Side, deque[float]] = {}

    def of(self, side: Side) -> HandSize:
        """The best size known: the side's own, else the other hand's, else the default."""
        own = self._known(side)
        if own is not None:
            return own
        other = self._known(side.other)
        if other is not None:
            return HandSize(other.size_m, math.hypot(other.relative_sigma, OTHER_HAND_RELATIVE_SIGMA))
        return self.default

    def describe(self, side: Side) -> str:
        """The size in use, for people, in millimetres."""
        size = self.of(side)
        text = f"{1000 * size.size_m:.1f} +- {1000 * size.size_m * size.relative_sigma:.1f}"
        return text if size is not self.default else f"{text} (an average adult's)"

    def set(self, size_m: float, side: Side | None = None, relative_sigma: float = 0.02) -> None:
        """Take a size as given (a ruler: 2 %), for one side or both; measurements of it so far are forgotten.

        Raises:
            HandSizeError: no hand is that large or small.
        """
        given = HandSize(size_m, relative_sigma)
        for each in Side if side is None else (side,):
            self._given[each] = given
            self._samples.pop(each, None)

    def observe(self, side: Side, size_m: float) -> HandSize:
        """Add one measurement of the size; the median of the last 90 counts.

        Raises:
            HandSizeError: no hand is that large or small; the measurement is left out.
        """
        HandSize(size_m)
        self._given.pop(side, None)
        self._samples.setdefault(side, deque(maxlen=SAMPLES_KEPT)).append(math.log(size_m))
        return self.of(side)

    def observe_depth(self, side: Side, assumed_m: float, placed_depth_m: float, true_depth_m: float) -> HandSize:
        """Learn the size from a known distance: a depth image, or a hand held beside an object of known place.

        Args:
            assumed_m: the size that the hand was placed with (``Hand.size_m``).
            placed_depth_m: z of the wrist as placed with that size (``Hand.joints[0, 2]``, unsmoothed is best).
            true_depth_m: z of the wrist in the camera frame.

        Raises:
            HandSizeError: distances that are not positive, or a size that no hand has.
        """
        if not (placed_depth_m > 0 and true_depth_m > 0 and math.isfinite(placed_depth_m + true_depth_m)):
            raise HandSizeError(f"distances must be positive, got {placed_depth_m:g} m as placed and {true_depth_m:g} m as known")
        return self.observe(side, assumed_m * true_depth_m / placed_depth_m)

    def reset(self, side: Side | None = None) -> None:
        """Back to the default, for one side or both."""
        for each in Side if side is None else (side,):
            self._given.pop(each, None)
            self._samples.pop(each, None)

    def save(self, path: str | Path) -> None:
        """Write the sizes known (not the default) as YAML that people can read.

        Raises:
            HandSizeError: there is a file of this name that holds something else; it is left alone.
            OSError: it cannot be written; a file that is there stays as it is.
        """
        path = Path(path).resolve()  # a link stays one
        if path.exists():
            _sizes_in(path)
        lines = ["# Hand sizes of handmesh_ros: wrist to middle finger's mcp, metres, and relative standard deviation"]
        for side in Side:
            known = self._known(side)
            if known is not None:
                lines.append(f"{side.value}: {{size_m: {known.size_m:.5f}, relative_sigma: {known.relative_sigma:.4f}}}")
        write_atomically(path, ("\n".join(lines) + "\n").encode())

    def load(self, path: str | Path) -> None:
        """Take the sizes of a file that ``save`` wrote, as given.

        Raises:
            HandSizeError: the file is missing or holds no hand sizes; nothing has changed then.
        """
        sizes = _sizes_in(Path(path))
        self.reset()
        self._given.update(sizes)

    def _known(self, side: Side) -> HandSize | None:
        if side in self._given:
            return self._given[side]
        if side not in self._samples:
            return None
        logs = np.array(self._samples[side])
        median = float(np.median(logs))
        spread = max(1.4826 * float(np.median(np.abs(logs - median))), SAMPLE_RELATIVE_SIGMA)
        # 1.25: a median is that much less precise than a mean.
        sigma = math.hypot(1.25 * spread / math.sqrt(len(logs)), SYSTEMATIC_RELATIVE_SIGMA)
        return HandSize(math.exp(median), sigma)


def _sizes_in(path: Path) -> dict[Side, HandSize]:
    try:
        content = read_yaml(path)
    except YamlFileError as error:
        raise HandSizeError(str(error)) from error
    try:
        if not isinstance(content or {}, Mapping):
            raise TypeError(f"expected left: and right:, found {type(content).__name__}")
        return {Side(key): HandSize(float(v["size_m"]), float(v["relative_sigma"])) for key, v in (content or {}).items()}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise HandSizeError(f"{path}: holds no hand sizes ({error}); give another file's name, or delete it and calibrate again") from error
