"""Sentences of programs on a page that takes text for Markdown."""

from __future__ import annotations

import re


def plain_words(text: str) -> str:
    """Text whose signs stand for themselves: names such as ``~/left/clutch`` and ``<image>/compressed`` are shown as they are."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&$])", r"\\\1", text)
