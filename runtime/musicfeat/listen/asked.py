"""Values of a request, checked."""

from __future__ import annotations

import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from musicfeat.errors import InputError

MOST_JSON = 10_000
"""Most bytes of a usual request."""


async def json_of(request: Request, most: int = MOST_JSON, told: str = "the request is too large") -> dict[str, Any]:
    """The JSON object in a request of at most so many bytes; an empty one holds nothing.

    Raises:
        HTTPException: the request is too large, in the words of ``told``.
        InputError: it holds something else.
    """
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > most:
            raise HTTPException(413, told)
    try:
        found = await run_in_threadpool(json.loads, body or b"{}")
    except (ValueError, RecursionError) as error:
        raise InputError("the request is not JSON") from error
    if not isinstance(found, dict):
        raise InputError("the request is not a JSON object")
    return found


def number(request: Request, name: str, default: int, most: int) -> int:
    """The whole number above 0 in a query, at most ``most``; InputError if it is none."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise InputError(f"{name} must be a whole number from 1, got {text!r}"[:200])
    return min(int(text), most)
