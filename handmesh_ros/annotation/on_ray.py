"""The same clips by Ray Data: an engine that spreads work over machines, retries it and asks for no more than a stateless worker."""

from __future__ import annotations

from collections.abc import Sequence

from handmesh_ros.annotation.clips import Clip, ClipResult, Settings, annotate_row, row_of


def annotate_on_ray(clips: Sequence[Clip], settings: Settings) -> list[ClipResult]:
    """Annotate clips on the Ray cluster of this process (``RAY_ADDRESS``, else one of this machine); one core a clip.

    A worker that is killed leaves its clip undone, and Ray does it again elsewhere, by its own default as often as it takes. Paths must
    mean the same on every machine.

    Raises:
        ModuleNotFoundError: Ray is not installed.
    """
    import ray.data

    rows = ray.data.from_items([row_of(clip, settings) for clip in clips], override_num_blocks=len(clips))
    done = rows.map(annotate_row, num_cpus=1).take_all()
    return sorted((ClipResult(**row) for row in done), key=lambda result: result.out)
