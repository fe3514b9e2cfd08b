"""The application: addresses and their answers. Slow work runs in threads or worker processes."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from musicfeat.errors import CatalogError, InputError, MusicfeatError
from musicfeat.listen import ranges, received
from musicfeat.listen.answers import Answers, options_of
from musicfeat.listen.asked import json_of, number
from musicfeat.listen.games import Games, Uploads
from musicfeat.listen.guard import HEADERS, ISOLATED, Guard
from musicfeat.listen.library import Library
from musicfeat.listen.packages import Packages
from musicfeat.listen.teaching import Lessons
from musicfeat.listen.workers import Workers
from musicfeat.model.session import find_model

PAGE = Path(__file__).parent / "page"
MOST_BYTES = 200_000_000
MOST_HITS = 100_000
TIME_LIMIT = 120.0
for _suffix, _kind in {
    ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".html": "text/html",
    ".wasm": "application/wasm", ".onnx": "application/octet-stream",
}.items():  # fmt: skip
    mimetypes.add_type(_kind, _suffix)  # some systems register other types, which nosniff enforces


class Application:
    """The application and its resources.

    Args:
        library: the catalog.
        model: file of the catalog's model, if it is not a bundled one.
        most_bytes: limit of an upload.
        time_limit: seconds that a worker may take for one file.
        in_browser: folder of the npm package, for judging dropped files in the browser; see ``packages.files_of``.

    Raises:
        InputError: the folder does not hold the package.
    """

    def __init__(
        self,
        library: Library,
        model: str | None = None,
        most_bytes: int = MOST_BYTES,
        time_limit: float = TIME_LIMIT,
        in_browser: Path | None = None,
    ) -> None:
        self._library, self._most_bytes = library, most_bytes
        options = options_of(library, model)
        self._packages = Packages(in_browser, lambda: find_model(options.model)) if in_browser else None
        self._workers = Workers(options, time_limit)
        self._answers, self._uploads = Answers(library, self._workers, in_browser is not None), Uploads()
        self._games, self._lessons = Games(library, self._workers), Lessons(library)

    def app(self, host: str, port: int) -> ASGIApp:
        """The application for the address that it is bound to."""
        track = "/api/tracks/{track:int}"
        routes: list[BaseRoute] = [
            self._get("/api/catalog", lambda _: self._answers.catalog()),
            self._get("/api/map", lambda _: self._answers.described_map()),
            Route("/api/map.bin", self._map),
            self._get("/api/groups/{name}", lambda request: self._library.groups[request.path_params["name"]]),
            self._get("/api/tracks", self._search),
            self._get(track, lambda request: self._library.track(self._track(request))),
            Route(f"{track}/audio", self._audio),
            self._get(f"{track}/picture", self._picture),
            self._get(f"{track}/neighbours", self._neighbours),
            self._get(f"{track}/backwards", self._backwards),
            self._get(f"{track}/edits", lambda request: self._answers.edits(self._track(request))),
            self._get(f"{track}/compare/{{other:int}}", self._compare),
            self._get("/api/dimensions", self._dimensions),
            Route("/api/analyse", self._analyse, methods=["POST"]),
            self._get("/api/analyse/{token}/backwards", self._upload_backwards),
            Route("/api/analyse/{token}/add", self._add, methods=["POST"]),
            self._get("/api/teach/{name}", lambda request: self._lessons.state(request.path_params["name"])),
            Route("/api/teach/{name}", self._teach, methods=["POST"]),
            Route("/api/teach/{name}/finish", self._finish, methods=["POST"]),
            Route("/api/game", self._begin, methods=["POST"]),
            Route("/api/game/{token}", self._answer, methods=["POST"]),
            Route("/api/game/{token}/{number:int}.wav", self._piece),
            *self._in_browser(),
            Mount("/", StaticFiles(directory=PAGE, html=True, check_dir=False)),
        ]
        errors = {MusicfeatError: _refused, LookupError: _absent, HTTPException: _failed}
        app = Starlette(routes=routes, exception_handlers=errors, lifespan=self._lifespan)
        return Guard(app, host, port, ISOLATED if self._packages else HEADERS)

    def _in_browser(self) -> list[BaseRoute]:
        """Addresses that a page needs to judge dropped files by itself."""
        if not self._packages:
            return []
        return [Route("/api/features", self._received, methods=["POST"]), Mount("/package", self._packages)]

    def close(self) -> None:
        """End all processes and remove uploaded files."""
        self._answers.layouts.close()
        self._workers.close()
        self._uploads.close()

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._answers.layouts.start()
        yield
        self.close()

    def _get(self, path: str, answer: Callable[[Request], Any]) -> Route:
        async def endpoint(request: Request) -> Response:
            return JSONResponse(await run_in_threadpool(answer, request))

        return Route(path, endpoint)

    def _track(self, request: Request, name: str = "track") -> int:
        track = int(request.path_params[name])
        if not track < len(self._library.columns.files):
            raise LookupError(f"there is no track {track}")
        return track

    async def _map(self, _: Request) -> Response:
        found = await run_in_threadpool(lambda: self._answers.map)
        return Response(found.data, media_type="application/octet-stream")

    def _search(self, request: Request) -> list[dict[str, Any]]:
        return self._library.search(request.query_params.get("search", ""), number(request, "limit", 50, MOST_HITS))

    async def _audio(self, request: Request) -> Response:
        track = self._track(request)
        handle = await run_in_threadpool(self._library.files.open, track)
        return ranges.response(handle, self._library.files.path(track), request.headers.get("range"), request.method)

    def _picture(self, request: Request) -> dict[str, Any]:
        return self._workers.picture(self._library.files.checked(self._track(request)))

    def _neighbours(self, request: Request) -> list[dict[str, Any]]:
        text = request.query_params.get("start")
        try:
            start = float(text) if text else None
        except ValueError as error:
            raise InputError(f"start must be a number of seconds, got {text!r}"[:200]) from error
        return self._library.neighbours(self._track(request), start, number(request, "k", 10, 1000))

    def _backwards(self, request: Request) -> dict[str, Any]:
        track = self._track(request)
        name = self._library.files.names[track]
        found = self._answers.backwards(lambda: self._library.files.checked(track), name)
        return found | {"id": track, "source": self._library.files.source(track)}

    def _compare(self, request: Request) -> dict[str, Any]:
        return self._answers.compared(self._track(request), self._track(request, "other"))

    def _dimensions(self, request: Request) -> list[dict[str, Any]]:
        text = request.query_params.get("numbers", "")
        try:
            numbers = [int(part) for part in text.split(",")]
        except ValueError as error:
            raise InputError(f"dimensions are numbers, separated by commas, got {text!r}"[:200]) from error
        k, summed = number(request, "k", 12, 1000), request.query_params.get("sum") == "1"
        return self._library.dimensions(numbers, k, summed)

    async def _analyse(self, request: Request) -> Response:
        token, path = self._uploads.new()
        name = unquote(request.headers.get("x-file-name", "")).replace("\\", "/").split("/")[-1][:300] or "a file"
        try:
            await self._receive(request, path)
            found = await run_in_threadpool(self._answers.analysed, path, name, token)
        except BaseException as error:
            Path(path).unlink(missing_ok=True)
            if isinstance(error, MusicfeatError):
                raise type(error)(str(error).replace(path, name)) from error
            raise
        self._uploads.add(token, path, name)
        return JSONResponse(found)

    async def _receive(self, request: Request, path: str) -> None:
        """Write the request's body to a file, up to the allowed size."""
        size = 0
        with open(path, "wb") as file:
            async for block in request.stream():
                size += len(block)
                if size > self._most_bytes:
                    raise HTTPException(413, f"the file is larger than {self._most_bytes / 1e6:g} MB: cut it first")
                await run_in_threadpool(file.write, block)
        if not size:
            raise InputError("no file was sent")

    def _upload_backwards(self, request: Request) -> dict[str, Any]:
        path, name = self._uploads.get(request.path_params["token"])
        return self._answers.backwards(lambda: path, name)

    async def _add(self, request: Request) -> Response:
        path, name = self._uploads.get(request.path_params["token"])
        return JSONResponse(await run_in_threadpool(self._answers.added, path, name))

    async def _received(self, request: Request) -> Response:
        asked = await json_of(request, received.MOST_BYTES, "the file is longer than about four hours: cut it first")
        return JSONResponse(await run_in_threadpool(self._answers.received, asked))

    async def _teach(self, request: Request) -> Response:
        name, asked = request.path_params["name"], await json_of(request)
        return JSONResponse(await run_in_threadpool(self._lessons.answer, name, asked.get("track"), asked.get("label")))

    async def _finish(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._lessons.finish, request.path_params["name"]))

    async def _begin(self, request: Request) -> Response:
        asked = await json_of(request)
        return JSONResponse(await run_in_threadpool(self._games.begin, asked.get("pieces", 4), asked.get("track")))

    async def _answer(self, request: Request) -> Response:
        asked = await json_of(request)
        return JSONResponse(self._games.answer(request.path_params["token"], asked.get("order")))

    async def _piece(self, request: Request) -> Response:
        data = self._games.piece(request.path_params["token"], int(request.path_params["number"]))
        return Response(data, media_type="audio/wav")


async def _refused(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 409 if isinstance(error, CatalogError) else 422)


async def _absent(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error.args[0]) if error.args else "there is no such thing"}, 404)


async def _failed(_: Request, error: Exception) -> Response:
    code = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else ""
    return JSONResponse({"error": detail}, code)
