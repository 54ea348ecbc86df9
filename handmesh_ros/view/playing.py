"""Frames of a source through the pipeline to the page, without ROS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue

from handmesh_ros.cameras import InputCamera
from handmesh_ros.errors import HandmeshError, InputError
from handmesh_ros.overlay import draw_hands
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.perception.pipeline import HandPipeline
from handmesh_ros.provision import model_path
from handmesh_ros.sources import Frame, FrameSource, nothing_read
from handmesh_ros.sources.pace import Pace
from handmesh_ros.view.page import Page, ShownFrame
from handmesh_ros.view.requests import Answer, LoadModel, PageRequest, Smooth, TakeSide, TakeSize

SINGLE_PERIOD_S = 0.5  # a picture is looked at anew so often: buttons change what is seen in it


class PipelineDesk:
    """Takes the page's requests, which come from other threads, and carries them out between two frames."""

    def __init__(self, pipeline: HandPipeline, threads: int) -> None:
        self._pipeline, self._threads = pipeline, threads
        self._waiting: SimpleQueue[tuple[PageRequest, Answer]] = SimpleQueue()

    def ask(self, request: PageRequest, answer: Answer) -> None:
        self._waiting.put((request, answer))

    def work(self) -> None:
        """Carry out what waits, in the pipeline's thread."""
        while True:
            try:
                request, answer = self._waiting.get_nowait()
            except Empty:
                return
            try:
                answer(self._done(request))
            except HandmeshError as error:
                answer(f"refused: {error}")

    def _done(self, request: PageRequest) -> str:
        pipeline = self._pipeline
        match request:
            case TakeSide(side):
                pipeline.set_parameters(replace(pipeline.parameters, side=side))
            case LoadModel(name):
                pipeline.use_network(MeshNetwork(model_path(name), self._threads))
            case Smooth(enabled):
                pipeline.set_parameters(replace(pipeline.parameters, estimator=replace(pipeline.parameters.estimator, enabled=enabled)))
            case TakeSize(size_m):
                pipeline.sizes.set(size_m)
            case _:
                raise InputError(f"{type(request).__name__} is for a page beside the node")
        return request.done


def paced(source: FrameSource) -> Iterator[Frame]:
    """Frames when they are due. A recording begins anew after its end; a slow machine plays it slowly, and a camera just goes on.

    Raises:
        SourceError: the input cannot be read any more.
        InputError: there is no frame in it.
    """
    while True:
        pace, last_s = Pace(), None
        for frame in source:
            if not source.is_live:
                now_s = time.perf_counter()
                time.sleep(pace.due_s(0.0 if last_s is None else frame.stamp_s - last_s, now_s) - now_s)
            last_s = frame.stamp_s
            yield frame
        if last_s is None:
            raise InputError(nothing_read(source.name, source.left_out))
        time.sleep(SINGLE_PERIOD_S if source.is_single else 1 / source.rate)


def show_source(source: FrameSource, input_camera: InputCamera, pipeline: HandPipeline, page: Page, desk: PipelineDesk) -> None:
    """Until Ctrl-C, or until a camera ends.

    Raises:
        HandmeshError: the input cannot be read any more, or the calibration is of another picture size.
    """
    for frame in paced(source):
        begin = time.perf_counter()
        desk.work()
        camera = input_camera.of_frame(frame.rgb, frame.camera)
        hands = pipeline.process_single(frame.rgb, camera) if source.is_single else pipeline.process(frame.rgb, camera, frame.stamp_s)
        latency_s = time.time() - frame.stamp_s if source.is_live else time.perf_counter() - begin
        faces = pipeline.faces
        picture = partial(draw_hands, frame.rgb, hands, camera, faces)
        page.show(ShownFrame(picture, hands, faces, frame.stamp_s, latency_s))
