"""Stores of files that are turned into arrays once, in parallel, and read from one memory-mapped file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from musicfeat.errors import InputError, MusicfeatError
from musicfeat.files import replacing
from musicfeat_trainer.data.contents import Contents
from musicfeat_trainer.data.tracks import Track, list_tracks

JOB_FILES = 16
"""Greatest number of files handed to a worker at a time."""


@dataclass(frozen=True)
class Store:
    """Frames of all tracks, one track after another, [frames, ...] as ``Contents`` defines them."""

    values: npt.NDArray[np.generic]
    tracks: list[Track]
    frame_seconds: float = 0.0

    def of_sources(self, sources: Iterable[str], *, excluded: bool = False) -> list[Track]:
        """Tracks whose source is (or, if ``excluded``, is not) among ``sources``."""
        names = set(sources)
        if missing := names - {track.source for track in self.tracks}:
            raise InputError(f"no track of source {sorted(missing)} in the store")
        return [track for track in self.tracks if (track.source in names) != excluded]


def build(folder: Path, root: Path, tracks: Sequence[Track], contents: Contents) -> None:
    """Read every track into ``folder`` (values.npy, index.json); unreadable files are listed, not fatal.

    A track is stored as soon as it is read, so a killed run goes on where it stopped.
    """
    parts = folder / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    places = [parts / f"{_key(track, contents)}.npy" for track in tracks]
    chunk = max(1, min(JOB_FILES, len(tracks) // 64))
    with ProcessPoolExecutor() as pool:
        jobs = pool.map(_read_one, [root / t.path for t in tracks], places, repeat(contents), chunksize=chunk)
        errors = list(tqdm(jobs, total=len(tracks), desc="decode"))
    failures = {track.path: error for track, error in zip(tracks, errors, strict=True) if error}
    if len(failures) == len(tracks):
        raise InputError(f"none of {len(tracks)} files below {root} could be read; the first: {errors[0]}")
    _failures(folder).write_text(json.dumps(failures, indent=1))
    _join(folder, tracks, places, contents)


def _key(track: Track, contents: Contents) -> str:
    """Name of a track's stored part, different for other contents."""
    return hashlib.sha256(f"{track.path} {contents}".encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _read_one(path: Path, part: Path, contents: Contents) -> str | None:
    if part.exists():
        return None
    try:
        values = contents.read(path)
    except MusicfeatError as error:
        return str(error)
    with replacing(part) as temporary:
        np.save(temporary, values)
    return None


def _join(folder: Path, tracks: Sequence[Track], places: list[Path], contents: Contents) -> None:
    """Copy the parts into one file, one after another, so that memory holds one track at a time."""
    found = [(track, place) for track, place in zip(tracks, places, strict=True) if place.exists()]
    lengths = [len(np.load(place, mmap_mode="r")) for _, place in found]
    starts = np.cumsum([0, *lengths])
    like = np.load(found[0][1], mmap_mode="r")
    shape = (int(starts[-1]), *like.shape[1:])
    joined = np.lib.format.open_memmap(folder / "values.npy", mode="w+", dtype=like.dtype, shape=shape)
    for (_, place), start, length in zip(found, starts, lengths, strict=False):
        joined[start : start + length] = np.load(place)
    joined.flush()
    index = [Track(t.path, t.source, int(s), n) for (t, _), s, n in zip(found, starts, lengths, strict=False)]
    payload = {"contents": contents.described(), "tracks": [asdict(track) for track in index]}
    with replacing(folder / "index.json") as temporary:
        temporary.write_text(json.dumps(payload))
    for place in places:
        place.unlink(missing_ok=True)


def open_store(folder: Path, contents: Contents) -> Store:
    """Memory-map a store; it must have been built with the same contents."""
    payload = json.loads((folder / "index.json").read_text())
    if (found := payload.get("contents")) != contents.described():
        raise InputError(f"{folder} was built with {found}, not {contents.described()}: delete it to build anew")
    tracks = [Track(**track) for track in payload["tracks"]]
    return Store(np.load(folder / "values.npy", mmap_mode="r"), tracks, contents.frame_seconds)


def prepare(folder: Path, root: Path, tracks: Sequence[Track], contents: Contents) -> Store:
    """Open the store in ``folder``, building it first if missing.

    Raises:
        InputError: the store has other files or contents, or no file can be read.
    """
    if not (folder / "index.json").exists():
        build(folder, root, tracks, contents)
    store = open_store(folder, contents)
    wanted, failed = {track.path for track in tracks}, json.loads(_failures(folder).read_text())
    if wanted - set(failed) != {track.path for track in store.tracks}:
        raise InputError(f"the store {folder} holds other tracks than are named now below {root}: delete it")
    return store


def prepare_folder(folder: Path, root: Path, table: Path | None, contents: Contents) -> Store:
    """Store of the audio below ``root``, see ``prepare``; the audio may be gone once the store is built."""
    if (folder / "index.json").exists() and not root.is_dir():
        return open_store(folder, contents)
    return prepare(folder, root, list_tracks(root, table), contents)


def _failures(folder: Path) -> Path:
    """Path of the list of unreadable files."""
    return folder / "failures.json"
