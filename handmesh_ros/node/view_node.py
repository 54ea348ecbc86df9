"""The page in the browser beside a hand node: shows its hands and calls its services.

``ros2 run handmesh_ros view_node``, then open http://localhost:8080
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rclpy.node import Node

from handmesh_ros.hand import Side
from handmesh_ros.node.frame_topics import FrameTopics, shown_frame
from handmesh_ros.node.hand_node_desk import HandNodeDesk
from handmesh_ros.node.hand_node_state import HandNodeState
from handmesh_ros.node.joining import JoinedFrame
from handmesh_ros.node.parameter_table import ParameterTable, parameter
from handmesh_ros.node.process import freeze_objects, spin
from handmesh_ros.node.sim_time import steady_clock
from handmesh_ros.provision import DEFAULT_MODEL
from handmesh_ros.view.buttons import Buttons, mesh_models
from handmesh_ros.view.page import WAITING, Page
from handmesh_ros.view.server import DEFAULT_PORT, LAST_PORT, address_of, start_server

PERIOD_S = 0.5  # chosen by hand: who opens the page waits so long for frames at most
WITHOUT_HANDS_S = 2.0  # chosen by hand: long enough for a model to load


@dataclass(frozen=True)
class ViewParameters(ParameterTable):
    """The view node's."""

    port: int = parameter(DEFAULT_PORT, "of the page; 0: any that is free", low=0, high=LAST_PORT, read_only=True)
    host: str = parameter(
        "127.0.0.1",
        "address to serve at; 0.0.0.0: everybody on the network sees the hands and may press the buttons, the clutches' among them",
        required=True,
        read_only=True,
    )
    hand_node: str = parameter(
        "hand_node", "name of the hand node, whose topics are in this node's namespace", required=True, read_only=True
    )


class ViewNode(Node):
    """Wiring only; the page is one for all browsers.

    Raises:
        HandmeshError: a parameter is not usable, viser is missing, or the port is another program's.
    """

    def __init__(self) -> None:
        super().__init__("view_node")
        given = ViewParameters.declared_on(self)
        server = start_server(given.host, given.port)
        self._desk = HandNodeDesk(self, given.hand_node, self._show_settings)
        self._buttons = Buttons(self._desk.ask, mesh_models(DEFAULT_MODEL), beside_node=True)
        self._page = Page(server, self._buttons)
        self._state = HandNodeState(self, self._desk.hand_node, self._desk.read_settings, self._buttons.show_clutch)
        self._topics: FrameTopics | None = None  # while somebody looks
        self.create_timer(PERIOD_S, self._look_after, clock=steady_clock())
        freeze_objects()
        self.get_logger().info(f"ready: {address_of(given.host, server.get_port())} shows the hands of {self._desk.hand_node}")

    def destroy_node(self) -> None:
        self._page.close()
        super().destroy_node()

    def _show_settings(self, side: Side | None, model: str, smooth: bool) -> None:
        self._buttons.show_settings(side, model, smooth)

    def _show(self, frame: JoinedFrame) -> None:
        self._page.show(shown_frame(frame, self._state.faces, self._state.trouble))

    def _look_after(self) -> None:
        self._desk.look_after()
        if self._topics is None and self._page.is_watched:
            self._topics = FrameTopics(self, self._show)
        elif self._topics is not None and not self._page.is_watched:
            self._topics.close()
            self._topics = None
            self._page.silence(WAITING)
        elif self._topics is not None:
            self._topics.look()
            if self._topics.silent_s > WITHOUT_HANDS_S:
                self._page.silence(f"no hands come for {self._topics.silent_s:.0f} s", self._why())

    def _why(self) -> str:
        name, words = self._desk.hand_node, self._state.words
        return f"{name} says: {words}" if words else f"{name} does not run, or is in another ROS domain"


def main(argv: Sequence[str] | None = None) -> int:
    return spin(ViewNode, argv)


if __name__ == "__main__":
    sys.exit(main())
