"""Starts viser's web server, or says why it cannot be."""

from __future__ import annotations

import contextlib
import errno
import io
import socket
from typing import TYPE_CHECKING

from handmesh_ros.errors import InputError
from handmesh_ros.view.origin import own_pages_only

if TYPE_CHECKING:
    import viser

DEFAULT_PORT, LAST_PORT = 8080, 65535


def address_of(host: str, port: int) -> str:
    """What to open in a browser on this machine."""
    return f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0') else host}:{port}"


def start_server(host: str, port: int) -> viser.ViserServer:
    """A server of the page at this address, and no other; port 0: any that is free.

    Raises:
        InputError: viser is missing, or the port is another program's.
    """
    try:
        import viser
    except ImportError as error:
        raise InputError(
            f"the page in the browser needs viser ({error}): pip install 'viser>=1.1,<2', or pip install '.[view]' in a checkout"
        ) from error
    if not 0 <= port <= LAST_PORT:
        raise InputError(f"port {port}: expected 0 to {LAST_PORT}")
    _check_free(host, port)
    with own_pages_only(host) as guarded, contextlib.redirect_stdout(io.StringIO()):  # it prints a table, some of it for machines
        server = viser.ViserServer(host, port, label="handmesh", verbose=False)
    if not guarded():
        server.stop()
        raise InputError(f"viser {viser.__version__} would let any web page steer this one: pip install 'viser>=1.1,<2'")
    if port and server.get_port() != port:  # taken meanwhile
        server.stop()
        raise InputError(f"port {port} of {host} cannot be opened: another program has it; give another port")
    return server


def _check_free(host: str, port: int) -> None:
    """viser would try the next port, again and again: an open page would wait at the old one for ever."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
            trial.listen()
    except OSError as error:
        advice = {
            errno.EADDRINUSE: "another program has it, perhaps another such page; give another port",
            errno.EADDRNOTAVAIL: f"{host} is no address of this machine; 127.0.0.1 is for this machine alone, 0.0.0.0 for everybody",
            errno.EACCES: "ports below 1024 are the administrator's; give another port",
        }.get(error.errno or 0, error.strerror)
        raise InputError(f"port {port} of {host} cannot be opened: {advice}") from error
