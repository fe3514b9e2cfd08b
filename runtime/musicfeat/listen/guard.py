"""Access control and response headers: the page serves this machine's own browser and no other page.

A page elsewhere on the web can send requests to 127.0.0.1, under a name of its own that it points there (DNS
rebinding). Therefore the Host must be the server's own, an Origin, if sent, must match it, and a request that changes
anything must carry a header that a foreign page can send only with permission, which is never given (no CORS).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
ISOLATED = HEADERS | {
    "Content-Security-Policy": POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'"),
    "Cross-Origin-Embedder-Policy": "require-corp",
}
"""Headers of a page that runs WebAssembly, in several threads."""
LOCAL = ("127.0.0.1", "localhost", "::1")
OWN_HEADER = "x-musicfeat"


class Guard:
    """A filter of foreign requests.

    Args:
        app: the application, which answers the permitted requests.
        host: the server's host.
        port: the server's port.
        headers: headers of every response.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, headers: Mapping[str, str] = HEADERS) -> None:
        self._app, self._port, self._headers = app, port, headers
        self._names = {*LOCAL, host.casefold()}
        self._local = host in LOCAL
        if not self._local:
            self._names |= {socket.gethostname().casefold(), socket.getfqdn().casefold()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        refusal = self._refusal(scope["method"], scope["path"], Headers(scope=scope))
        app = JSONResponse({"error": refusal}, 403) if refusal else self._app
        await app(scope, receive, send_with_headers)

    def _refusal(self, method: str, path: str, headers: Headers) -> str | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._own(hosts[0]):
            return "this server does not answer to that name: open the address that it printed"
        origin = headers.get("origin")
        if origin is not None and origin.casefold() != f"http://{hosts[0].casefold()}":
            return "requests of other pages are refused"
        opened = path == "/" and headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not opened:
            return "requests of other pages are refused"
        if method not in ("GET", "HEAD") and headers.get(OWN_HEADER) != "1":
            return "the header X-Musicfeat: 1 is missing"
        return None

    def _own(self, host: str) -> bool:
        """True if a Host is this server: one of its names, or an address, which nobody can rebind."""
        name, _, port = host.casefold().rpartition(":")
        if not name or port != str(self._port):
            return False
        name = name.removeprefix("[").removesuffix("]")
        return name in self._names or (not self._local and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
