"""Start of the page's server from the command's options."""

from __future__ import annotations

import argparse
import socket
import sys
import webbrowser
from typing import NoReturn

import uvicorn

from musicfeat.errors import InputError
from musicfeat.listen.application import Application
from musicfeat.listen.guard import LOCAL
from musicfeat.listen.library import Library

ENDING_SECONDS = 2


def serve(options: argparse.Namespace) -> NoReturn:
    """Serve a catalog until Ctrl-C.

    Raises:
        CatalogError: the folder is no catalog, or damaged.
        InputError: an option is out of range, or the address is taken.
        KeyboardInterrupt: Ctrl-C.
    """
    if not 0 <= options.port <= 65535:
        raise InputError(f"a port is a number from 0 to 65535, got {options.port}")
    if not (options.max_upload > 0 and options.time_limit > 0):
        raise InputError("--max-upload and --time-limit must be above 0")
    with bound(options.host, options.port) as listener:
        library = Library(options.catalog, options.audio_root)
        most_bytes = int(options.max_upload * 1e6)
        application = Application(library, options.model, most_bytes, options.time_limit, options.in_browser)
        try:
            run(application, listener, options)
        finally:
            application.close()
    raise KeyboardInterrupt  # only Ctrl-C ends it; uvicorn raises this itself, except in a shell's background job


def bound(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        InputError: the address is not available.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host}, port {port} ({error.strerror}): choose another --port, 0 for any free one"
        ) from error


def run(application: Application, listener: socket.socket, options: argparse.Namespace) -> None:
    """Answer requests until Ctrl-C."""
    port = listener.getsockname()[1]
    address = f"http://{f'[{options.host}]' if ':' in options.host else options.host}:{port}/"
    print(f"{options.catalog}: {address} (Ctrl-C ends it)", flush=True)
    if options.host not in LOCAL:
        print(f"musicfeat: whoever reaches {options.host} can see the catalog and hear its files", file=sys.stderr)
    if options.open:
        webbrowser.open(address)  # the socket is listening already, so the browser can wait
    uvicorn.Server(configured(application, options.host, port)).run(sockets=[listener])


def configured(application: Application, host: str, port: int) -> uvicorn.Config:
    """The server's configuration for an address."""
    return uvicorn.Config(
        application.app(host, port),
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=ENDING_SECONDS,
    )
