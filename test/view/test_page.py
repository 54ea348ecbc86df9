"""The page as its server sees it: what costs nothing, what is kept, and what is told of a wrong address."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np
import pytest
from support.known_hand import FACES, known_hand

from handmesh_ros.hand import Side
from handmesh_ros.view.buttons import Buttons
from handmesh_ros.view.page import Page, ShownFrame, no_wider
from handmesh_ros.view.requests import PageRequest
from handmesh_ros.view.server import address_of, start_server

needs_viser = pytest.mark.skipif(find_spec("viser") is None, reason="needs viser: pip install '.[view]'")


@pytest.fixture
def page() -> Iterator[Page]:
    page = Page(start_server("127.0.0.1", 0), Buttons(lambda request, answer: None, ["mobrecon"], beside_node=False))
    yield page
    page.close()


@needs_viser
def test_nothing_is_drawn_while_nobody_looks(page: Page) -> None:
    drawn: list[int] = []

    def picture() -> np.ndarray:
        drawn.append(1)
        return np.zeros((4, 4, 3), np.uint8)

    page.show(ShownFrame(picture, [known_hand()], FACES, 0.0, 0.01))
    assert not page.is_watched and drawn == []


@needs_viser
def test_hands_that_come_and_go_leave_nothing_behind(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """viser keeps what a new browser has to know: the last value of everything, however many frames there were."""
    monkeypatch.setattr(Page, "is_watched", True)
    monkeypatch.setattr("handmesh_ros.view.page.FASTEST_HZ", np.inf)
    kept = page._server._websock_server._broadcast_buffer.message_from_id
    counts = []
    for number in range(90):
        hands = [known_hand(side, position=(0, 0, 0.4 + 0.001 * number)) for side in Side][: number // 10 % 3]
        page.show(ShownFrame(lambda: np.zeros((48, 64, 3), np.uint8), hands, FACES, number / 30, 0.01))
        counts.append(len(kept))
    assert counts[-1] == counts[len(counts) // 2]


@needs_viser
def test_hands_that_do_not_come_any_more_are_not_shown_as_if_they_did(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Page, "is_watched", True)
    monkeypatch.setattr("handmesh_ros.view.page.FASTEST_HZ", np.inf)
    frame = ShownFrame(None, [known_hand()], FACES, 0.0, np.nan, "the stamps of left_camera are odd")
    page.show(frame)
    (slot,) = page._slots
    assert slot._mesh.visible and "right; " in page._status.content and "odd" in page._trouble.content
    page.silence("no hands come", "no images arrive")
    assert not slot._mesh.visible and not slot._frames.visible and "no hands" in page._status.content
    page.show(frame)
    assert slot._mesh.visible


@needs_viser
def test_settings_that_others_changed_are_shown_and_not_asked_for() -> None:
    asked: list[PageRequest] = []
    buttons = Buttons(lambda request, answer: asked.append(request), ["mobrecon", "lifted"], beside_node=True)
    page = Page(start_server("127.0.0.1", 0), buttons)
    buttons.show_settings(Side.LEFT, "my own.onnx", False)
    assert (buttons._side.value, buttons._model.value, buttons._smooth.value) == ("left", "my own.onnx", False)
    buttons.show_settings(None, "lifted", True)
    assert (buttons._side.value, buttons._model.value, buttons._smooth.value) == ("as seen", "lifted", True)
    for engaged in (False, True, False):
        assert buttons._answer.content == ""
        buttons.show_clutch(Side.LEFT, engaged)
    assert buttons._answer.content == "left clutch: released", "a robot that stops following is told of, whoever stopped it"
    assert asked == []
    page.close()


def test_large_pictures_are_made_smaller_and_keep_their_shape() -> None:
    assert no_wider(np.zeros((1080, 1920, 3), np.uint8)).shape == (360, 640, 3)
    assert no_wider(np.zeros((480, 640, 3), np.uint8)).shape == (480, 640, 3)


def test_the_address_is_one_that_a_browser_on_this_machine_opens() -> None:
    assert address_of("0.0.0.0", 8080) == address_of("127.0.0.1", 8080) == "http://localhost:8080"
    assert address_of("10.0.0.3", 9000) == "http://10.0.0.3:9000"
