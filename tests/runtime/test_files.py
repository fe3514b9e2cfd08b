from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from musicfeat.files import ABANDONED, PREFIX, replacing


@pytest.mark.parametrize("name", ["a.json", "ü" * 120 + ".npz"])
def test_a_file_appears_whole(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for text in ("old", "new"):
        with replacing(path) as temporary:
            temporary.write_text(text)
            assert temporary.suffix == path.suffix
            assert not path.exists() or path.read_text() == "old"
        assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_the_old_file_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(ValueError, match="stop"), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise ValueError("stop")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_swept_up_an_hour_later(tmp_path: Path) -> None:
    names = ("a.npz", f"{PREFIX}12-a.npz", f"{PREFIX}13-a.npz", ".14-a.npz")
    path, old, fresh, foreign = (tmp_path / name for name in names)
    for file in (old, fresh, foreign):
        file.write_text("half")
    for file in (old, foreign):
        os.utime(file, times=(time.time() - ABANDONED - 10,) * 2)
    with replacing(path) as temporary:
        temporary.write_text("whole")
    assert sorted(tmp_path.iterdir()) == sorted([path, fresh, foreign])
