"""Wherever Python may run, and whatever program wrote the list."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musicfeat.catalog import embed_catalog
from musicfeat.catalog.entries import entries
from musicfeat.catalog.listing import HIDDEN, NO_AUDIO, find
from musicfeat.errors import InputError
from musicfeat.files import sync, temporary_folder
from musicfeat.model import cores


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "a b.wav", np.random.default_rng(0).uniform(-0.1, 0.1, 22050), 22050)
    return tmp_path / "a b.wav"


@pytest.mark.parametrize("line", ["a b.wav", "a%20b.wav", ".\\a b.wav", "file://{}/a%20b.wav", "file:{}/a%20b.wav"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_lines_of_every_program(line: str, encoding: str, sound: Path) -> None:
    data = (line.format(sound.parent) + "\r\n").encode(encoding)
    (found,) = entries(data, str(sound.parent / "list.m3u"))
    assert os.path.samefile(found, sound)


def test_a_line_that_names_nothing_stays_as_it_is() -> None:
    assert entries(b"100%25.wav\n", "/nowhere/list.txt") == ["/nowhere/100%25.wav"]
    assert entries(b"a.wav\0b.wav\0", "/nowhere/list") == ["/nowhere/a.wav", "/nowhere/b.wav"]


def test_what_a_folder_holds_beside_sound_is_counted(sound: Path) -> None:
    for name in ("...And So On/1.m4b", ".38/2.mka", ".git/3.wav", "._a.wav", "cover.jpg"):
        path = sound.parent / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    passed = Counter[str]()
    found = find([sound.parent], passed=passed)
    assert [os.path.basename(path) for path in found] == ["1.m4b", "2.mka", "a b.wav"]
    assert passed == {HIDDEN: 2, NO_AUDIO: 1}


def test_a_script_on_standard_input_embeds(sound: Path) -> None:
    script = f"""
from musicfeat.catalog import embed_catalog
if __name__ == "__main__":
    print(embed_catalog([{os.fspath(sound)!r}], "catalog", workers=1).embedded, __file__)
"""
    done = subprocess.run(
        [sys.executable, "-"], input=script, cwd=sound.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "<stdin>"]


def test_folders_that_cannot_be_synced(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def refuse(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(handle)

    monkeypatch.setattr(os, "fsync", refuse)
    assert embed_catalog([sound], sound.parent / "catalog", workers=1).embedded == 1
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "disk")))
    with pytest.raises(OSError, match="disk"):
        sync(sound.parent)


def test_without_a_temporary_folder_the_mend_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(InputError, match="TMPDIR"), temporary_folder():
        pass


@pytest.mark.parametrize(("limit", "expected"), [("50000 100000", 1), ("max 100000", None), ("150000 100000", 2)])
def test_quota_of_a_container(
    limit: str, expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "GROUPS", tmp_path)
    without = cores.cores()
    (tmp_path / "cpu.max").write_text(limit)
    (tmp_path / "cpu").mkdir()
    quota, period = limit.replace("max", "-1").split()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text(period)
    assert cores.cores() == min(without, expected or without)


def test_quota_of_a_real_control_group() -> None:
    """Also by the module's path up to version 0.8."""
    top = cores.GROUPS / "cpu" if (cores.GROUPS / "cpu").is_dir() else cores.GROUPS
    group = top / f"musicfeat-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made, which takes root and Linux: {error}")
    try:
        limit = ("cpu.cfs_quota_us", "50000") if top.name == "cpu" else ("cpu.max", "50000 100000")
        try:
            (group / limit[0]).write_text(limit[1])
        except OSError as error:
            pytest.skip(f"control groups have no quota of CPUs here: {error}")
        code = "from musicfeat.session import cores; print(cores())"
        shell = f'echo $$ > {group}/cgroup.procs && exec "$0" -c "{code}"'
        done = subprocess.run(["sh", "-c", shell, sys.executable], capture_output=True, text=True, check=True)
    finally:
        group.rmdir()
    assert done.stdout == "1\n"
