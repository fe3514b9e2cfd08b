"""Music of Debian's packages as a folder of audio with a table, for recipes to train on.

The folder holds ``PACKAGE/...`` with the tracks of a package and its ``copyright``, and one ``tracks.csv`` of all
packages: ``path``, ``source`` (the package), ``seconds`` and ``licence`` of each track.
"""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO

import soundfile
from tqdm import tqdm

from musicfeat.errors import InputError
from musicfeat.files import replacing
from musicfeat_trainer.data.debian.licences import Licences
from musicfeat_trainer.data.debian.packages import PACKAGES, Package
from musicfeat_trainer.data.tracks import AUDIO_SUFFIXES

ARCHIVES = {".pk3", ".pk4", ".zip"}
LEAST_SECONDS = 20.0
"""Least length of a track; shorter files are jingles and effects."""
COLUMNS = ("path", "source", "seconds", "licence")


def fetch(folder: Path, packages: Sequence[Package], archives: Path | None = None) -> tuple[int, float]:
    """Bring the music of packages into a folder, one after another, and write its table; present packages are kept.

    Args:
        folder: target, made if missing.
        packages: packages to bring.
        archives: folder of downloaded .deb files; None: ``apt-get`` downloads each, which needs no rights of an
            administrator.

    Returns:
        Number of tracks in the table, and their total seconds.

    Raises:
        InputError: apt or dpkg is missing, or a package is unavailable or has no music.
    """
    _need("dpkg-deb", *([] if archives else ["apt-get"]))
    folder.mkdir(parents=True, exist_ok=True)
    for package in tqdm(packages, desc="packages"):
        if not (folder / package.name / "copyright").exists():
            with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as temporary:
                deb = _archive(package, archives) if archives else _downloaded(package, Path(temporary))
                unpack(deb, package, folder, Path(temporary))
    rows = list(_rows(folder))
    with replacing(folder / "tracks.csv") as table, table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return len(rows), sum(float(seconds) for _, _, seconds, _ in rows)


def _need(*programs: str) -> None:
    if missing := [program for program in programs if not shutil.which(program)]:
        raise InputError(
            f"no {' and no '.join(missing)} here: Debian's packages can be had on Debian and its kin alone"
        )


def _archive(package: Package, archives: Path) -> Path:
    found = sorted(archives.glob(f"{package.name}_*.deb"))
    if not found:
        raise InputError(f"no {package.name}_*.deb in {archives}: download it there, or do not name the folder")
    return found[-1]


def _downloaded(package: Package, folder: Path) -> Path:
    done = subprocess.run(
        ["apt-get", "download", "-q", package.name], cwd=folder, capture_output=True, text=True, check=False
    )
    found = list(folder.glob("*.deb"))
    if done.returncode or not found:
        told = (done.stderr.strip().splitlines() or ["it told nothing"])[-1]
        raise InputError(f"apt-get cannot download {package.name}: {told}. Try `apt-get update`, or leave it out")
    return found[0]


def unpack(deb: Path, package: Package, folder: Path, temporary: Path) -> None:
    """Move a package's tracks of ``LEAST_SECONDS`` and more to ``folder``/NAME, its copyright file last.

    Raises:
        InputError: music or copyright file is not in its expected place.
    """
    target, copied, notice = temporary / package.name, 0, f"usr/share/doc/{package.name}/copyright"
    for path, read in _files(deb):
        inside = _below(path, package.folder)
        if inside and inside not in package.without and Path(path).suffix.lower() in AUDIO_SUFFIXES:
            copied += _written(target / inside, read.read())
        elif path == notice:
            target.mkdir(exist_ok=True)
            (target / "copyright").write_bytes(read.read())
    if not copied or not (target / "copyright").exists():
        raise InputError(f"{deb.name} holds no music below {package.folder}, or no {notice}: not the version expected")
    shutil.move(target, folder / package.name)


def _files(deb: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Paths and contents of a package's regular files; files in a packed archive count as lying beside it."""
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield from _unpacked(process.stdout)
        except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
            raise InputError(f"{deb.name} is damaged: {error}. Download it again") from error
    if process.returncode:
        raise InputError(f"{deb.name} is no package that dpkg-deb can read")


def _unpacked(stream: IO[bytes] | None) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=stream, mode="r|") as packed:
        for member in packed:
            path, file = PurePosixPath(member.name), packed.extractfile(member) if member.isfile() else None
            if file and path.suffix.lower() in ARCHIVES:
                yield from _zipped(str(path.parent), file.read())
            elif file:
                yield str(path), file


def _zipped(parent: str, content: bytes) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            if not name.endswith("/"):
                yield f"{parent}/{name}", io.BytesIO(archive.read(name))


def _below(path: str, folder: str) -> str:
    """Path from a folder on, whose name may hold stars (their matches are kept); empty if not below it."""
    parts, wanted = PurePosixPath(path).parts, folder.split("/")
    if ".." in parts or not all(map(fnmatchcase, parts, wanted)) or len(parts) <= len(wanted):
        return ""
    stars = [part for part, name in zip(parts, wanted, strict=False) if "*" in name]
    return "/".join([*stars, *parts[len(wanted) :]])


def _written(target: Path, content: bytes) -> int:
    """Write a file if it is audio of ``LEAST_SECONDS`` or more; return the number of files written, 1 or 0."""
    try:
        seconds = soundfile.info(io.BytesIO(content)).duration
    except soundfile.SoundFileError:
        return 0
    if seconds < LEAST_SECONDS:
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return 1


def _rows(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    for package in PACKAGES:
        notice = folder / package.name / "copyright"
        if not notice.exists():
            continue
        licences = Licences(notice.read_text("utf-8", "replace"), package.licence)
        for path in sorted(notice.parent.rglob("*")):
            if path.suffix.lower() in AUDIO_SUFFIXES:
                inside = path.relative_to(notice.parent).as_posix()
                licence = licences.of(f"{package.folder}/{inside}")
                yield path.relative_to(folder).as_posix(), package.name, f"{soundfile.info(path).duration:.1f}", licence
