"""Examples in docstrings: they run in a reader's home, and print what the docstring says."""

from __future__ import annotations

import doctest
import importlib
import warnings

import pytest

import musicfeat
from support.paths import ROOT
from support.reader import Reader

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MODULES = [
    path.relative_to(ROOT / "runtime").with_suffix("").as_posix().replace("/", ".")
    for path in sorted((ROOT / "runtime" / "musicfeat").rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_examples_print_what_the_docstring_says(
    module: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if module.endswith("teach"):
        pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'musicfeat[teach]'")
    monkeypatch.chdir(Reader(request.getfixturevalue("library")).home)
    names = {name: getattr(musicfeat, name) for name in ("Extractor", "load")}
    if ".catalog." in module:
        names["Catalog"] = importlib.import_module("musicfeat.catalog").Catalog
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for test in doctest.DocTestFinder().find(importlib.import_module(module), extraglobs=names):
            runner.run(test, out=said.append)
    assert runner.summarize(verbose=False).attempted
    assert not said, "".join(said)
