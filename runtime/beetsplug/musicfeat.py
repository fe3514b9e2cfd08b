"""Plugin of beets: findings of a musicfeat catalog for the library's files, as fields to query and to sort.

plugins: musicfeat
musicfeat:
catalog: ~/catalog
auto: no          # embed what is imported
workers: 1
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from beets import plugins, ui
from beets.dbcore import types
from beets.library import Item, Library

from musicfeat.catalog import Catalog, embed_catalog
from musicfeat.catalog.findings import Found, findings
from musicfeat.catalog.names import absolute
from musicfeat.errors import MusicfeatError

UserError: type[Exception] = ui.UserError  # type: ignore[attr-defined]  # all versions export it there
PREFIX = "mf_"
"""Prefix of the fields: mf_piano, mf_reversed, mf_tags."""
DIGITS = 4


class MusicfeatPlugin(plugins.BeetsPlugin):
    """Adds ``beet musicfeat``, which embeds the files of a query that the catalog lacks and fills their fields."""

    def __init__(self) -> None:
        super().__init__("musicfeat")
        self.config.add({"catalog": "", "auto": False, "workers": 1})
        if self.config["auto"].get(bool):
            self.import_stages = [self._imported]

    @cached_property
    def item_types(self) -> dict[str, types.Type]:
        """Types of the catalog's fields; numbers can be queried in ranges, such as ``mf_piano:0.5..``."""
        try:
            settings = Catalog(self._folder).settings
        except MusicfeatError:
            return {}
        labels = [*settings.labels, *(f"{head}_{label}" for head, labels in settings.heads for label in labels)]
        return {_field(label): types.FLOAT for label in ("reversed", *labels)}

    def commands(self) -> list[ui.Subcommand]:
        """The command ``beet musicfeat [QUERY]``."""
        command = ui.Subcommand("musicfeat", help="fill fields with what musicfeat finds in the sound")
        command.parser.add_option("-p", "--pretend", action="store_true", help="tell what would be embedded")
        command.func = self._run
        return [command]

    @property
    def _folder(self) -> str:
        folder = self.config["catalog"].get(str)
        if not folder:
            raise UserError("musicfeat: name a folder for the catalog in beets' configuration: musicfeat.catalog")
        return os.path.expanduser(folder)

    def _run(self, library: Library, options: Any, arguments: Sequence[str]) -> None:
        items = list(library.items(list(arguments)))
        if options.pretend:
            for item in items:
                ui.print_(_path(item))
            return
        self._fill(items)

    def _imported(self, _: Any, task: Any) -> None:
        self._fill(task.imported_items())

    def _fill(self, items: Iterable[Item]) -> None:
        """Embed missing files, and store the fields of all; files without features are reported."""
        by_path = {absolute(_path(item)): item for item in items}
        if not by_path:
            return
        try:
            summary = embed_catalog(list(by_path), self._folder, workers=self.config["workers"].get(int))
            found = {one.path: one for one in findings(Catalog(self._folder)) if one.path in by_path}
        except MusicfeatError as error:
            raise UserError(f"musicfeat: {error}") from error
        for path, one in found.items():
            by_path[path].update(_values(one))
            by_path[path].store()
        self._log.info("{}", summary)
        for path in by_path.keys() - found.keys():
            self._log.warning("no features of {}: failures.jsonl in the catalog's folder says why", path)


def _values(found: Found) -> dict[str, str | float]:
    """Fields of a track: every probability, and the findings as texts."""
    numbers = dict(found.tags) | {
        f"{name}_{label}": p for name, tags in found.heads.items() for label, p in tags.items()
    }
    if found.reversed is not None:
        numbers["reversed"] = found.reversed
    texts = {name: text for name, text in found.texts().items() if name != "reversed"}
    return {_field(name): text for name, text in texts.items()} | {
        _field(name): round(float(value), DIGITS) for name, value in numbers.items()
    }


def _field(label: str) -> str:
    """Name of a label's field: lower-case letters, digits and underscores."""
    return PREFIX + "".join(c if c.isalnum() else "_" for c in label.lower())


def _path(item: Item) -> str:
    return os.fsdecode(item.path)
