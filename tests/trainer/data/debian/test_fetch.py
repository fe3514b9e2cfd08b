"""Music of Debian's packages: what is unpacked, which licence each track has, and what is told when it fails."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musicfeat.errors import InputError
from musicfeat_trainer.cli import main
from musicfeat_trainer.data.debian.fetch import fetch
from musicfeat_trainer.data.debian.licences import Licences
from musicfeat_trainer.data.debian.packages import PACKAGES
from musicfeat_trainer.data.tracks import list_tracks

COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: A game

Files: *
Copyright: 2002 The team
License: GPL-2+
 This program is free software.
 .
 Files: is no field here.

Files:
 base/music/song.ogg
 ./base/sound/*
Copyright: 2010 A composer
License: CC-BY-3.0

License: CC-BY-3.0
 The whole text.
"""
needs_dpkg = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="needs dpkg-deb (Debian: apt install dpkg)")
NAMES = {package.name: package for package in PACKAGES}


def audio(seconds: float, kind: str = "OGG") -> bytes:
    buffer = io.BytesIO()
    wave = np.sin(np.arange(int(seconds * 8000)) / 5) * 0.3
    soundfile.write(buffer, wave, 8000, format=kind)
    return buffer.getvalue()


def package(folder: Path, name: str, files: dict[str, bytes]) -> None:
    root = folder / "root"
    control = f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: M <m@example.org>\nDescription: music\n"
    for path, content in {"DEBIAN/control": control.encode(), **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    subprocess.run(
        ["dpkg-deb", "--build", str(root), str(folder / f"{name}_1_all.deb")], check=True, capture_output=True
    )
    shutil.rmtree(root)


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    folder, long = tmp_path / "archives", audio(21)
    folder.mkdir()
    packed = zipped({"music/song.ogg": long, "music/other.ogg": long, "music/jingle.ogg": audio(3), "a.txt": b"a"})
    document = "usr/share/doc/ufoai-music/copyright"
    files = {"usr/share/games/ufoai/base/0music.pk3": packed, document: COPYRIGHT.encode()}
    package(folder, "ufoai-music", files)
    factions = "usr/share/games/megaglest/techs/megapack/factions"
    files = {f"{factions}/{name}/music/theme.ogg": long for name in ("magic", "tech")}
    files |= {f"{factions}/tech/sounds/drum.ogg": long, "usr/share/doc/megaglest-data/copyright": COPYRIGHT.encode()}
    package(folder, "megaglest-data", files)
    return folder


@needs_dpkg
def test_music_comes_with_the_licence_of_every_track(archives: Path, tmp_path: Path) -> None:
    target = tmp_path / "music"
    found = fetch(target, [NAMES["ufoai-music"], NAMES["megaglest-data"]], archives)
    rows = list(csv.DictReader((target / "tracks.csv").open(newline="")))
    assert found == (4, 84.0)
    assert [(row["path"], row["source"], row["seconds"], row["licence"]) for row in rows] == [
        ("megaglest-data/magic/theme.ogg", "megaglest-data", "21.0", "GPL-2+"),
        ("megaglest-data/tech/theme.ogg", "megaglest-data", "21.0", "GPL-2+"),
        ("ufoai-music/other.ogg", "ufoai-music", "21.0", "GPL-2+"),
        ("ufoai-music/song.ogg", "ufoai-music", "21.0", "CC-BY-3.0"),
    ]
    assert (target / "ufoai-music" / "copyright").read_text() == COPYRIGHT
    assert [(track.path, track.source) for track in list_tracks(target, target / "tracks.csv")] == [
        (row["path"], row["source"]) for row in rows
    ]
    assert not list(target.glob(".*"))


@needs_dpkg
def test_known_copies_are_left_out(archives: Path, tmp_path: Path) -> None:
    files = {f"usr/share/games/widelands/data/music/{name}.ogg": audio(21) for name in ("menu", "ingame_14")}
    package(archives, "widelands-data", files | {"usr/share/doc/widelands-data/copyright": COPYRIGHT.encode()})
    assert fetch(tmp_path / "music", [NAMES["widelands-data"]], archives) == (1, 21.0)
    assert (tmp_path / "music" / "widelands-data" / "ingame_14.ogg").exists()


@needs_dpkg
def test_packages_there_are_kept_and_stay_in_the_table(archives: Path, tmp_path: Path) -> None:
    target = tmp_path / "music"
    fetch(target, [NAMES["ufoai-music"]], archives)
    (archives / "ufoai-music_1_all.deb").unlink()
    tracks, _ = fetch(target, [NAMES["ufoai-music"], NAMES["megaglest-data"]], archives)
    assert tracks == 4


@needs_dpkg
def test_a_package_that_fails_leaves_nothing_half_unpacked(archives: Path, tmp_path: Path) -> None:
    target, deb = tmp_path / "music", archives / "ufoai-music_1_all.deb"
    deb.write_bytes(deb.read_bytes()[:-900])
    with pytest.raises(InputError, match=r"ufoai-music_1_all\.deb"):
        fetch(target, [NAMES["ufoai-music"]], archives)
    package(archives, "hyperrogue-music", {"usr/share/doc/hyperrogue-music/copyright": b"prose"})
    with pytest.raises(InputError, match="holds no music below usr/share/hyperrogue/music"):
        fetch(target, [NAMES["hyperrogue-music"]], archives)
    assert not list(target.iterdir())


@needs_dpkg
def test_missing_packages_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "music")
    assert main(["fetch-debian-music", folder, "--package", "ufoai-music", "--archives", str(tmp_path)]) == 1
    assert "no ufoai-music_*.deb in" in capsys.readouterr().err
    assert main(["fetch-debian-music", folder, "--package", "bash"]) == 1
    assert "no music known in bash" in capsys.readouterr().err


def test_the_last_paragraph_that_matches_holds() -> None:
    licences = Licences(COPYRIGHT)
    assert licences.of("usr/share/games/ufoai/base/music/song.ogg") == "CC-BY-3.0"
    assert licences.of("usr/share/games/ufoai/base/sound/a/b.ogg") == "CC-BY-3.0"
    assert licences.of("usr/share/games/ufoai/base/music/other.ogg") == "GPL-2+"


def test_prose_states_no_licence_but_what_is_known_of_it() -> None:
    assert Licences("Free as in freedom. Files: *\nLicense: none\n").of("usr/a.ogg") == ""
    assert Licences("Free as in freedom.", "GPL-2").of("usr/a.ogg") == "GPL-2"
