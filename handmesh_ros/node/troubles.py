"""Warnings that neither flood the log nor keep silent."""

from __future__ import annotations

import math
import re

REPEAT_S = 10.0


class Troubles:
    """Tells which warnings are due: each trouble at once when it comes, then every ten seconds while it lasts."""

    def __init__(self) -> None:
        self._told_s: dict[str, float] = {}

    def is_due(self, text: str, now_s: float) -> bool:
        """Whether to log this text now, by a steady clock; texts that differ in their numbers only are one trouble."""
        trouble = re.sub(r"\d+", "", text)
        if now_s - self._told_s.get(trouble, -math.inf) < REPEAT_S:
            return False
        self._told_s[trouble] = now_s
        return True
