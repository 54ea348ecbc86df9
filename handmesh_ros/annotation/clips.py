"""One clip, annotated: a function without memory, for a process of its own or a worker of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from handmesh_ros.annotation.episodes import EpisodePart, episode_frames
from handmesh_ros.cameras import InputCamera
from handmesh_ros.errors import HandmeshError, InputError
from handmesh_ros.outputs import LinesWriter
from handmesh_ros.perception.detect import PalmDetector
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.perception.parameters import PipelineParameters
from handmesh_ros.perception.pipeline import HandPipeline
from handmesh_ros.provision import DEFAULT_MODEL, model_path
from handmesh_ros.records import frame_record
from handmesh_ros.sources import Frame, open_source

TELL_EVERY = 10  # frames


@dataclass(frozen=True)
class Settings:
    """How clips are annotated.

    Attributes:
        model: name of a model, or an .onnx file.
        calibration: of the camera, as camera_calibration writes it; None: ``hfov_deg`` is assumed, and hands are not metric.
        max_hands: at once.
        mesh: whether hands have their vertices, too.
    """

    model: str = DEFAULT_MODEL
    calibration: str | None = None
    hfov_deg: float = 60.0
    max_hands: int = 2
    mesh: bool = False


@dataclass(frozen=True)
class Clip:
    """What is read and what is made of it.

    Attributes:
        path: a recording; its whole, or where ``episode`` says that it is only a part.
        out: the file of hands, as ``handmesh run --out`` writes it. It exists only when the clip is done.
    """

    path: str
    out: str
    episode: EpisodePart | None = None


@dataclass(frozen=True)
class ClipResult:
    """What became of a clip: frames seen, frames with a hand; whether an earlier run had done it; why it failed, if it did."""

    path: str
    out: str
    frames: int = 0
    with_hand: int = 0
    done_before: bool = False
    failure: str = ""


def annotate_clip(clip: Clip, settings: Settings, tell: Callable[[int], None] | None = None) -> ClipResult:
    """Annotate a clip, unless its file of hands is there already. That file appears whole or not at all, so whoever is killed in the
    middle leaves the clip undone, and it can be done again anywhere.

    Args:
        tell: is called now and then with the number of further frames that are done.

    Raises:
        HandmeshError: the clip, its calibration or the model cannot be read.
        OSError: so says the machine.
    """
    out = Path(clip.out)
    if out.exists():
        return ClipResult(clip.path, clip.out, done_before=True)
    for remains in out.parent.glob(f"{out.stem}.part-*{out.suffix}"):
        remains.unlink(missing_ok=True)  # of a worker that was killed
    calibration = None if settings.calibration is None else Path(settings.calibration)
    input_camera = InputCamera.read(calibration, settings.hfov_deg)
    pipeline = HandPipeline(*_networks(settings.model), PipelineParameters.with_max_hands(settings.max_hands))
    result, told = ClipResult(clip.path, clip.out), 0
    with LinesWriter(out) as lines:
        for frame in _frames(clip):
            hands = pipeline.process(frame.rgb, input_camera.of_frame(frame.rgb, frame.camera), frame.stamp_s)
            lines.write(frame_record(frame.number, frame.stamp_s, hands, settings.mesh))
            result = replace(result, frames=result.frames + 1, with_hand=result.with_hand + bool(hands))
            if tell is not None and result.frames - told >= TELL_EVERY:
                tell(result.frames - told)
                told = result.frames
        if result.frames == 0:
            raise InputError(f"{clip.path}: no frame could be read")
    if tell is not None:
        tell(result.frames - told)
    return result


def annotate_row(row: dict[str, Any]) -> dict[str, Any]:
    """``annotate_clip`` for engines that hand rows of plain values to stateless workers (Ray Data's and Daft's ``map``).

    Args:
        row: as ``row_of`` makes it.

    Returns: a ``ClipResult`` as a row; of a clip that cannot be read with its ``failure``, so that it does not end the others.
    """
    episode = None if row["episode"] is None else EpisodePart(**row["episode"])
    clip = Clip(row["path"], row["out"], episode)
    try:
        return asdict(annotate_clip(clip, Settings(**row["settings"])))
    except (HandmeshError, OSError) as error:
        return asdict(ClipResult(clip.path, clip.out, failure=str(error)))


def row_of(clip: Clip, settings: Settings) -> dict[str, Any]:
    """A clip with its settings as plain values."""
    return asdict(clip) | {"settings": asdict(settings)}


def _frames(clip: Clip) -> Iterator[Frame]:
    if clip.episode is not None:
        yield from episode_frames(Path(clip.path), clip.episode)
        return
    source = open_source(clip.path)
    try:
        if source.is_live:
            raise InputError(f"{clip.path}: live, and so without an end; record it first")
        yield from source
    finally:
        source.close()


@lru_cache(maxsize=1)
def _networks(model: str) -> tuple[MeshNetwork, PalmDetector]:
    """Loaded once a process: they remember nothing from frame to frame."""
    return MeshNetwork(model_path(model), 1), PalmDetector(model_path("palm_detection"), 1)
