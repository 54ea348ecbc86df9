"""Show hands live in a browser: the picture, the mesh in space to turn around, curves, and buttons. Without ROS."""

from __future__ import annotations

import argparse
from contextlib import ExitStack

from handmesh_ros.cameras import InputCamera
from handmesh_ros.files import clip_file
from handmesh_ros.options import add_camera_options, add_network_options
from handmesh_ros.perception.parameters import PipelineParameters
from handmesh_ros.perception.pipeline import HandPipeline
from handmesh_ros.recordings.recognition import open_input
from handmesh_ros.summary import Summary
from handmesh_ros.view.buttons import Buttons, mesh_models
from handmesh_ros.view.page import Page
from handmesh_ros.view.playing import PipelineDesk, show_source
from handmesh_ros.view.server import DEFAULT_PORT, address_of, start_server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input", nargs="?", metavar="INPUT", help="video, folder, picture, ROS recording or camera index; default: our own clip"
    )
    parser.add_argument("--topic", help="the images of a ROS recording, where it has several")
    add_camera_options(parser)
    add_network_options(parser)
    parser.add_argument("--threads", type=int, default=1, help="threads of the networks")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="of the page")
    parser.add_argument("--host", default="127.0.0.1", help="address to serve at; 0.0.0.0: everybody on the network sees and steers it")


def main(arguments: argparse.Namespace) -> Summary:
    own_clip = arguments.input is None
    clip, calibration = (clip_file("demo.mp4"), clip_file("demo_camera.yaml")) if own_clip else (arguments.input, arguments.camera)
    input_camera = InputCamera.read(calibration, arguments.hfov)
    with ExitStack() as stack:
        source = open_input(str(clip), arguments.topic)
        stack.callback(source.close)
        pipeline = HandPipeline.load(arguments.model, PipelineParameters.with_max_hands(arguments.max_hands), arguments.threads)
        server = start_server(arguments.host, arguments.port)
        stack.callback(server.stop)
        desk = PipelineDesk(pipeline, arguments.threads)
        page = Page(server, Buttons(desk.ask, mesh_models(arguments.model), beside_node=False))
        print(f"{address_of(arguments.host, arguments.port)}   (Ctrl-C ends it)", flush=True)
        show_source(source, input_camera, pipeline, page, desk)
    return Summary("", {"input": str(clip)})
