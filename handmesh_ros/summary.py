"""What a command has to tell at its end: text for people, the same figures for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Summary:
    """How a command ended.

    Attributes:
        text: for people, without the last line break.
        figures: for programs; units are in the names.
        errors: what was not well though the command went to its end; for people, too.
        is_result: whether the text is what was asked for, such as a table, and not only an account of it: ``--quiet`` leaves that.
    """

    text: str
    figures: Mapping[str, Any]
    errors: Sequence[str] = ()
    is_result: bool = False

    def json(self) -> str:
        """The figures as one JSON object; what is no finite number is null."""
        return json.dumps(_plain(self.figures), ensure_ascii=False, indent=1)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int) else str(value)
