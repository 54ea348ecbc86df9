"""Frames at their time, and what the page asks for carried out between them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.tiny_mesh_network import write_tiny_mesh_network

from handmesh_ros.errors import InputError
from handmesh_ros.hand import Side
from handmesh_ros.perception import HandPipeline
from handmesh_ros.provision import ModelError
from handmesh_ros.sources import Frame, FrameSource, LeftOut
from handmesh_ros.view.playing import PipelineDesk, paced
from handmesh_ros.view.requests import Engage, LoadModel, PageRequest, Smooth, TakeSide, TakeSize


class Recording(FrameSource):
    """So many gray frames, 20 ms apart."""

    rate = 50.0

    def __init__(self, count: int, first_s: float = 0.0) -> None:
        super().__init__("recording")
        self._count, self._first_s = count, first_s

    def _frames(self) -> Iterator[Frame]:
        if not self._count:
            self.left_out.append(LeftOut("frame 0", "damaged"))
        for number in range(self._count):
            yield Frame(number, self._first_s + number / self.rate, np.zeros((4, 4, 3), np.uint8))


@pytest.mark.parametrize("first_s", [0.0, 1.7e9], ids=["from 0", "since 1970"])
def test_a_recording_takes_its_time_and_begins_anew(first_s: float) -> None:
    begin = time.perf_counter()
    numbers = [frame.number for frame in itertools.islice(paced(Recording(4, first_s)), 8)]
    assert numbers == [0, 1, 2, 3] * 2
    assert time.perf_counter() - begin > 0.95 * 7 / 50


def test_what_came_late_is_not_made_up_for() -> None:
    frames = paced(Recording(4))
    next(frames)
    time.sleep(0.1)  # the frame took long
    next(frames)
    begin = time.perf_counter()
    next(frames)
    assert time.perf_counter() - begin > 0.5 / 50


def test_an_input_without_frames_is_told() -> None:
    with pytest.raises(InputError, match=r"recording: no frame could be read\n.*damaged: frame 0"):
        next(paced(Recording(0)))


@pytest.fixture
def pipeline(tmp_path: Path) -> HandPipeline:
    try:
        return HandPipeline.load(write_tiny_mesh_network(tmp_path / "tiny.onnx"))
    except ModelError as error:
        pytest.skip(str(error))


def answers(pipeline: HandPipeline, *requests: PageRequest) -> list[str]:
    desk = PipelineDesk(pipeline, threads=1)
    found: list[str] = []
    for request in requests:
        desk.ask(request, found.append)
    assert found == [], "nothing is done before the pipeline's thread has time for it"
    desk.work()
    return found


def test_what_the_page_asks_for_is_done(pipeline: HandPipeline, tmp_path: Path) -> None:
    other = write_tiny_mesh_network(tmp_path / "other.onnx", score=None)
    network = pipeline.network
    texts = answers(pipeline, TakeSide(Side.LEFT), Smooth(False), TakeSize(0.085), LoadModel(str(other)))
    assert pipeline.parameters.side is Side.LEFT and not pipeline.parameters.estimator.enabled
    assert pipeline.sizes.of(Side.LEFT).size_m == pipeline.sizes.of(Side.RIGHT).size_m == 0.085
    assert pipeline.network is not network
    assert "left" in texts[0] and "measured" in texts[1] and "85 mm" in texts[2]
    assert answers(pipeline, TakeSide(None), Smooth(True)) and pipeline.parameters.side is None and pipeline.parameters.estimator.enabled


def test_what_cannot_be_is_refused_with_its_reason(pipeline: HandPipeline) -> None:
    network = pipeline.network
    texts = answers(pipeline, TakeSize(0.5), LoadModel("no_such_model"), Engage(Side.LEFT, True))
    assert all(text.startswith("refused: ") for text in texts)
    assert "0.5 m" in texts[0] and "no_such_model" in texts[1] and "node" in texts[2]
    assert pipeline.network is network
