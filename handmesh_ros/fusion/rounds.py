"""When to fuse: once the cameras' frames lie as near together as they can, and no later than one of them speaks again."""

from __future__ import annotations

import math

SILENT_S = 0.2  # six frames at 30 Hz: a camera that is behind by more is not waited for
SLACK = 1.05  # of a frame's time, for stamps that are not quite even
WENT_BACK_S = 1.0  # a clock that goes back by more begins anew (a recording that is repeated)


class Rounds:
    """Cameras of any rate and phase; the stamps that it gives go up."""

    def __init__(self) -> None:
        self.newest_s: dict[str, float] = {}
        self._periods_s: dict[str, float] = {}
        self._heard: set[str] = set()
        self._last_s = -math.inf

    def went_back(self, camera: str, stamp_s: float) -> bool:
        """Whether a camera's clock has begun anew, so that all must."""
        return stamp_s < self.newest_s.get(camera, -math.inf) - WENT_BACK_S

    def is_late(self, camera: str, stamp_s: float) -> bool:
        """Whether a frame is none that follows on its camera's last one."""
        return stamp_s <= self.newest_s.get(camera, -math.inf)

    def hear(self, camera: str, stamp_s: float) -> float | None:
        """A camera's next frame: the time to fuse at, the newest stamp of all; None: wait for the others."""
        again = camera in self._heard
        self._heard.add(camera)
        self._periods_s[camera] = stamp_s - self.newest_s.get(camera, stamp_s)
        self.newest_s[camera] = stamp_s
        newest = max(self.newest_s.values())
        if not (again or self._is_complete(newest)) or newest <= self._last_s:
            return None
        self._heard.clear()
        self._last_s = newest
        return newest

    def _is_complete(self, newest_s: float) -> bool:
        """Whether every camera was heard whose next frame would not come sooner after the others' than its last one came before them: of n
        cameras the frames lie within (n - 1) / n of a frame's time, if one begins to count at the right one."""
        ages_s = {name: newest_s - last for name, last in self.newest_s.items() if newest_s - last <= SILENT_S}
        share = SLACK * (len(ages_s) - 1) / len(ages_s)
        return all(name in self._heard and age <= share * self._periods_s[name] for name, age in ages_s.items())
