"""All that is tried, by name."""

from __future__ import annotations

from handmesh_ros.bench.fuzz.file_targets import FILE_TARGETS
from handmesh_ros.bench.fuzz.message_targets import MESSAGE_TARGETS
from handmesh_ros.bench.fuzz.model_targets import MODEL_TARGETS
from handmesh_ros.bench.fuzz.trial import FuzzTarget

TARGETS = {target.name: target for target in (*MESSAGE_TARGETS, *FILE_TARGETS, *MODEL_TARGETS)}


def target_named(name: str) -> FuzzTarget:
    """The target of a name; what other processes find theirs by."""
    return TARGETS[name]
