"""When the frames of a recording are due."""

from __future__ import annotations

MAX_GAP_S = 10.0  # a longer one in a recording is a fault of its times


class Pace:
    """In the recording's own time, but never in a hurry: what came late is not made up for, as by a camera that was late."""

    def __init__(self) -> None:
        self._due_s: float | None = None

    def due_s(self, gap_s: float, now_s: float) -> float:
        """When the next frame is due, by the clock that says ``now_s``, which may go back.

        Args:
            gap_s: between the last frame's stamp and its own; for the first frame 0.
        """
        gap_s = min(max(gap_s, 0.0), MAX_GAP_S)
        due_s = (now_s if self._due_s is None else self._due_s) + gap_s
        self._due_s = min(max(due_s, now_s), now_s + gap_s)
        return self._due_s
