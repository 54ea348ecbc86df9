"""A real Chromium without a window, driven through its own DevTools protocol; WebGL is drawn in software."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_S = 120.0  # for things that take seconds on an idle machine: software WebGL needs several cores
SIZE_PX = (1000, 520)  # small: software WebGL pays for every pixel, and a narrower page is laid out for a telephone


class Tab:
    """What is driven: a page, or the browser itself."""

    def __init__(self, address: str) -> None:
        from websockets.sync.client import connect  # comes with viser

        self._socket = connect(address, max_size=None)
        self._count = 0

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to one command of the protocol."""
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if answer.get("id") == self._count:
                assert "error" not in answer, answer["error"]
                return dict(answer["result"])

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    @property
    def text(self) -> str:
        """All that a reader sees."""
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    def press(self, label: str) -> None:
        """Click the button with this label."""
        self.evaluate(f"[...document.querySelectorAll('button')].find(b => b.innerText.trim() == {json.dumps(label)}).click()")

    def drag(self, start: tuple[int, int], end: tuple[int, int], steps: int = 6) -> None:
        """Move the mouse with its left button held."""
        for step in range(-1, steps + 2):
            share = min(max(step, 0), steps) / steps
            x, y = (a + (b - a) * share for a, b in zip(start, end, strict=True))
            kind = "mousePressed" if step < 0 else "mouseReleased" if step > steps else "mouseMoved"
            held = 0 if step > steps else 1
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=held, clickCount=1)


class Browser:
    """Chromium with a profile of its own.

    Args:
        arguments: more of its command line.
    """

    def __init__(self, *arguments: str) -> None:
        assert PROGRAM is not None
        self._folder = tempfile.mkdtemp(prefix="handmesh_browser_")
        options = [
            "--headless=new", "--no-sandbox", "--no-first-run", "--disable-dev-shm-usage", "--remote-debugging-port=0",
            f"--user-data-dir={self._folder}", f"--window-size={SIZE_PX[0]},{SIZE_PX[1]}",
            "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-gpu-compositing",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            [PROGRAM, *options, *arguments, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        port_file, deadline = Path(self._folder) / "DevToolsActivePort", time.monotonic() + PATIENCE_S
        while not (port_file.is_file() and len(port_file.read_text().split()) == 2):
            assert self._process.poll() is None and time.monotonic() < deadline, "Chromium does not start"
            time.sleep(0.05)
        port, path = port_file.read_text().split()
        self._address = f"ws://127.0.0.1:{port}"
        self._control = Tab(self._address + path)

    def open(self, address: str) -> Tab:
        """A window with this page: in a window of its own, every page is drawn."""
        target = self._control.call("Target.createTarget", url=address, newWindow=True)["targetId"]
        return Tab(f"{self._address}/devtools/page/{target}")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        shutil.rmtree(self._folder, ignore_errors=True)
