"""Where the page is served, or why it cannot be."""

from __future__ import annotations

import socket

import pytest

pytest.importorskip("viser", reason="needs viser (pip install '.[view]')")

from handmesh_ros.errors import InputError
from handmesh_ros.view.server import start_server


def test_a_taken_port_is_told_and_no_other_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=rf"port {port} of 127\.0\.0\.1 cannot be opened: another program has it"):
            start_server("127.0.0.1", port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_told(port: int) -> None:
    with pytest.raises(InputError, match=f"port {port}: expected 0 to 65535"):
        start_server("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "reason"),
    [("nowhere.invalid", r"port 8080 of nowhere\.invalid cannot be opened: .*[Nn]ame"), ("192.0.2.1", "no address of this machine")],
)
def test_an_address_that_is_not_this_machine_s_is_told_at_once(host: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        start_server(host, 8080)


def test_this_machine_s_addresses_are_served_at() -> None:
    for host in ("127.0.0.1", "0.0.0.0", "localhost"):
        server = start_server(host, 0)
        with socket.create_connection(("127.0.0.1", server.get_port()), timeout=5):
            server.stop()
