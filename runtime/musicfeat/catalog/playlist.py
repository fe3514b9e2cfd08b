"""Playlists from a catalog: tracks like some and unlike others, or a path from one track to another."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from musicfeat.catalog.names import absolute, to_text
from musicfeat.catalog.pooled import Pooled, pooled
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.search.query import query_of
from musicfeat.catalog.search.space import Floats
from musicfeat.catalog.tracks import Tracks
from musicfeat.errors import InputError
from musicfeat.extractor import Extractor
from musicfeat.sound.arguments import whole

UNLIKE_WEIGHT = 0.5
"""Weight of the unwanted tracks, relative to the wanted ones (Rocchio, 1971)."""
SAME, SAME_SECONDS = 0.8, 2.0
"""Least similarity and greatest difference in length of two tracks that pass as one recording."""
STRIDE = 4096
Asked = str | os.PathLike[str]


@dataclass(frozen=True)
class Entry:
    """A track of a playlist."""

    path: str
    name: str
    title: str | None
    artist: str | None
    album: str | None
    duration: float
    """Length in seconds."""
    similarity: float
    """Similarity to the request, or on a path to the track's place there, from -1 to 1."""


@dataclass(frozen=True)
class Limits:
    """Limits of a list."""

    count: int = 25
    per_artist: int | None = None
    per_album: int | None = None
    """Greatest number of tracks of one artist or album; tracks without one do not count. None is any number."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and (whole(value) or 0) < 1:
                raise InputError(f"{name} of a playlist must be a whole number from 1, got {value!r}")


class Playlists:
    """Maker of playlists from a catalog; open it once for many.

    >>> lists = Playlists("catalog")
    >>> [track.name for track in lists.path("Carol of the Bells", "Castle Black", Limits(2))]
    ['Carol of the Bells', 'Castle Black']

    Args:
        catalog: a catalog or its folder.
        extractor: the catalog's model, for files that it does not hold; None opens it if needed.

    Raises:
        CatalogError: it is no catalog, or a part is damaged.
    """

    def __init__(self, catalog: Catalog | Asked, extractor: Extractor | None = None) -> None:
        self.catalog = catalog if isinstance(catalog, Catalog) else Catalog(catalog)
        self.tracks = Tracks(self.catalog)
        self._vectors: Pooled = pooled(self.tracks)
        self._extractor = extractor

    def like(
        self, like: Iterable[Asked], unlike: Iterable[Asked] = (), limits: Limits | None = None, *, joined: bool = False
    ) -> list[Entry]:
        """Tracks like some and unlike others, without these themselves and without a recording twice.

        Args:
            like, unlike: files, in the catalog or not, or names of tracks (see ``Tracks.find``).
            limits: limits of the list.
            joined: True orders the list so that each track begins like the one before it ends; False, best first. Over
                six lists of 12 tracks, neighbouring ends were nearer in timbre than in a random order (MFCC, 80 for
                87), not in harmony or level.

        Raises:
            InputError: a track is unknown or silent, or ``like`` is empty.
        """
        wanted, unwanted = [self._seed(one) for one in _many(like)], [self._seed(one) for one in _many(unlike)]
        if not wanted:
            raise InputError("a playlist needs tracks that it is like: name one at least")
        query = _unit(np.mean([unit for _, unit in wanted], axis=0))
        if unwanted:
            query = _unit(query - UNLIKE_WEIGHT * np.mean([unit for _, unit in unwanted], axis=0))
        scores = self._scores(query)
        chosen = _Chosen(self, limits or Limits(), [number for number, _ in (*wanted, *unwanted) if number is not None])
        for number in _best_first(scores):
            if chosen.full:
                break
            chosen.offer(number)
        numbers = self.joined(chosen.numbers) if joined else chosen.numbers
        return [self._entry(number, scores[number]) for number in numbers]

    def path(self, start: Asked, end: Asked, limits: Limits | None = None) -> list[Entry]:
        """Path from one track to another in equal steps, including both if the catalog holds them.

        Raises:
            InputError: a track is unknown or silent, or they are the same.
        """
        limits = limits or Limits()
        ends = [self._seed(start), self._seed(end)]
        if np.allclose(ends[0][1], ends[1][1], atol=1e-3):
            raise InputError("a path leads from one track to another, got the same twice")
        held = [number for number, _ in ends if number is not None]
        chosen = _Chosen(self, limits, held)
        entries = [[self._entry(number, 1.0)] if number is not None else [] for number, _ in ends]
        for target in _between(ends[0][1], ends[1][1], limits.count - len(held)):
            scores = self._scores(target)
            number = next(filter(chosen.offer, _best_first(scores)), None)
            entries[0] += [] if number is None else [self._entry(number, scores[number])]
        return (entries[0] + entries[1])[: limits.count]

    def joined(self, numbers: Sequence[int]) -> list[int]:
        """Tracks ordered so that each begins like the one before it ends, by always taking the nearest next."""
        if not numbers:
            return []
        ends, begins = (
            vectors[list(numbers)].astype(np.float32) for vectors in (self._vectors.last, self._vectors.first)
        )
        likeness = ends @ begins.T
        order = [0]
        while len(order) < len(numbers):
            likeness[:, order[-1]] = -np.inf
            order.append(int(np.argmax(likeness[order[-1]])))
        return [numbers[place] for place in order]

    def _seed(self, asked: Asked) -> tuple[int | None, Floats]:
        """Number of a track (None if the catalog does not hold it), and its unit vector."""
        known = os.path.exists(asked)
        number = self._number(asked) if known else self.tracks.find(asked)
        if number is None:
            found = query_of(self.catalog, asked, extractor=self._extractor).embedding
            return None, self._vectors.space.unit(found[None])[0]
        unit = self._vectors.unit[number].astype(np.float32)
        if not unit.any():
            raise InputError(f"{asked} is silent: nothing can be like it")
        return number, unit

    def _number(self, path: Asked) -> int | None:
        return self.tracks.numbers.get(to_text(absolute(path)))

    def _scores(self, query: Floats) -> Floats:
        """[T] similarities; silent tracks are last."""
        scores = self._units @ query
        scores[~self._heard] = -np.inf
        return np.asarray(scores)

    @cached_property
    def _units(self) -> Floats:
        return self._vectors.unit.astype(np.float32)

    @cached_property
    def _heard(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self._vectors.first.any(axis=1) & self._vectors.unit.any(axis=1))

    def _entry(self, number: int, similarity: float) -> Entry:
        row = self.tracks.row(number)
        known = {name: row[name] for name in ("path", "name", "title", "artist", "album")}
        return Entry(**known, duration=row["duration"] or 0.0, similarity=round(float(similarity), 4))


class _Chosen:
    """Tracks chosen for a list so far, with no recording twice and within the limits on artists and albums."""

    def __init__(self, lists: Playlists, limits: Limits, known: Sequence[int]) -> None:
        self._lists, self._limits, self._known = lists, limits, list(known)
        self.numbers = list[int]()
        self._counted = [
            (lists.tracks.groups(column), most, Counter[int]())
            for column, most in (("artist", limits.per_artist), ("album", limits.per_album))
            if most is not None
        ]

    @property
    def full(self) -> bool:
        return len(self.numbers) >= self._limits.count

    def offer(self, number: int) -> bool:
        """Add a track if the limits allow it; True if it was added."""
        if any(groups[number] >= 0 and seen[groups[number]] >= most for groups, most, seen in self._counted):
            return False
        if self._same(number):
            return False
        for groups, _, seen in self._counted:
            seen[groups[number]] += 1
        self.numbers.append(number)
        self._known.append(number)
        return True

    def _same(self, number: int) -> bool:
        """True if this recording is known already: equal to the byte, or alike and of nearly equal length."""
        if not self._known:
            return False
        tracks, known = self._lists.tracks, self._known
        if number in known or tracks.digests[number] in {tracks.digests[one] for one in known}:
            return True
        near = np.abs(tracks.duration[known] - tracks.duration[number]) <= SAME_SECONDS
        units = self._lists._units
        return bool((near & (units[known] @ units[number] >= SAME)).any())


def _best_first(scores: Floats) -> Iterator[int]:
    """Numbers of audible tracks by falling score, sorted only as far as they are asked for."""
    done, most = 0, STRIDE
    while done < len(scores):
        best = np.argpartition(-scores, most)[:most] if most < len(scores) else np.arange(len(scores))
        best = best[np.lexsort((best, -scores[best]))]
        for number in best[done:]:
            if scores[number] == -np.inf:
                return
            yield int(number)
        done, most = len(best), most * 8


def _between(start: Floats, end: Floats, count: int) -> Iterator[Floats]:
    """Unit vectors at equal angles on the great circle between two (Shoemake, 1985), without the ends."""
    angle = float(np.arccos(np.clip(start @ end, -0.999, 0.999)))
    for share in np.arange(1, count + 1) / (count + 1):
        yield _unit(np.sin((1 - share) * angle) * start + np.sin(share * angle) * end)


def _unit(vector: npt.ArrayLike) -> Floats:
    found = np.asarray(vector, np.float32)
    return np.asarray(found / max(float(np.linalg.norm(found)), 1e-12), np.float32)


def _many(asked: Iterable[Asked]) -> list[Asked]:
    return [asked] if isinstance(asked, (str, os.PathLike)) else list(asked)
