"""``handmesh view``: what it says of wrong input; the page itself is tested in test/view."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest
from support.browser import PATIENCE_S, PROGRAM, Browser
from support.paths import REPO

from handmesh_ros.cli import main


@pytest.mark.skipif(find_spec("viser") is None, reason="needs viser: pip install '.[view]'")
def test_an_occupied_port_and_a_missing_camera_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["view", "--port", str(port)]) == 1
    assert f"port {port} of 127.0.0.1 cannot be opened" in capsys.readouterr().err
    assert main(["view", "99", "--port", "0"]) == 1
    assert "camera 99: cannot be opened" in capsys.readouterr().err


@pytest.mark.skipif(find_spec("viser") is not None, reason="viser is here")
def test_without_viser_the_message_names_what_to_install(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view"]) == 1
    assert "pip install 'viser" in capsys.readouterr().err


@pytest.mark.timeout(300)
@pytest.mark.skipif(find_spec("viser") is None, reason="needs viser: pip install '.[view]'")
@pytest.mark.skipif(PROGRAM is None, reason="needs Chromium: apt install chromium")
def test_the_clip_is_seen_at_the_address_that_is_printed() -> None:
    command = [sys.executable, "-m", "handmesh_ros.cli", "view", "--port", str(_free_port()), "--model", "lifted"]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        browser = Browser()
        try:
            assert program.stdout is not None
            tab = browser.open(program.stdout.readline().split()[0])
            deadline = time.monotonic() + PATIENCE_S
            while "right; " not in tab.text:
                assert program.poll() is None and time.monotonic() < deadline, program.stderr and program.poll()
                time.sleep(0.3)
        finally:
            browser.close()
            program.send_signal(signal.SIGINT)
            _, errors = program.communicate(timeout=PATIENCE_S)
        assert "Traceback" not in errors


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
