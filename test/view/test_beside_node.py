"""The page beside a real hand node, in a real browser: it shows what the node sees, and its buttons change the node."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from rcl_interfaces.srv import GetParameters
from support.browser import PATIENCE_S, PROGRAM, Browser
from support.camera_stand_in import CameraStandIn, hand_picture
from support.ros_world import World

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(find_spec("viser") is None, reason="needs viser: pip install '.[view]'"),
    pytest.mark.skipif(PROGRAM is None, reason="needs Chromium: apt install chromium"),
]


@pytest.fixture
def browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.close()


def test_hands_are_shown_buttons_change_the_node_and_its_end_is_told(world: World, browser: Browser) -> None:
    view_node = world.start("node.view_node", port=0)
    hand_node = world.start("node.hand_node", model="mobrecon_lite")
    view_node.wait_for_log("ready")
    tab = browser.open(re.findall(r"http://\S+", view_node.log)[0])

    def shows(text: str, meanwhile: Callable[[], object] = lambda: world.spin(0.3)) -> None:
        world.until(lambda: (meanwhile(), text in tab.text)[1], f"the page shows {text!r}", PATIENCE_S)

    shows("no images arrive")
    camera, picture = CameraStandIn(world), hand_picture()

    def send() -> None:
        camera.send_info()
        camera.send(picture)
        world.spin(0.1)

    shows("right; ", send)
    tab.press("take this length")
    shows("80.4 mm", send)
    tab.evaluate("document.querySelector('input[type=checkbox]').click()")
    shows("hands as measured", send)
    (smoothing,) = world.call(GetParameters, "hand_node/get_parameters", GetParameters.Request(names=["smoothing"])).values
    assert smoothing.bool_value is False
    hand_node.stop()
    shows("no hands come for")
    assert view_node.interrupt() < 20 and "Traceback" not in view_node.log
