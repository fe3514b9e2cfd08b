"""Jigsaws in play and files dropped on the page, a limited number of each."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np

from musicfeat.errors import AudioError, InputError
from musicfeat.listen.library import Library
from musicfeat.listen.tasks import PIECE_SECONDS, Pieces
from musicfeat.listen.workers import Workers

Held = TypeVar("Held")
GAMES, UPLOADS = 16, 4
TRIES = 12
FEWEST, MOST = 3, 6
FURTHEST_SECONDS = 1200.0
"""Latest start of a jigsaw, since a file is decoded from its beginning."""


class Newest(Generic[Held]):
    """The newest items, by tokens that nobody can guess.

    Args:
        most: number of items kept.
    """

    def __init__(self, most: int) -> None:
        self._most, self._held, self._changing = most, OrderedDict[str, Held](), Lock()

    def add(self, token: str, value: Held) -> list[Held]:
        """Keep an item; return the items removed to make room."""
        with self._changing:
            self._held[token] = value
            return [self._held.popitem(last=False)[1] for _ in range(len(self._held) - self._most)]

    def get(self, token: str) -> Held:
        """The item of a token; LookupError if it is no longer kept."""
        found = self._held.get(token)
        if found is None:
            raise LookupError("that is no longer there: begin again")
        return found


@dataclass(frozen=True)
class Game:
    """A jigsaw."""

    name: str
    track: int
    start: float
    pieces: Pieces


class Games:
    """A maker of jigsaws from the catalog's tracks, and judge of answers.

    Args:
        library: the catalog.
        workers: worker processes that decode.
    """

    def __init__(self, library: Library, workers: Workers) -> None:
        self._library, self._workers, self._games = library, workers, Newest[Game](GAMES)

    def begin(self, count: Any, track: Any) -> dict[str, Any]:
        """A new game.

        Raises:
            InputError: the request is malformed, or no track is long enough.
            AudioError: the file cannot be decoded.
            LookupError: there is no such track.
        """
        if isinstance(count, bool) or not isinstance(count, int) or not FEWEST <= count <= MOST:
            raise InputError(f"pieces must be a whole number from {FEWEST} to {MOST}, got {count!r}")
        tracks = len(self._library.columns.files)
        if track is not None and (isinstance(track, bool) or not isinstance(track, int)):
            raise InputError(f"track must be a track's number or null, got {track!r}")
        if track is not None and not 0 <= track < tracks:
            raise LookupError(f"there is no track {track}")
        generator = np.random.default_rng()
        refusal: Exception = InputError(f"no track can be played that has {count} pieces of {PIECE_SECONDS:.1f} s")
        for _ in range(TRIES if tracks else 0):
            chosen = int(generator.integers(tracks)) if track is None else track
            try:
                return self._begun(chosen, count, generator)
            except (AudioError, InputError) as error:
                refusal = error
        raise refusal

    def piece(self, token: str, number: int) -> bytes:
        """A piece as a WAV file; LookupError if there is none."""
        waves = self._games.get(token).pieces.waves
        if not 0 <= number < len(waves):
            raise LookupError(f"the game has pieces 0 to {len(waves) - 1}")
        return waves[number]

    def answer(self, token: str, order: Any) -> dict[str, Any]:
        """Judgement of an order, and the model's order.

        Raises:
            InputError: the order does not hold every piece once.
            LookupError: there is no such game.
        """
        game = self._games.get(token)
        right, model = list(game.pieces.right), list(game.pieces.order)
        numbers = isinstance(order, list) and all(type(index) is int for index in order)
        if not numbers or sorted(order) != list(range(len(right))):
            raise InputError(f"order must hold each number from 0 to {len(right) - 1} once, got {order!r}"[:200])
        judged = {"order": model, "probability": round(game.pieces.probability, 4), "correct": model == right}
        return {"right": right, "answer": order, "correct": order == right, "model": judged}

    def _begun(self, track: int, count: int, generator: np.random.Generator) -> dict[str, Any]:
        path, rows = self._library.files.checked(track), self._library.columns.rows(track)
        latest = self._library.columns.files[track].duration - count * PIECE_SECONDS - 0.1
        if latest < 0:
            raise InputError(f"{count} pieces of {PIECE_SECONDS:.1f} s need a longer file")
        start = self._place(rows, min(latest, FURTHEST_SECONDS), generator)
        found = self._workers.pieces(path, count, start, int(generator.integers(2**32)))
        token, name = secrets.token_urlsafe(16), self._library.files.names[track]
        self._games.add(token, Game(name, track, start, found))
        urls = [{"url": f"/api/game/{token}/{number}.wav", "duration": found.duration} for number in range(count)]
        return {"token": token, "name": name, "track": track, "start": round(start, 3), "pieces": urls}

    def _place(self, rows: slice, latest: float, generator: np.random.Generator) -> float:
        """A start time: of an audible window if one is early enough, else random."""
        starts = self._library.columns.values["start"][rows]
        fit = (starts <= latest) & ~self._library.columns.values["silent"][rows]
        if len(starts) < 2 or not fit.any():
            return float(generator.uniform(0, latest))
        return float(generator.choice(starts[fit]))


class Uploads:
    """Files dropped on the page, in a folder that is removed with the server."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="musicfeat-")
        self._files = Newest[tuple[str, str]](UPLOADS)

    def new(self) -> tuple[str, str]:
        """A token and the path of a file to write."""
        token = secrets.token_urlsafe(16)
        return token, os.path.join(self._folder.name, token)

    def add(self, token: str, path: str, name: str) -> None:
        """Keep a file until enough newer ones have come."""
        for old, _ in self._files.add(token, (path, name)):
            Path(old).unlink(missing_ok=True)

    def get(self, token: str) -> tuple[str, str]:
        """Path and name of a file; LookupError if it is no longer kept."""
        return self._files.get(token)

    def close(self) -> None:
        """Remove all files."""
        self._folder.cleanup()
