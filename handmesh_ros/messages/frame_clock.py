"""The time of a camera's frames: what their stamps say, and what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Callable

from handmesh_ros.errors import HandmeshError
from handmesh_ros.perception.tracking.records import TrackingParameters

# The first images may come before the first camera_info: DDS finds one topic after the other.
PATIENCE_S = 1.0
# What every node says that waits for its time.
CLOCK_MISSING = "use_sim_time is set, but no /clock comes: start the simulator, or the bag with --clock, or set use_sim_time to false"


class StampError(HandmeshError, ValueError):
    """The frame's stamp makes the frame useless; the message says why."""


class FrameClock:
    """Reads the stamps of one camera's frames.

    A stamp that goes back far is only reported here: that all hands are then found anew is the tracker's rule.

    Args:
        late_s: a frame at most so much older than the last one is refused; by default as the tracker does.
        now: the time of the node's clock, seconds; read only for frames without a stamp.
        warn: is told what is odd about stamps that can be used.
    """

    def __init__(self, now: Callable[[], float], warn: Callable[[str], None], late_s: float = TrackingParameters().late_s) -> None:
        self._now, self._warn, self._late_s = now, warn, late_s
        self._last_s: float | None = None
        self._first_came_s = math.inf

    def frame_came(self, came_s: float) -> None:
        """Note a frame's arrival by a steady clock, seconds."""
        self._first_came_s = min(self._first_came_s, came_s)

    def just_began(self, came_s: float) -> bool:
        """Whether the first frame came so short a time ago that other topics may still be on their way."""
        return came_s - self._first_came_s <= PATIENCE_S

    def time_of(self, stamp_s: float) -> float:
        """The frame's time in seconds: the stamp of its header, or for frames without one (0) the time of arrival.

        Raises:
            StampError: the frame before had the same stamp, or a little later one; or it has none, and the node's clock does not run.
        """
        last = self._last_s
        if stamp_s == 0.0:
            stamp_s = self._now()
            if stamp_s == 0.0:
                raise StampError(f"the images carry no stamp, and there is no time of arrival: {CLOCK_MISSING}")
            if stamp_s == last:
                raise StampError(
                    "the images carry no stamp, and the clock stands still, so their times are unknown: is the simulator paused?"
                )
            self._warn("the images carry no stamp: the camera driver should stamp them; taking the time of arrival for tracking")
        if last is not None and 0.0 < last - stamp_s <= self._late_s:
            raise StampError(
                f"an image came {1e3 * (last - stamp_s):.3g} ms after a newer one: it is left out. Does the driver reorder images?"
            )
        self._last_s = stamp_s
        if stamp_s == last:
            raise StampError("two images carry the same stamp: the second one is left out. Do two drivers publish on this topic?")
        if last is not None and stamp_s < last:
            self._warn(f"the images' stamps went back by {last - stamp_s:.3f} s (a looped bag?): all hands are found anew")
        return stamp_s
