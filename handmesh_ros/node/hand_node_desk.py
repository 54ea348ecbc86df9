"""Carries the page's requests out: they become calls of the hand node's services, and its answers sentences."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool

from handmesh_ros.hand import Side
from handmesh_ros.msg import Hand as HandMessage
from handmesh_ros.srv import CalibrateHandSize
from handmesh_ros.view.requests import Answer, Engage, LoadModel, PageRequest, Smooth, TakeDistance, TakeSide, TakeSize

ANSWER_S, MODEL_S = 5.0, 30.0  # what is not answered by then is given up; the hand node gives a new model 20 s
SETTINGS = ("handedness", "model", "smoothing")
# Takes the hand node's settings: the side that every hand is taken for, the model, and whether hands are estimated over time.
ShowSettings = Callable[[Side | None, str, bool], None]


@dataclass(frozen=True, eq=False)
class _Call:
    """A request on its way; ``words`` makes a sentence of the service's response."""

    client: Any
    future: Any
    answer: Answer
    words: Callable[[Any], str]
    began_s: float
    patience_s: float


class HandNodeDesk:
    """Calls one hand node.

    Args:
        node: has the clients; its executor calls them.
        hand_node: the hand node's name, relative or absolute.
        show_settings: is told when they have changed, whoever changed them.

    Attributes:
        hand_node: its full name.
    """

    def __init__(self, node: Node, hand_node: str, show_settings: ShowSettings) -> None:
        self.hand_node = node.resolve_service_name(f"{hand_node}/set_parameters").removesuffix("/set_parameters")
        self._show_settings = show_settings
        self._set: Any = node.create_client(SetParameters, f"{hand_node}/set_parameters")
        self._get: Any = node.create_client(GetParameters, f"{hand_node}/get_parameters")
        self._calibrate: Any = node.create_client(CalibrateHandSize, f"{hand_node}/calibrate_hand_size")
        self._clutches: dict[Side, Any] = {side: node.create_client(SetBool, f"{hand_node}/{side.value}/clutch") for side in Side}
        node.create_subscription(ParameterEvent, "/parameter_events", self._on_parameters, 100)
        self._asked: SimpleQueue[tuple[PageRequest, Answer]] = SimpleQueue()
        self._wake = node.create_guard_condition(self._work)
        self._calls: list[_Call] = []
        self._settings_due = True

    def ask(self, request: PageRequest, answer: Answer) -> None:
        """Any thread may ask; the call is made in the executor's."""
        self._asked.put((request, answer))
        self._wake.trigger()

    def look_after(self) -> None:
        """Call it now and then: gives up what is not answered, and reads the settings where that is due."""
        for call in [call for call in self._calls if time.monotonic() - call.began_s > call.patience_s]:
            self._calls.remove(call)
            call.client.remove_pending_request(call.future)
            call.answer(f"{self.hand_node} has not answered for {call.patience_s:g} s")
        if self._settings_due:
            self.read_settings()

    def read_settings(self) -> None:
        """Ask the hand node for its settings, now or as soon as it is there."""
        self._settings_due = not self._get.service_is_ready()
        if not self._settings_due:
            self._get.call_async(GetParameters.Request(names=SETTINGS)).add_done_callback(self._settings_came)

    def _settings_came(self, future: Any) -> None:
        values = [Parameter.from_parameter_msg(ParameterMessage(value=value)).value for value in future.result().values]
        if len(values) == len(SETTINGS):  # another kind of node has none of them
            handedness, model, smoothing = values
            self._show_settings(None if handedness == "auto" else Side(handedness), model, smoothing)

    def _on_parameters(self, event: ParameterEvent) -> None:
        changed = {parameter.name for parameter in (*event.new_parameters, *event.changed_parameters)}
        if event.node == self.hand_node and changed & set(SETTINGS):
            self.read_settings()

    def _work(self) -> None:
        while True:
            try:
                request, answer = self._asked.get_nowait()
            except Empty:
                return
            client, message, words = self._call_for(request)
            if not client.service_is_ready():
                answer(f"refused: {self.hand_node} does not answer: it does not run, is not configured, or is in another ROS domain")
                self.read_settings()
                continue
            patience_s = MODEL_S if isinstance(request, LoadModel) else ANSWER_S
            call = _Call(client, client.call_async(message), answer, words, time.monotonic(), patience_s)
            self._calls.append(call)
            call.future.add_done_callback(lambda _, call=call: self._answered(call))

    def _answered(self, call: _Call) -> None:
        if call in self._calls:
            self._calls.remove(call)
            call.answer(call.words(call.future.result()))

    def _call_for(self, request: PageRequest) -> tuple[Any, Any, Callable[[Any], str]]:
        """The client, its request, and what makes a sentence of the response."""
        both = HandMessage.SIDE_UNKNOWN
        match request:
            case TakeSide(side):
                return self._change("handedness", "auto" if side is None else side.value, request.done)
            case LoadModel(name):
                return self._change("model", name, request.done)
            case Smooth(enabled):
                return self._change("smoothing", enabled, request.done)
            case TakeSize(size_m):
                return self._calibrate, CalibrateHandSize.Request(side=both, size_m=size_m), _words
            case TakeDistance(distance_m):
                return self._calibrate, CalibrateHandSize.Request(side=both, distance_m=distance_m), _words
            case Engage(side, engaged):
                return self._clutches[side], SetBool.Request(data=engaged), lambda response: f"{side.value} clutch: {_words(response)}"

    def _change(self, name: str, value: str | bool, done: str) -> tuple[Any, Any, Callable[[Any], str]]:
        def words(response: SetParameters.Response) -> str:
            (result,) = response.results
            if result.successful:
                return done
            self.read_settings()  # the page shows what was asked for
            return f"refused: {result.reason}"

        return self._set, SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()]), words


def _words(response: Any) -> str:
    """Of a response with ``success`` and ``message``."""
    return str(response.message) if response.success else f"refused: {response.message}"
