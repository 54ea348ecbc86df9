"""Starts viser's web server, or says why it cannot be."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

from handmesh_ros.errors import InputError
from handmesh_ros.view.origin import own_pages_only

if TYPE_CHECKING:
    import viser

DEFAULT_PORT = 8080


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
    with (
        own_pages_only(host) as guarded,
        contextlib.redirect_stdout(io.StringIO()),
    ):  # it prints addresses, among them one that is for machines
        server = viser.ViserServer(host, port, label="handmesh", verbose=False)
    if not guarded():
        server.stop()
        raise InputError(f"viser {viser.__version__} would let any web page steer this one: pip install 'viser>=1.1,<2'")
    if port and server.get_port() != port:  # where one is taken, viser takes the next: an open page would wait at the old one for ever
        server.stop()
        raise InputError(f"port {port} of {host} cannot be opened: another program has it, perhaps another such page; give another port")
    return server
