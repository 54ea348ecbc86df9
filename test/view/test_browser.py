"""The page in a real browser: seen, turned around, pressed, and alive after the server was not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.browser import PATIENCE_S, PROGRAM, Browser
from support.known_hand import known_hand

from handmesh_ros.hand import Side
from handmesh_ros.view.buttons import Buttons
from handmesh_ros.view.page import Page, ShownFrame
from handmesh_ros.view.requests import Answer, Engage, PageRequest, TakeSize
from handmesh_ros.view.server import start_server

if TYPE_CHECKING:
    import viser

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(find_spec("viser") is None, reason="needs viser: pip install '.[view]'"),
    pytest.mark.skipif(PROGRAM is None, reason="needs Chromium: apt install chromium"),
]
PICTURE = np.full((48, 64, 3), (20, 200, 60), np.uint8)
# A flat box instead of a hand: corners, and triangles of its faces.
CORNERS = np.array([[x, y, z] for x in (-0.05, 0.05) for y in (-0.15, 0.15) for z in (-0.01, 0.01)])
SQUARES = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
BOX = np.concatenate([SQUARES[:, [0, 1, 2]], SQUARES[:, [0, 2, 3]]])


class Shown:
    """A page that shows one hand, and what it was asked for."""

    def __init__(self, port: int, side: Side) -> None:
        self.server = start_server("127.0.0.1", port)
        self.requests: list[PageRequest] = []
        self.buttons = Buttons(self._ask, ["mobrecon", "lifted"], beside_node=True)
        self.page = Page(self.server, self.buttons)
        hand = known_hand(side)
        hand = replace(hand, vertices=(CORNERS + hand.joints.mean(axis=0)).astype(np.float32))
        self._frame = ShownFrame(lambda: PICTURE, [hand], BOX, 0.0, 0.012)

    def _ask(self, request: PageRequest, answer: Answer) -> None:
        self.requests.append(request)
        answer(f"done: {type(request).__name__} <image>/{{x}} *_")  # as it stands, whatever Markdown makes of such signs

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Show frame after frame until the condition holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"did not happen: {what}"
            self._frame = replace(self._frame, stamp_s=self._frame.stamp_s + 0.3)
            self.page.show(self._frame)
            time.sleep(0.3)


@pytest.fixture
def browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.close()


def pixels(client: viser.ClientHandle, side: Side) -> int:
    """How much of what this browser draws has the hue of this side's mesh, whatever the light makes of it."""
    red, _, blue = np.moveaxis(client.get_render(120, 160, timeout=PATIENCE_S).astype(int), 2, 0)
    return int((blue - red > 40 if side is Side.RIGHT else red - blue > 40).sum())


def test_a_hand_is_seen_and_turned_around_and_buttons_are_pressed(browser: Browser) -> None:
    shown = Shown(0, Side.RIGHT)
    address = f"http://127.0.0.1:{shown.server.get_port()}"
    tab = browser.open(address)
    shown.until(lambda: "right; " in tab.text, "the page says what it shows")
    (watcher,) = shown.server.get_clients().values()
    shown.until(lambda: pixels(watcher, Side.RIGHT) > 100, "the mesh is drawn")
    pictures = "[...document.images].filter(image => image.src.startsWith('blob:')).map(image => image.naturalWidth)"
    assert tab.evaluate(pictures) == [PICTURE.shape[1]]

    before, middle = watcher.camera.position, watcher.camera.look_at
    tab.drag((500, 380), (440, 380))
    shown.until(lambda: np.linalg.norm(watcher.camera.position - before) > 0.1, "the hand is turned around")
    np.testing.assert_allclose(watcher.camera.look_at, middle, atol=1e-3)
    assert pixels(watcher, Side.RIGHT) > 100, "and stays in the middle"

    tab.press("take this length")
    tab.press("left clutch: engage")
    shown.until(lambda: len(shown.requests) == 2 and "done: Engage <image>/{x} *_" in tab.text, "the buttons ask, and the answer is shown")
    assert shown.requests == [TakeSize(pytest.approx(0.0804, abs=1e-4)), Engage(Side.LEFT, True)]
    shown.buttons.show_clutch(Side.LEFT, True)
    shown.until(lambda: "left clutch: release" in tab.text, "the button says what it would do now")
    shown.page.close()


def test_the_page_outlives_its_server_in_every_tab(browser: Browser) -> None:
    shown = Shown(0, Side.RIGHT)
    try:
        port = shown.server.get_port()
        tabs = [browser.open(f"http://127.0.0.1:{port}") for _ in range(2)]
        for tab in tabs:
            shown.until(lambda tab=tab: "right; " in tab.text, "both tabs show what there is")
        shown.page.close()
        shown = Shown(port, Side.LEFT)
        for tab in tabs:
            shown.until(lambda tab=tab: "left; " in tab.text, "both tabs show what the next server has")
    finally:
        shown.page.close()


def test_a_browser_without_webgl_says_so() -> None:
    browser, shown = Browser("--disable-3d-apis"), Shown(0, Side.RIGHT)
    try:
        tab = browser.open(f"http://127.0.0.1:{shown.server.get_port()}")
        shown.until(lambda: "WebGL is unavailable" in tab.text, "the page says what the browser lacks")
    finally:
        browser.close()
        shown.page.close()
