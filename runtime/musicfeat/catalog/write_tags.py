"""Findings of a catalog written into audio files as tags, whole or not at all; the sound is compared packet by packet.

A catalog knows a file by its size and time of change, which writing changes. So each file's new size, time and digest
are noted in the catalog's folder before the new file replaces the old one, and go into its rows at the end; the next
run takes over the notes of a killed one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from musicfeat.catalog.findings import Found
from musicfeat.catalog.names import to_path, to_text
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.rewriting import changing, rewrite
from musicfeat.catalog.settings import Settings
from musicfeat.catalog.workers.file_state import state
from musicfeat.errors import AudioError, CatalogError, InputError, MusicfeatError
from musicfeat.files import replacing

PREFIX = "MUSICFEAT_"
"""Prefix of tags: TXXX:MUSICFEAT_X in ID3, MUSICFEAT_X in Vorbis comments, ----:com.apple.iTunes:... in MP4."""
NOTES = ".written.jsonl"
COLUMNS = ["path", "size", "mtime", "sha256"]
EXTRA = "pip install 'musicfeat[tags]'"


@dataclass(frozen=True)
class Written:
    """Result of writing one file."""

    path: str
    texts: Mapping[str, str]
    """New text of each tag that was, or would be, changed; empty if all are up to date."""
    error: MusicfeatError | None = None
    """Error for which the file was left unchanged."""


def write_tags(
    catalog: Catalog, found: Iterable[Found], fields: Iterable[str], copies: Path | None = None, *, dry: bool = False
) -> Iterator[Written]:
    """Write findings into the files of a catalog, or into copies of them; a file that fails is left unchanged.

    Args:
        catalog: the catalog; its rows are updated to recognise the files.
        found: findings of its tracks.
        fields: names of the texts to write, from ``findings.fields_of``.
        copies: folder for copies, in the folders below which the files lie; None changes the files themselves.
        dry: True reports changes without writing.

    Raises:
        CatalogError: another run is at work on the catalog, or a package is missing.
    """
    wanted = tuple(fields)
    _check_packages()
    if dry or copies:
        tracks = list(found)
        targets = _copies_of([one.path for one in tracks], copies) if copies else [None] * len(tracks)
        for one, target in zip(tracks, targets, strict=True):
            yield _one(catalog.folder, one, wanted, target, dry)
        return
    with changing(catalog.folder, catalog.settings):
        take_over(catalog.folder, catalog.settings)
        try:
            yield from (_one(catalog.folder, one, wanted, None, False) for one in found)
        finally:
            take_over(catalog.folder, catalog.settings)


def _copies_of(paths: list[str], folder: Path) -> list[Path]:
    """Places for copies, which lie to each other as the files do: files of one name in two folders stay two."""
    shared = os.path.commonpath([os.path.dirname(path) for path in paths]) if paths else ""
    return [folder / os.path.relpath(path, shared) for path in paths]


def take_over(folder: Path, settings: Settings) -> None:
    """Move the notes on written files into the rows of a catalog that no other run writes."""
    notes = _noted(folder / NOTES)
    if notes:
        rewrite(folder, settings, lambda rows: _changed(rows, notes), COLUMNS)
    (folder / NOTES).unlink(missing_ok=True)


def _noted(file: Path) -> dict[str, dict[str, Any]]:
    """Last note of each file that still matches it; a line cut short by a kill is ignored."""
    try:
        lines = file.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return {}
    notes = {note["path"]: note for note in map(json.loads, lines)}
    return {path: note for path, note in notes.items() if state(to_path(path)) == (note["size"], note["mtime"])}


def _changed(rows: pa.Table, notes: Mapping[str, Mapping[str, Any]]) -> pa.Table | None:
    paths = rows.column("path").combine_chunks()
    if not pc.any(pc.is_in(paths, pa.array(list(notes)))).as_py():
        return None
    times = pc.cast(rows.column("mtime"), "int64").to_pylist()
    new = [
        {**row, **notes.get(row["path"], {"mtime": time})} for row, time in zip(rows.to_pylist(), times, strict=True)
    ]
    columns = {name: pa.array([row[name] for row in new]).cast(rows.schema.field(name).type) for name in COLUMNS[1:]}
    return pa.table(columns)


def _one(folder: Path, found: Found, fields: tuple[str, ...], copy: Path | None, dry: bool) -> Written:
    texts = {name: text for name, text in found.texts().items() if name in fields}
    try:
        held = _read(found.path, fields)
        changes = {name: text for name, text in texts.items() if held[name] != text}
        if changes and not dry:
            _write(folder / NOTES, found.path, changes, fields, copy)
        return Written(found.path, changes)
    except (AudioError, InputError) as error:
        return Written(found.path, {}, error)


def _write(notes: Path, name: str, texts: Mapping[str, str], fields: tuple[str, ...], copy: Path | None) -> None:
    path = os.path.realpath(name)  # a symbolic link stays one
    target = copy or Path(path)
    try:
        if copy:
            if copy.exists():
                raise InputError(f"{copy} is there already: name an empty folder for copies")
            copy.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary:
            shutil.copy2(path, temporary)
            _save(temporary, texts, fields)
            if sound_digest(temporary) != sound_digest(path):
                raise AudioError(f"the sound of {path} would change: its tags cannot be written, it is left as it is")
            os.utime(temporary)
            _keep_owner(path, temporary)
            if not copy:
                _note(notes, name, temporary)
    except OSError as error:
        raise AudioError(f"{path} cannot be written ({error.strerror or error}): it is left as it is") from error


def _keep_owner(path: str, temporary: Path) -> None:
    if hasattr(os, "chown"):
        with suppress(PermissionError):  # a user who may write to the folder need not own the file
            held = os.stat(path)
            os.chown(temporary, held.st_uid, held.st_gid)


def _note(notes: Path, path: str, temporary: Path) -> None:
    size, mtime = state(os.fspath(temporary))
    with temporary.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    line = json.dumps({"path": to_text(path), "size": size, "mtime": mtime, "sha256": digest})
    with notes.open("ab") as file, temporary.open("rb") as written:
        os.fsync(written.fileno())
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def sound_digest(path: str | os.PathLike[str]) -> str:
    """Digest of the coded sound in a file, which stays equal when only tags and pictures change.

    Raises:
        AudioError: the file cannot be read.
    """
    import av

    digest = hashlib.blake2b(digest_size=16)
    try:
        with av.open(os.fspath(path)) as file:
            for packet in file.demux(file.streams.audio[0]):
                digest.update(bytes(packet))
    except (av.FFmpegError, IndexError, OSError) as error:
        raise AudioError(f"{path} cannot be read as sound ({error}): it is left as it is") from error
    return digest.hexdigest()


def _read(path: str, fields: tuple[str, ...]) -> dict[str, str | None]:
    file = _opened(path, fields)
    return {name: getattr(file, PREFIX + name) for name in fields}


def _save(path: Path, texts: Mapping[str, str], fields: tuple[str, ...]) -> None:
    file = _opened(os.fspath(path), fields)
    for name, text in texts.items():
        setattr(file, PREFIX + name, text)
    try:
        file.save()
    except Exception as error:
        raise AudioError(f"the tags of {path} cannot be written ({error}): it is left as it is") from error


def _opened(path: str, fields: tuple[str, ...]) -> Any:
    """The tags of a file, with the tags of this package as attributes."""
    import mediafile

    class Tagged(mediafile.MediaFile):  # type: ignore[misc]  # untyped before 0.15
        """File with the tags of this package."""

    for name in fields:
        own = PREFIX + name.upper()
        styles = mediafile.MP3DescStorageStyle(own), mediafile.MP4StorageStyle(f"----:com.apple.iTunes:{own}")
        Tagged.add_field(
            PREFIX + name,
            mediafile.MediaField(*styles, mediafile.StorageStyle(own), mediafile.ASFStorageStyle(own)),
        )
    try:
        return Tagged(path)
    except Exception as error:
        raise AudioError(f"{path} cannot hold tags, or is not there ({error}): it is left as it is") from error


def _check_packages() -> None:
    try:
        import av as _  # noqa: F401
        import mediafile as __  # noqa: F401
    except ModuleNotFoundError as error:
        raise CatalogError(f"writing tags needs {error.name}: {EXTRA}") from error
