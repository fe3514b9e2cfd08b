"""The package `musicnn` of PyPI as files: its weights, labels and licence, without importing it or TensorFlow."""

from __future__ import annotations

import ast
import zipfile
from importlib.util import find_spec
from pathlib import Path

from musicfeat.errors import InputError
from musicfeat_trainer.teachers.checkpoint import Weights, read_checkpoint

HOW = "`pip download musicnn --no-deps` brings it, without TensorFlow"


class MusicnnPackage:
    """Files of the package `musicnn`.

    Args:
        place: its wheel, or the folder that holds or is the package; None: the installed one.

    Raises:
        InputError: the package is not there.
    """

    def __init__(self, place: Path | None = None) -> None:
        self._root = _root(place)

    def weights(self, name: str) -> Weights:
        """Variables of a network, MSD_musicnn or MTT_musicnn."""
        return read_checkpoint(self._read(f"{name}/.index"), self._read(f"{name}/.data-00000-of-00001"))

    def labels(self, name: str) -> list[str]:
        """Labels of a network's tags, in order."""
        wanted = f"{name.partition('_')[0]}_LABELS"
        for statement in ast.parse(self._read("configuration.py")).body:
            if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == [wanted]:
                return [str(label) for label in ast.literal_eval(statement.value)]
        raise InputError(f"the package musicnn names no {wanted}: version 0.1.0 was expected; {HOW}")

    def _read(self, name: str) -> bytes:
        file = self._root.joinpath(name)
        if not file.is_file():
            raise InputError(f"the package musicnn has no file {name}: version 0.1.0 was expected; {HOW}")
        return file.read_bytes()


def _root(place: Path | None) -> Path | zipfile.Path:
    if place is None:
        found = find_spec("musicnn")
        if found is None or found.origin is None:
            raise InputError(f"the package musicnn is not installed: {HOW}; then name the wheel with --package")
        return Path(found.origin).parent
    if place.is_dir():
        return place / "musicnn" if (place / "musicnn").is_dir() else place
    if not zipfile.is_zipfile(place):
        raise InputError(f"{place} is no wheel or folder of the package musicnn: {HOW}")
    return zipfile.Path(place, "musicnn/")
