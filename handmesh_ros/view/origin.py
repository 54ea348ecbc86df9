"""Which pages may talk to the page's server: browsers let any web page connect to any address, and this one steers a node.

A connection of a web page names the page's own address (``Origin``) and the address that it connects to (``Host``): they must agree
(RFC 6455, 10.2). Behind a name that its owner lets point at this machine (DNS rebinding) they do; so a server for this machine alone also
wants to be called by this machine's names.
"""

from __future__ import annotations

import http
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

LOOPBACK = ("localhost", "127.0.0.1", "::1")
TOLD = 10  # pages; one that is refused tries again and again


def is_own_page(origin: str | None, host: str | None, served_at: str) -> bool:
    """Whether a connection comes from a page of this server, or from a program that is no browser.

    Args:
        origin, host: of the request.
        served_at: the address that the server listens at.
    """
    if origin is None:
        return True
    try:
        page, asked = urlsplit(origin), urlsplit(f"//{host or ''}")
        named = asked.hostname
    except ValueError:
        return False
    return page.netloc.lower() == asked.netloc.lower() != "" and (served_at not in LOOPBACK or named in LOOPBACK)


@contextmanager
def own_pages_only(served_at: str) -> Iterator[Callable[[], bool]]:
    """Servers of websockets that are begun in this block refuse other pages; what it gives tells whether one was.

    viser has no setting for it."""
    server: Any = import_module("websockets.asyncio.server")
    serve, guarded, told = server.serve, False, set[str]()

    def begin(*arguments: Any, process_request: Callable[..., Any] | None = None, **options: Any) -> Any:
        nonlocal guarded
        guarded = True

        def look_at(connection: ServerConnection, request: Request) -> Response | None:
            origin, host = request.headers.get("Origin"), request.headers.get("Host")
            if not is_own_page(origin, host, served_at):
                if origin not in told and len(told) < TOLD:
                    told.add(str(origin))
                    logging.getLogger(__name__).warning("refused: a page of %s wants to see and steer what is shown at %s", origin, host)
                return connection.respond(http.HTTPStatus.FORBIDDEN, "not a page of this server\n")
            answer: Response | None = process_request(connection, request) if process_request else None
            return answer

        return serve(*arguments, process_request=look_at, **options)

    server.serve = begin
    try:
        yield lambda: guarded
    finally:
        server.serve = serve
