"""A folder of audio as mel power in one memory-mapped file: decoded once, read at random for ever."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from musicfeat.audio import load
from musicfeat.errors import InputError, MusicfeatError
from musicfeat.log_mel import SILENCE_POWER, LogMelSpec
from musicfeat_trainer.frontends.log_mel import LogMel

CHUNK_FRAMES = 4096
AUDIO_SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3"}


@dataclass(frozen=True)
class Track:
    """A file of the collection; ``source`` is the unit that a split keeps together."""

    path: str
    source: str
    start: int = 0
    frames: int = 0


@dataclass(frozen=True)
class SpectrogramStore:
    """Natural logarithm of mel power, [frames, n_mels] float16, the tracks one after another."""

    values: npt.NDArray[np.float16]
    tracks: list[Track]
    frame_seconds: float = 0.0

    def of_sources(self, sources: Iterable[str], *, excluded: bool = False) -> list[Track]:
        """The tracks whose source is (or, if ``excluded``, is not) among ``sources``."""
        names = set(sources)
        if missing := names - {track.source for track in self.tracks}:
            raise InputError(f"no track of source {sorted(missing)} in the store")
        return [track for track in self.tracks if (track.source in names) != excluded]


def list_tracks(root: Path, table: Path | None = None) -> list[Track]:
    """Audio files below ``root``; the first folder of a path is its source.

    Args:
        root: folder of audio.
        table: CSV with columns ``path``, ``source`` and optionally ``noncommercial``; rows that say yes there are
            left out. Without a table every audio file below ``root`` is taken.

    Raises:
        InputError: the folder is missing or holds nothing usable.
    """
    if not root.is_dir():
        raise InputError(f"no audio folder at {root}: set `audio` in the recipe's [data] section")
    if table is not None:
        with table.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row.get("noncommercial") != "yes"]
        tracks = [Track(row["path"], row["source"]) for row in rows]
    else:
        files = sorted(p.relative_to(root) for p in root.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES)
        tracks = [Track(p.as_posix(), p.parts[0] if len(p.parts) > 1 else p.stem) for p in files]
    if not tracks:
        raise InputError(f"no audio files found below {root}")
    return tracks


def mel_power_of(waveform: npt.NDArray[np.float32], frontend: LogMel) -> npt.NDArray[np.float16]:
    """Log mel power of a whole track, [samples // hop, n_mels], computed in bounded memory."""
    hop, chunk = frontend.spec.hop, CHUNK_FRAMES * frontend.spec.hop
    margin = -(-frontend.spec.n_fft // hop) * hop
    parts = []
    for start in range(0, len(waveform) // hop * hop, chunk):
        first = max(0, start - margin)
        piece = torch.from_numpy(waveform[first : start + chunk + margin])[None]
        with torch.no_grad():
            power = frontend.power(piece)[0, (start - first) // hop :][:CHUNK_FRAMES]
        parts.append((power + SILENCE_POWER).log().numpy().astype(np.float16))
    if not parts:
        raise InputError(f"shorter than one frame of {hop} samples")
    return np.concatenate(parts)


def build(folder: Path, root: Path, tracks: list[Track], spec: LogMelSpec) -> None:
    """Decode every track into ``folder`` (mel.npy, index.json); files that fail are listed, not fatal.

    A track is stored the moment it is decoded, so a killed run goes on where it stopped.
    """
    parts = folder / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    jobs = [(root / track.path, parts / f"{_key(track, spec)}.npy", spec) for track in tracks]
    with ProcessPoolExecutor() as pool:
        errors = list(tqdm(pool.map(_decode_one, *zip(*jobs, strict=True)), total=len(jobs), desc="decode"))
    failures = {track.path: error for track, error in zip(tracks, errors, strict=True) if error}
    _failures(folder).write_text(json.dumps(failures, indent=1))
    _join(folder, tracks, [part for _, part, _ in jobs], spec)


def _key(track: Track, spec: LogMelSpec) -> str:
    """A name for what is stored of a track, another one for another spectrogram."""
    return hashlib.sha256(f"{track.path} {spec}".encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _decode_one(audio: Path, part: Path, spec: LogMelSpec) -> str | None:
    if part.exists():
        return None
    torch.set_num_threads(1)
    try:
        values = mel_power_of(load(audio, rate=spec.sample_rate), LogMel(spec))
    except MusicfeatError as error:
        return str(error)
    temporary = part.with_suffix(".tmp.npy")
    np.save(temporary, values)
    os.replace(temporary, part)
    return None


def _join(folder: Path, tracks: list[Track], parts: list[Path], spec: LogMelSpec) -> None:
    loaded = [(track, np.load(part)) for track, part in zip(tracks, parts, strict=True) if part.exists()]
    starts = np.cumsum([0, *[len(values) for _, values in loaded]])
    np.save(folder / "mel.npy", np.concatenate([values for _, values in loaded]))
    index = [Track(t.path, t.source, int(s), len(v)) for (t, v), s in zip(loaded, starts, strict=False)]
    payload = {"spec": asdict(spec), "tracks": [asdict(track) for track in index]}
    (folder / "index.json").write_text(json.dumps(payload))
    for part in parts:
        part.unlink(missing_ok=True)


def open_store(folder: Path, spec: LogMelSpec) -> SpectrogramStore:
    """Memory-map a store, making sure that it was built with the same spectrogram."""
    payload = json.loads((folder / "index.json").read_text())
    if payload["spec"] != asdict(spec):
        raise InputError(f"{folder} was built with {payload['spec']}, not {asdict(spec)}: delete it to build anew")
    tracks = [Track(**track) for track in payload["tracks"]]
    return SpectrogramStore(np.load(folder / "mel.npy", mmap_mode="r"), tracks, spec.hop / spec.sample_rate)


def prepare(folder: Path, root: Path, table: Path | None, spec: LogMelSpec) -> SpectrogramStore:
    """Open the store in ``folder``, building it first if it is not there.

    Raises:
        InputError: no music, or a store of other music or of another spectrogram.
    """
    if not (folder / "index.json").exists():
        build(folder, root, list_tracks(root, table), spec)
    store = open_store(folder, spec)
    if root.is_dir():
        wanted, failed = {track.path for track in list_tracks(root, table)}, json.loads(_failures(folder).read_text())
        if wanted - set(failed) != {track.path for track in store.tracks}:
            raise InputError(f"the store {folder} holds other tracks than {table or root} now names: delete it")
    return store


def _failures(folder: Path) -> Path:
    """The list of files that could not be decoded."""
    return folder / "failures.json"
