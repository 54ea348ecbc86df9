"""Web pages of others neither see nor steer the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("viser", reason="needs viser (pip install '.[view]')")

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from handmesh_ros.view.origin import is_own_page
from handmesh_ros.view.server import start_server


@pytest.mark.parametrize(
    ("origin", "host", "served_at", "own"),
    [
        ("http://localhost:8080", "localhost:8080", "127.0.0.1", True),
        ("http://127.0.0.1:9000", "127.0.0.1:9000", "127.0.0.1", True),  # ssh -L 9000:localhost:8080
        ("http://[::1]:8080", "[::1]:8080", "127.0.0.1", True),
        ("http://Robot:8080", "robot:8080", "0.0.0.0", True),
        ("https://robot.lab", "robot.lab", "0.0.0.0", True),
        (None, "localhost:8080", "127.0.0.1", True),  # no browser
        ("http://evil.example", "localhost:8080", "127.0.0.1", False),
        ("http://localhost:3000", "localhost:8080", "127.0.0.1", False),  # another program's page
        ("http://evil.example:8080", "evil.example:8080", "127.0.0.1", False),  # a name that points here
        ("http://evil.example", "robot:8080", "0.0.0.0", False),
        ("null", "localhost:8080", "127.0.0.1", False),
        ("", "", "0.0.0.0", False),
        ("http://[", "localhost:8080", "127.0.0.1", False),
        ("http://localhost:8080", None, "127.0.0.1", False),
    ],
)
def test_a_page_is_known_by_its_address(origin: str | None, host: str | None, served_at: str, own: bool) -> None:
    assert is_own_page(origin, host, served_at) is own


@pytest.fixture
def port() -> Iterator[int]:
    server = start_server("127.0.0.1", 0)
    yield server.get_port()
    server.stop()


def test_only_its_own_pages_are_answered(port: int, caplog: pytest.LogCaptureFixture) -> None:
    address = f"ws://127.0.0.1:{port}"
    protocol = ["viser-v1.1.1"]
    with connect(address, origin=f"http://127.0.0.1:{port}", subprotocols=protocol, compression=None) as own:
        assert own.recv(timeout=10)
    for _ in range(2):
        with pytest.raises(InvalidStatus) as refused:
            connect(address, origin="http://evil.example", subprotocols=protocol)
        assert refused.value.response.status_code == 403
    assert [record.getMessage() for record in caplog.records if "evil" in record.getMessage()] == [
        f"refused: a page of http://evil.example wants to see and steer what is shown at 127.0.0.1:{port}"
    ]
