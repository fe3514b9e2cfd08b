"""Tracks of a catalog that are the same recording, in another coding, level or rate, or cut at their beginning.

Tracks whose lengths are near are compared by their pooled embeddings; those alike enough window by window, at every
shift up to 15 s; what that leaves in doubt, by their sound if asked to. Measured by
``benchmarks/catalog/duplicates.py`` on tracks that training never saw.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.search.alignment import Aligned
from musicfeat.catalog.search.comparable import Comparables, Track
from musicfeat.catalog.search.evidence import doubtful, needed, needed_pooled
from musicfeat.catalog.search.keeping import rank, spare
from musicfeat.catalog.search.listening import Listener
from musicfeat.errors import InputError, MusicfeatError
from musicfeat.files import temporary_folder

CANDIDATE = 0.45
"""Of pooled embeddings, from which windows are compared."""
APART_SECONDS = {"window": 20.0, "track": 2.0}
"""By how much the lengths of copies may differ."""
BLOCK = 1024


@dataclass(frozen=True)
class Copy:
    """A file that holds the same recording as the first of its group, which is the one to keep."""

    path: str
    similarity: float
    """Of its embeddings with the first one's; 1 for the first."""
    shift: float
    """Seconds of the first one's beginning that it lacks, below 0 what it has before it: about, or as heard."""
    identical: bool
    """Whether it equals the first to the byte."""
    share: float | None = None
    """Of its sound, what the first holds too; None if nobody listened."""
    spare: bool = False
    """Whether it could be deleted without loss: it equals the first, or was heard to hold no more and no better."""


@dataclass(frozen=True)
class Found:
    """What a search for duplicates found."""

    groups: list[list[Copy]]
    """Two or more files that hold the same recording, the one to keep first, then by path."""
    doubtful: int
    """Pairs that embeddings leave in doubt, because they are short or uniform; none if they were listened to."""
    away: list[str]
    """Files that are gone, or were changed since they were embedded: left out."""
    failures: list[MusicfeatError]
    """Files that could not be decoded to listen to them."""


class Pair(NamedTuple):
    """Two tracks that may be one recording."""

    other: int
    found: Aligned
    sure: bool
    """Whether the embeddings suffice to say so."""


def duplicates(catalog: Catalog, least: float | None = None, *, verify: bool = False) -> list[list[Copy]]:
    """The groups that ``find`` finds."""
    return find(catalog, least, verify=verify).groups


def find(catalog: Catalog, least: float | None = None, *, verify: bool = False) -> Found:
    """Groups of two or more files that hold the same recording; all are alike to the first, which is the best to keep.

    Memory holds names and what is alike; vectors are in temporary files. Time grows with the square of the number of
    tracks of about one length; listening takes decoding.

    Args:
        catalog: of windows. In one of tracks, only the pooled embedding and nearly equal lengths tell, no shifts.
        least: similarity from which tracks are the same; None asks for more the less evidence there is.
        verify: decide each pair, the doubtful too, by the sound of the files.

    Raises:
        InputError: the similarity is out of its range.
        CatalogError: a part is damaged.
    """
    if least is not None and not 0 < least <= 1:
        raise InputError(f"a similarity from which tracks are the same is above 0 and at most 1, got {least!r}")
    with temporary_folder() as folder:
        tracks = Comparables(catalog, folder)
        names = _same_bytes(tracks)
        pairs = _pairs(catalog, tracks, np.array(sorted(names), np.intp), least)
        listener = Listener() if verify else None
        groups, left = _gathered(tracks.tracks, names, pairs, listener)
    failures = list(listener.failures.values()) if listener else []
    return Found(sorted(groups, key=lambda group: group[0].path), 0 if verify else left, sorted(tracks.away), failures)


def _same_bytes(tracks: Comparables) -> dict[int, list[int]]:
    """The best of each number of files that are equal to the byte -> all of them, the best first."""
    by_digest = dict[str, list[int]]()
    for number in sorted(tracks.files(), key=lambda number: rank(tracks.tracks[number])):
        by_digest.setdefault(tracks.tracks[number].sha256, []).append(number)
    return {numbers[0]: numbers for numbers in by_digest.values()}


def _pairs(
    catalog: Catalog, tracks: Comparables, numbers: npt.NDArray[np.intp], least: float | None
) -> dict[int, list[Pair]]:
    """Of each track the others that are alike, or may be."""
    rows, window = catalog.settings.rows, catalog.settings.window
    found = dict[int, list[Pair]]()
    for first, second in _candidates(tracks, numbers, APART_SECONDS[rows], min(CANDIDATE, least or 1.0)):
        best = tracks.compare(first, second)
        if least is not None:
            bound = least
        elif rows == "track":
            bound = needed_pooled(min(tracks.tracks[first].length, tracks.tracks[second].length), window)
        else:
            bound = needed(best.windows, best.beside)
        sure = best.similarity >= bound
        if sure or (least is None and doubtful(best, bound)):
            found.setdefault(first, []).append(Pair(second, best, sure))
            found.setdefault(second, []).append(Pair(first, best._replace(shift=0.0 - best.shift), sure))
    return found


def _candidates(
    tracks: Comparables, numbers: npt.NDArray[np.intp], apart: float, least: float
) -> Iterator[tuple[int, int]]:
    """Pairs of tracks of about one length whose pooled embeddings are alike."""
    lengths = np.array([track.length for track in tracks.tracks])
    ordered = numbers[np.argsort(lengths[numbers], kind="stable")]
    for first in range(0, len(ordered), BLOCK):
        some = ordered[first : first + BLOCK]
        last = np.searchsorted(lengths[ordered], lengths[some[-1]] + apart, side="right")
        for second in range(first, int(last), BLOCK):
            others = ordered[second : min(second + BLOCK, int(last))]
            near = tracks.pooled[some] @ tracks.pooled[others].T >= least
            near &= np.abs(lengths[some][:, None] - lengths[others]) <= apart
            if second == first:
                near = np.triu(near, 1)
            yield from ((int(some[i]), int(others[j])) for i, j in np.argwhere(near))


def _gathered(
    tracks: list[Track], names: dict[int, list[int]], pairs: dict[int, list[Pair]], listener: Listener | None
) -> tuple[list[list[Copy]], int]:
    """Groups around what is best to keep, and how many doubtful pairs are left outside of them."""
    group_of, groups, left = dict[int, int](), list[list[Copy]](), 0
    for kept in sorted(names, key=lambda number: rank(tracks[number])):
        if kept in group_of:
            continue
        group_of[kept] = kept
        group = [Copy(tracks[number].path, 1.0, 0.0, True, None, number != kept) for number in names[kept]]
        for pair in pairs.get(kept, []):
            copy = _copy(tracks, kept, pair, listener) if pair.other not in group_of else None
            if copy:
                group_of[pair.other] = kept
                more = (
                    Copy(tracks[n].path, copy.similarity, copy.shift, False, copy.share, True)
                    for n in names[pair.other][1:]
                )
                group += [copy, *more]
        if len(group) > 1:
            groups.append([group[0], *sorted(group[1:], key=lambda copy: copy.path)])
    for number, others in pairs.items():
        left += sum(
            not pair.sure and number < pair.other and group_of[number] != group_of[pair.other] for pair in others
        )
    return groups, left


def _copy(tracks: list[Track], kept: int, pair: Pair, listener: Listener | None) -> Copy | None:
    """A track as a copy of the one to keep, if it is one."""
    path, similarity, shift = tracks[pair.other].path, pair.found.similarity, pair.found.shift
    if listener is None:
        return Copy(path, similarity, shift, False) if pair.sure else None
    heard = listener.compare(tracks[kept].path, path)
    if heard is None or not heard.same:
        return None
    return Copy(path, similarity, heard.offset, False, heard.share[1], spare(tracks[kept], tracks[pair.other], heard))
