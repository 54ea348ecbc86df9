"""Many clips over several processes of this machine, with what is done already left alone."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.sharedctypes import Synchronized
from typing import Any

import cv2

from handmesh_ros.annotation.clips import Clip, ClipResult, Settings, annotate_clip
from handmesh_ros.errors import HandmeshError

POLL_S = 0.2  # how often progress is told
_done: Synchronized[int] | None = None  # frames, of all processes; set in each of them


class WorkerDiedError(HandmeshError, RuntimeError):
    """A process was killed; the message says how to go on."""


def annotate_all(clips: Sequence[Clip], settings: Settings, processes: int, tell: Callable[[int, ClipResult | None], None]) -> None:
    """Annotate clips; one that fails does not keep the others from being done.

    Args:
        tell: is called with the number of further frames done since the last call, and with a result when a clip has one.

    Raises:
        WorkerDiedError: a process was killed, by lack of memory or by somebody.
    """
    context = multiprocessing.get_context("spawn")  # forked, ONNX Runtime's threads would be missing
    counter: Synchronized[int] = context.Value("q", 0)
    told = 0

    def further() -> int:
        nonlocal told
        before, told = told, counter.value
        return told - before

    with ProcessPoolExecutor(max(1, min(processes, len(clips))), context, _begin, (counter,)) as pool:
        waiting: set[Future[ClipResult]] = {pool.submit(_annotated, clip, settings) for clip in clips}
        try:
            while waiting:
                finished, waiting = wait(waiting, POLL_S, FIRST_COMPLETED)
                tell(further(), None)
                for future in finished:
                    tell(further(), future.result())
        except BrokenProcessPool as error:
            message = "a process of its own died, perhaps for want of memory; the same command again goes on with what is left"
            raise WorkerDiedError(message) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin(counter: Any) -> None:
    global _done
    _done = counter
    cv2.setNumThreads(1)  # there is a process for every core


def _annotated(clip: Clip, settings: Settings) -> ClipResult:
    try:
        return annotate_clip(clip, settings, _count)
    except (HandmeshError, OSError) as error:
        return ClipResult(clip.path, clip.out, failure=str(error))


def _count(frames: int) -> None:
    assert _done is not None
    with _done.get_lock():
        _done.value += frames
