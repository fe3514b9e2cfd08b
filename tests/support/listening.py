"""A listening page's server in this process, and a client that speaks to it as a browser does; for tests, too."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import uvicorn

from musicfeat.listen.application import Application
from musicfeat.listen.library import Library
from musicfeat.listen.serve import bound, configured

OWN = {"X-Musicfeat": "1"}
STARTING_SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body as plain data."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    """Asks a server; a path goes out as it is, with whatever dots it has."""

    port: int
    application: Application | None = None
    """Application that runs in this process; None for another process."""

    def ask(self, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: Any = None) -> Answer:
        """One request."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """Plain data, of a request that must succeed."""
        answer = self.ask(path)
        if answer.status != 200:
            raise AssertionError(f"{path} answers {answer.status}: {answer.body[:500]!r}")
        return answer.json

    def analyse(self, file: Path, name: str | None = None) -> Answer:
        """Drop a file on the page."""
        return self.ask("/api/analyse", "POST", OWN | {"X-File-Name": quote(name or file.name)}, file.read_bytes())

    def play(self, path: str, asked: Any) -> Answer:
        """Send plain data."""
        return self.ask(path, "POST", OWN, json.dumps(asked))

    def size(self, path: str) -> int:
        """Bytes of an answer."""
        return len(self.ask(path).body)

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """The map's columns."""
        described, data = self.get("/api/map"), self.ask("/api/map.bin").body
        return {
            column["name"]: np.frombuffer(data, column["type"], column["length"], column["offset"])
            for column in described["columns"]
        }


def until_better(client: Client, seconds: float) -> dict[str, Any]:
    """Wait for the map's better layout; what is said of the map then."""
    end = time.monotonic() + seconds
    while (found := client.get("/api/map"))["improving"] and time.monotonic() < end:
        time.sleep(0.1)
    return dict(found)


@contextmanager
def command(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """``musicfeat listen`` in a process of its own, and its port."""
    line = [sys.executable, "-m", "musicfeat.cli", "listen", "--port", "0", *arguments]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline() if process.stdout else "")
            if not address:
                raise AssertionError("the command printed no address")
            yield process, int(address[1])
        finally:
            process.kill()


@contextmanager
def serving(catalog: Path, audio_root: Path | None = None, **options: Any) -> Iterator[Client]:
    """Serve a catalog on a free port of 127.0.0.1."""
    with (
        bound("127.0.0.1", 0) as listener,
        running(Application(Library(catalog, audio_root), **options), listener) as client,
    ):
        yield client


@contextmanager
def running(application: Application, listener: socket.socket) -> Iterator[Client]:
    """Run a server in a thread."""
    port = listener.getsockname()[1]
    runner = uvicorn.Server(configured(application, "127.0.0.1", port))
    thread = threading.Thread(target=runner.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    end = time.monotonic() + STARTING_SECONDS
    while not runner.started and time.monotonic() < end:
        time.sleep(0.01)
    try:
        yield Client(port, application)
    finally:
        runner.should_exit = True
        thread.join(STARTING_SECONDS)
        application.close()
