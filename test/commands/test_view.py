"""``handmesh view``: what it says of wrong input; the page itself is tested in test/view."""

from __future__ import annotations

import socket
from importlib.util import find_spec

import pytest

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
