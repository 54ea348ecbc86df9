"""One clip, annotated: a function without memory, for a process of its own or a worker of a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from handmesh_ros.annotation.episodes import EpisodePart, EpisodeSource
from handmesh_ros.cameras import InputCamera
from handmesh_ros.errors import HandmeshError, InputError
from handmesh_ros.outputs import LinesWriter
from handmesh_ros.perception.detect import PalmDetector
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.perception.parameters import PipelineParameters
from handmesh_ros.perception.pipeline import HandPipeline
from handmesh_ros.provision import DEFAULT_MODEL, model_path
from handmesh_ros.recordings.recognition import is_bag, open_input
from handmesh_ros.recordings.seen import MeshModel, SeenFrame
from handmesh_ros.records import frame_record
from handmesh_ros.sources import FrameSource, account, nothing_read

if TYPE_CHECKING:
    from handmesh_ros.recordings.annotated_bag import AnnotatedBag

TELL_EVERY = 10  # frames


@dataclass(frozen=True)
class Settings:
    """How clips are annotated.

    Attributes:
        model: name of a model, or an .onnx file.
        calibration: of the camera, as camera_calibration writes it; None: ``hfov_deg`` is assumed, and hands are not metric.
        max_hands: at once.
        mesh: whether hands have their vertices, too; in recordings of ROS they always have.
        topic: of the pictures in a recording of ROS; None: it has only one.
    """

    model: str = DEFAULT_MODEL
    calibration: str | None = None
    hfov_deg: float = 60.0
    max_hands: int = 2
    mesh: bool = False
    topic: str | None = None


@dataclass(frozen=True)
class Clip:
    """What is read and what is made of it.

    Attributes:
        path: a recording; its whole, or where ``episode`` says that it is only a part.
        out: the file of hands, as ``handmesh run --out`` writes it, or, of a recording of ROS, its copy with hands (.mcap). It exists
            only when the clip is done.
    """

    path: str
    out: str
    episode: EpisodePart | None = None


@dataclass(frozen=True)
class ClipResult:
    """What became of a clip.

    Attributes:
        frames, with_hand: seen, and those with a hand.
        left_out, account: how many parts of it gave no frame, and which for what reason, for people.
        uncalibrated: why frames came without a calibration; empty where all had one.
        done_before: whether an earlier run had done it.
        failure: why it failed; empty where it did not.
    """

    path: str
    out: str
    frames: int = 0
    with_hand: int = 0
    left_out: int = 0
    account: str = ""
    uncalibrated: str = ""
    done_before: bool = False
    failure: str = ""


class Counts(NamedTuple):
    """Frames, those of them with a hand, and parts of the input that were left out."""

    frames: int = 0
    with_hand: int = 0
    left_out: int = 0


def annotate_clip(clip: Clip, settings: Settings, tell: Callable[[Counts], None] = lambda _: None) -> ClipResult:
    """Annotate a clip, unless its file of hands is there already. That file appears whole or not at all, so whoever is killed in the
    middle leaves the clip undone, and it can be done again anywhere.

    Args:
        tell: is called now and then with what is done so far.

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
    counts, uncalibrated = Counts(), ""
    with closing(source_of(clip, settings)) as source, _written(out, source, pipeline, settings.mesh) as write:
        for frame in source:
            camera = input_camera.of_frame(frame.rgb, frame.camera)
            begin = time.perf_counter()
            hands = pipeline.process(frame.rgb, camera, frame.stamp_s)
            write(SeenFrame(frame, camera, hands, pipeline.raw_hands, time.perf_counter() - begin))
            uncalibrated = uncalibrated if camera.calibrated else source.uncalibrated
            counts = Counts(counts.frames + 1, counts.with_hand + bool(hands), len(source.left_out))
            if counts.frames % TELL_EVERY == 0:
                tell(counts)
        counts = counts._replace(left_out=len(source.left_out))
        if not counts.frames:
            raise InputError(nothing_read(clip.path, source.left_out))
        tell(counts)
        return ClipResult(clip.path, clip.out, *counts, account(source.left_out), uncalibrated)


@contextmanager
def _written(out: Path, source: FrameSource, pipeline: HandPipeline, mesh: bool) -> Iterator[Callable[[SeenFrame], None]]:
    """Takes each frame for the block; nothing is left of a block that fails."""
    output: AnnotatedBag | LinesWriter
    if out.suffix == ".mcap":
        from handmesh_ros.recordings.annotated_bag import AnnotatedBag
        from handmesh_ros.recordings.bag_source import BagSource  # needs rosbags, which other clips do without

        if not isinstance(source, BagSource):
            raise InputError(f"{source.name}: no recording of ROS, so {out} cannot be a copy of it")
        copy = AnnotatedBag(out, source, MeshModel(pipeline.model_name, pipeline.faces, pipeline.network.vertex_count))
        output, write = copy, copy.write
    else:
        lines = LinesWriter(out)
        output = lines

        def write(seen: SeenFrame) -> None:
            lines.write(frame_record(seen.frame.number, seen.frame.stamp_s, seen.hands, mesh))

    try:
        with output:
            yield write
    finally:
        if output.remains is not None:
            output.remains.unlink(missing_ok=True)


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


def source_of(clip: Clip, settings: Settings) -> FrameSource:
    """The clip's frames.

    Raises:
        HandmeshError: it cannot be read, or has no end.
    """
    if clip.episode is not None:
        return EpisodeSource(Path(clip.path), clip.episode)
    source = open_input(clip.path, settings.topic if is_bag(Path(clip.path)) else None)
    if source.is_live:
        source.close()
        raise InputError(f"{clip.path}: live, and so without an end; record it first")
    return source


@lru_cache(maxsize=1)
def _networks(model: str) -> tuple[MeshNetwork, PalmDetector]:
    """Loaded once a process: they remember nothing from frame to frame."""
    return MeshNetwork(model_path(model), 1), PalmDetector(model_path("palm_detection"), 1)
