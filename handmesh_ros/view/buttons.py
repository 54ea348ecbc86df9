"""The page's buttons: each makes a request, and what became of it is written under them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from handmesh_ros.hand import Side
from handmesh_ros.perception.size.hand_size import ADULT_LENGTH_M, SIZE_OF_LENGTH
from handmesh_ros.provision import list_models
from handmesh_ros.view.requests import Ask, Engage, LoadModel, PageRequest, Smooth, TakeDistance, TakeSide, TakeSize
from handmesh_ros.view.words import plain_words

if TYPE_CHECKING:
    import viser

EITHER_SIDE = "as seen"


class Buttons:
    """Those for side, model, smoothing and size; beside a node also those for a known distance and the clutches.

    Args:
        ask: carries requests out.
        models: to choose from; the first is in use.
        beside_node: whether there are clutches, and hands that wait to be measured.
    """

    def __init__(self, ask: Ask, models: Sequence[str], beside_node: bool) -> None:
        self._ask, self._models, self._beside_node = ask, tuple(models), beside_node
        self._side: Any  # mypy takes the values of viser's inputs for read-only
        self._model: Any
        self._smooth: Any
        self._clutches: dict[Side, viser.GuiButtonHandle] = {}
        self._engaged = dict.fromkeys(Side, False)

    def add_to(self, gui: viser.GuiApi) -> None:
        """Put them where ``gui`` stands."""
        side = gui.add_dropdown("side", (EITHER_SIDE, *(side.value for side in Side)))
        self._on_choice(side, lambda: TakeSide(None if side.value == EITHER_SIDE else Side(side.value)))
        model = gui.add_dropdown("model", self._models)
        self._on_choice(model, lambda: LoadModel(model.value))
        smooth = gui.add_checkbox("smoothing", initial_value=True)
        self._on_choice(smooth, lambda: Smooth(smooth.value))
        self._side, self._model, self._smooth = side, model, smooth
        hint = "the straight hand, from the crease of the wrist to the middle finger's tip, by a ruler"
        length = gui.add_number("hand length, mm", 1000 * ADULT_LENGTH_M, min=100, max=340, step=1, hint=hint)
        self._button(gui, "take this length", lambda: TakeSize(SIZE_OF_LENGTH * length.value / 1000))
        if self._beside_node:
            hint = "from the lens to the wrist, straight ahead; hold one hand still"
            distance = gui.add_number("distance, mm", 500, min=100, max=3000, step=1, hint=hint)
            self._button(gui, "the hand is this far", lambda: TakeDistance(distance.value / 1000))
            for each in Side:
                self._clutches[each] = self._button(gui, _clutch_label(each, False), partial(self._turned, each))
        self._answer = gui.add_markdown("")

    def show_settings(self, side: Side | None, model: str, smooth: bool) -> None:
        """Say what is so, where others than this page's users may have changed it."""
        if model not in self._models:
            self._models = self._model.options = (*self._models, model)
        self._side.value = side.value if side else EITHER_SIDE
        self._model.value = model
        self._smooth.value = smooth

    def show_clutch(self, side: Side, engaged: bool) -> None:
        """Say on the side's button what it would do now; a release is told, for it may be nobody's wish: its hand was lost."""
        if self._engaged[side] and not engaged:
            self._tell(f"{side.value} clutch: released")
        self._engaged[side] = engaged
        self._clutches[side].label = _clutch_label(side, engaged)

    def _on_choice(self, choice: viser.GuiInputHandle[Any], request: Callable[[], PageRequest]) -> None:
        # Without a client it was ``show_settings`` that chose.
        choice.on_update(lambda event: None if event.client is None else self._request(request()))

    def _turned(self, side: Side) -> PageRequest:
        return Engage(side, not self._engaged[side])

    def _button(self, gui: viser.GuiApi, label: str, request: Callable[[], PageRequest]) -> viser.GuiButtonHandle:
        button = gui.add_button(label)
        button.on_click(lambda _: self._request(request()))
        return button

    def _request(self, request: PageRequest) -> None:
        self._answer.content = "..."
        self._ask(request, self._tell)

    def _tell(self, text: str) -> None:
        self._answer.content = plain_words(text)


def _clutch_label(side: Side, engaged: bool) -> str:
    return f"{side.value} clutch: {'release' if engaged else 'engage'}"


def mesh_models(first: str) -> list[str]:
    """The mesh networks, this one first."""
    names = [status.model.name for status in list_models() if status.model.kind == "mesh"]
    return [first, *(name for name in names if name != first)]
