"""The plugin of beets, in a real library of beets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("beets", reason="the extra musicfeat[beets] is not installed")

from beets import config, plugins, ui
from beets.library import Item, Library
from beets.ui.commands import import_ as importing

from musicfeat.catalog import Catalog
from musicfeat.catalog.findings import findings


@pytest.fixture
def place(tmp_path: Path, clip: np.ndarray, rate: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A library of two songs and a file that is none, configured for the plugin."""
    monkeypatch.setenv("BEETSDIR", str(tmp_path))
    (tmp_path / "music").mkdir()
    soundfile.write(tmp_path / "music" / "one.flac", clip[: 4 * rate], rate)
    soundfile.write(tmp_path / "music" / "two.flac", clip[4 * rate : 9 * rate], rate)
    config.clear()
    config.read(user=False)
    config["musicfeat"].set({"catalog": str(tmp_path / "catalog")})
    config["plugins"].set(["musicfeat"])
    yield tmp_path
    config.clear()


def loaded() -> Any:
    plugins._instances.clear()
    plugins.load_plugins()
    (plugin,) = (one for one in plugins.find_plugins() if one.name == "musicfeat")
    return plugin


def test_beets_fills_fields_that_can_be_queried(place: Path) -> None:
    library = Library(str(place / "library.db"), str(place / "music"))
    for file in sorted((place / "music").iterdir()):
        library.add(Item.from_path(str(file).encode()))
    broken = Item(path=str(place / "music" / "none.flac").encode(), title="none")
    library.add(broken)
    (command,) = loaded().commands()
    command.func(library, command.parser.parse_args([])[0], [])
    found = {one.path: one for one in findings(Catalog(place / "catalog"))}
    assert len(found) == 2
    for item in library.items():
        one = found.get(item.path.decode())
        if one is None:
            assert "mf_reversed" not in item
            continue
        assert item["mf_reversed"] == pytest.approx(one.reversed, abs=1e-4)
        for label, value in one.tags.items():
            assert item[f"mf_{label}"] == pytest.approx(value, abs=1e-4)
    plugin = loaded()  # a new start of beets knows the types
    columns = {
        label: [one.tags[label] for one in found.values()] for label in Catalog(place / "catalog").settings.labels
    }
    label = max(columns, key=lambda name: float(np.ptp(columns[name])))
    middle = float(np.mean(columns[label]))
    asked = {item.path.decode() for item in library.items(f"mf_{label}:{middle}..")}
    assert asked == {path for path, one in found.items() if one.tags[label] >= middle}
    ordered = [item.path.decode() for item in library.items(f"mf_{label}:0.. mf_{label}-")]
    assert ordered == sorted(found, key=lambda path: -found[path].tags[label])
    assert plugin.item_types["mf_reversed"]


def test_imported_files_are_filled_if_asked(place: Path) -> None:
    config["musicfeat"]["auto"].set(True)
    config["import"].set({"copy": False, "write": False, "autotag": False, "quiet": True, "resume": False, "log": None})
    library = Library(str(place / "library.db"), str(place / "music"))
    loaded()
    importing.import_files(library, [str(place / "music").encode()], None)
    items = list(library.items())
    assert len(items) == 2
    assert all(0 <= item["mf_reversed"] <= 1 for item in items)


def test_a_catalog_must_be_named(place: Path) -> None:
    config["musicfeat"]["catalog"].set("")
    library = Library(str(place / "library.db"), str(place / "music"))
    library.add(Item.from_path(str(place / "music" / "one.flac").encode()))
    (command,) = loaded().commands()
    with pytest.raises(ui.UserError, match="name a folder for the catalog"):
        command.func(library, command.parser.parse_args([])[0], [])
