from __future__ import annotations

from pathlib import Path

import pytest

from musicfeat.files import replacing


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
