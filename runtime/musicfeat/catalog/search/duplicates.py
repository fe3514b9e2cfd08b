"""Duplicates: tracks of a catalog that are one recording in another coding, level or rate, or cut at the beginning.

Tracks of nearly equal length are compared by their pooled embeddings; if these are alike, window by window at every
shift up to 15 s; and pairs still in doubt by their sound, if asked to. ``benchmarks/catalog/duplicates.py`` measures
this on tracks that training never saw.
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
"""Least similarity of pooled embeddings from which windows are compared."""
APART_SECONDS = {"window": 20.0, "track": 2.0}
"""Greatest difference between the lengths of copies."""
BLOCK = 1024


@dataclass(frozen=True)
class Copy:
    """A file with the same recording as the first of its group, which is the one to keep."""

    path: str
    similarity: float
    """Similarity of its embeddings to those of the first; 1 for the first."""
    shift: float
    """Seconds of the first file's beginning that it lacks, below 0 if it begins earlier; exact only if verified."""
    identical: bool
    """True if it equals the first to the byte."""
    share: float | None = None
    """Share of its sound that the first holds too; None if not verified by sound."""
    spare: bool = False
    """True if it can be deleted without loss: it equals the first, or its sound holds no more and is no better."""


@dataclass(frozen=True)
class Found:
    """Result of a search for duplicates."""

    groups: list[list[Copy]]
    """Groups of two or more files with the same recording, the one to keep first, then by path."""
    doubtful: int
    """Number of pairs that embeddings leave in doubt, because they are short or uniform; 0 if verified by sound."""
    away: list[str]
    """Files left out because they are gone or were changed since they were embedded."""
    failures: list[MusicfeatError]
    """Errors of files that could not be decoded for comparison by sound."""


class Pair(NamedTuple):
    """Two tracks that may be one recording."""

    other: int
    found: Aligned
    sure: bool
    """True if the embeddings alone prove it."""


def duplicates(catalog: Catalog, least: float | None = None, *, verify: bool = False) -> list[list[Copy]]:
    """Groups of files with the same recording; see ``find``.

    >>> [[copy.path for copy in group] for group in duplicates(Catalog("catalog"))]
    []
    """
    return find(catalog, least, verify=verify).groups


def find(catalog: Catalog, least: float | None = None, *, verify: bool = False) -> Found:
    """Groups of two or more files with the same recording, each led by the best one to keep, which all others match.

    Memory holds names and matches; vectors are in temporary files. Time grows with the square of the number of
    tracks of about one length; ``verify`` decodes files.

    Args:
        catalog: a catalog of windows; in one of tracks only pooled embeddings and lengths are compared, without shifts.
        least: least similarity of the same recording; None demands more the less evidence there is.
        verify: decide each pair, including doubtful ones, by the sound of the files.

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
    """Best file of each set of byte-identical ones -> all of the set, the best first."""
    by_digest = dict[str, list[int]]()
    for number in sorted(tracks.files(), key=lambda number: rank(tracks.tracks[number])):
        by_digest.setdefault(tracks.tracks[number].sha256, []).append(number)
    return {numbers[0]: numbers for numbers in by_digest.values()}


def _pairs(
    catalog: Catalog, tracks: Comparables, numbers: npt.NDArray[np.intp], least: float | None
) -> dict[int, list[Pair]]:
    """Number of a track -> its pairs with tracks that are, or may be, the same recording."""
    rows, window = catalog.settings.rows, catalog.settings.window
    found = dict[int, list[Pair]]()
    for first, second in _candidates(tracks, numbers, APART_SECONDS[rows], min(CANDIDATE, least or 1.0)):
        best = tracks.compare(first, second)
        if least is not None:
            bound = least
        elif rows == "track":
            bound = needed_pooled(min(tracks.tracks[first].length, tracks.tracks[second].length), window)
        else:
            bound = needed(best.windows, best.elsewhere)
        sure = best.similarity >= bound
        if sure or (least is None and doubtful(best, float(tracks.pooled[first] @ tracks.pooled[second]), bound)):
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
    """Groups around the files to keep, and the number of doubtful pairs left outside of them."""
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
    """A track as a copy of the one to keep; None if it is no copy."""
    path, similarity, shift = tracks[pair.other].path, pair.found.similarity, pair.found.shift
    if listener is None:
        return Copy(path, similarity, shift, False) if pair.sure else None
    heard = listener.compare(tracks[kept].path, path)
    if heard is None or not heard.same:
        return None
    return Copy(path, similarity, heard.offset, False, heard.share[1], spare(tracks[kept], tracks[pair.other], heard))
