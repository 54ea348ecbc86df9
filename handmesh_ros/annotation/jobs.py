"""Many clips over several processes of this machine, with what is done already left alone."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

import cv2

from handmesh_ros.annotation.clips import Clip, ClipResult, Counts, Settings, annotate_clip
from handmesh_ros.errors import HandmeshError

POLL_S = 0.2  # how often progress is told
_shared: Any = None  # the counts of all processes, one after the other, and whether to stop; set in each of them


class WorkerDiedError(HandmeshError, RuntimeError):
    """A process was killed; the message says how to go on."""


class _StoppedError(HandmeshError):
    """The command was stopped, and so is this process."""


def annotate_all(clips: Sequence[Clip], settings: Settings, processes: int, tell: Callable[[Counts, ClipResult | None], None]) -> None:
    """Annotate clips; one that fails does not keep the others from being done. Ctrl-C leaves those that are being done undone.

    Args:
        tell: is called now and then with what is done so far, and with a result when a clip has one.

    Raises:
        WorkerDiedError: a process was killed, by lack of memory or by somebody.
    """
    context = multiprocessing.get_context("spawn")  # forked, ONNX Runtime's threads would be missing
    shared = context.Array("q", len(Counts()) + 1)

    def so_far() -> Counts:
        return Counts(*shared[:-1])

    with ProcessPoolExecutor(max(1, min(processes, len(clips))), context, _begin, (shared,)) as pool:
        with _deaf_to_ctrl_c():
            waiting: set[Future[ClipResult]] = {pool.submit(_annotated, clip, settings) for clip in clips}
        try:
            while waiting:
                finished, waiting = wait(waiting, POLL_S, FIRST_COMPLETED)
                tell(so_far(), None)
                for future in finished:
                    tell(so_far(), future.result())
        except BrokenProcessPool as error:
            message = "a process of its own died, perhaps for want of memory; the same command again goes on with what is left"
            raise WorkerDiedError(message) from error
        finally:
            shared[-1] = True
            pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes that are started here stay so. Ctrl-C reaches all of a terminal; these are told to stop."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin(shared: Any) -> None:
    global _shared
    _shared = shared
    cv2.setNumThreads(1)  # there is a process for every core


def _annotated(clip: Clip, settings: Settings) -> ClipResult:
    before = Counts()

    def count(counts: Counts) -> None:
        nonlocal before
        with _shared.get_lock():
            for place, (now, then) in enumerate(zip(counts, before, strict=True)):
                _shared[place] += now - then
            stop = _shared[-1]
        before = counts
        if stop:
            raise _StoppedError("stopped")

    try:
        count(before)  # before anything is loaded
        return annotate_clip(clip, settings, count)
    except (HandmeshError, OSError) as error:
        return ClipResult(clip.path, clip.out, failure=str(error))
