"""A file's bytes, whole or in part (RFC 9110, section 14), one block at a time."""

from __future__ import annotations

import mimetypes
import os
import re
from collections.abc import Iterator
from io import FileIO

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

BLOCK = 1 << 17
TYPES = {".flac": "audio/flac", ".opus": "audio/ogg", ".m4a": "audio/mp4", ".caf": "audio/x-caf", ".w64": "audio/wav"}


def wanted(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and end (exclusive) of a Range header; None for the whole file.

    Several ranges, or a malformed one, stand for the whole file, as the standard allows.

    Raises:
        ValueError: the range starts after the file's end.
    """
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", (header or "").replace(" ", ""))
    if not found or found[0] == "bytes=-":
        return None
    first, last = found[1], found[2]
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start == stop:
        raise ValueError("behind the end")
    return start, stop


def response(handle: int, name: str, header: str | None, method: str) -> Response:
    """The response to a request for a file; the handle is closed once it is sent.

    Args:
        handle: handle of the open file.
        name: name of the file, which determines its type.
        header: the request's Range header.
        method: GET or HEAD.
    """
    size = os.fstat(handle).st_size
    headers = {"Accept-Ranges": "bytes"}
    try:
        part = wanted(header, size)
    except ValueError:
        os.close(handle)
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    start, stop = part or (0, size)
    headers["Content-Length"] = str(stop - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    if method == "HEAD":
        os.close(handle)
        return Response(status_code=206 if part else 200, headers=headers, media_type=_type(name))
    return Part(os.fdopen(handle, "rb", buffering=0), start, stop, 206 if part else 200, headers, _type(name))


class Part(StreamingResponse):
    """A range of bytes of a file, which is closed once they are sent or the client is gone."""

    def __init__(self, file: FileIO, start: int, stop: int, status: int, headers: dict[str, str], kind: str) -> None:
        super().__init__(_blocks(file, start, stop), status, headers, kind)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


def _blocks(file: FileIO, start: int, stop: int) -> Iterator[bytes]:
    file.seek(start)
    while start < stop and (block := file.read(min(BLOCK, stop - start))):
        start += len(block)
        yield block


def _type(name: str) -> str:
    suffix = os.path.splitext(name)[1].lower()
    return TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
