"""The arrows of the architecture, and what an import may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from support.paths import ROOT

RUNTIME = ROOT / "runtime" / "musicfeat"
HEAVY = {"torch", "onnxruntime", "soundfile", "soxr", "numpy", "av", "matplotlib"}
ALLOWED = {
    "runtime/musicfeat": set(),
    "trainer/musicfeat_trainer": {"musicfeat"},
    "export/musicfeat_export": {"musicfeat", "musicfeat_trainer"},
}


SHARED = {"frontends", "encoders", "objectives", "augment", "data", "evaluate", "pictures", "training", "method"}
"""Rooms of the trainer that know nothing of the bundled model's wing."""


def names(path: Path) -> Iterator[str]:
    """Everything that a file imports, in full: ``a.b.c`` for ``from a.b import c``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in names(path)}


@cache
def imports(package: str) -> dict[str, set[str]]:
    """The modules of a package, each with the others that it imports."""
    folder = ROOT / package
    parts = {path: path.relative_to(folder.parent).with_suffix("").parts for path in folder.rglob("*.py")}
    modules = {".".join(p[:-1] if p[-1] == "__init__" else p): path for path, p in parts.items()}
    targets = {module: {*names(path)} for module, path in modules.items()}
    found = {m: {name if name in modules else name.rpartition(".")[0] for name in t} for m, t in targets.items()}
    return {module: (reached & set(modules)) - {module} for module, reached in found.items()}


def room(module: str) -> str:
    """The folder or file of the package's root that a module is in."""
    return f"{module}..".split(".")[1]


def reached(package: str, start: str) -> set[str]:
    """The rooms that modules of a room import, straight or through others."""
    modules = [module for module in imports(package) if room(module) == start]
    for module in modules:
        modules += imports(package)[module] - set(modules)
    return {room(module) for module in modules}


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_only_along_the_arrows(package: str) -> None:
    own = package.split("/")[1]
    ours = {name.split("/")[1] for name in ALLOWED} - {own}
    for path in (ROOT / package).rglob("*.py"):
        wrong = (imported_packages(path) & ours) - ALLOWED[package]
        assert not wrong, f"{path} imports {wrong}"


@pytest.mark.parametrize("package", ALLOWED)
def test_no_import_leads_back_up(package: str) -> None:
    rooms: dict[str, set[str]] = {}
    for module, targets in imports(package).items():
        rooms.setdefault(room(module), set()).update({room(target) for target in targets} - {room(module)})
    assert list(TopologicalSorter(rooms).static_order())  # raises CycleError, which names the rooms
    assert list(TopologicalSorter(imports(package)).static_order())


def test_the_methods_of_papers_and_the_bundled_model_never_meet() -> None:
    assert "bundled" not in reached("trainer/musicfeat_trainer", "method")
    assert "method" not in reached("trainer/musicfeat_trainer", "bundled")


@pytest.mark.parametrize("shared", sorted(SHARED))
def test_shared_rooms_know_nothing_of_the_wing(shared: str) -> None:
    assert (ROOT / "trainer" / "musicfeat_trainer" / shared).is_dir()
    assert "bundled" not in reached("trainer/musicfeat_trainer", shared)


def test_runtime_never_names_torch() -> None:
    for path in set(RUNTIME.rglob("*.py")) - {RUNTIME / "hear.py"}:  # HEAR's API hands over tensors
        assert not imported_packages(path) & {"torch", "torchaudio", "onnx", "librosa"}, path


def test_import_loads_nothing_heavy() -> None:
    code = f"import sys, musicfeat; print(sorted(set(sys.modules) & {HEAVY!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_using_the_extractor_never_loads_torch() -> None:
    use = "import sys, numpy, musicfeat; musicfeat.Extractor()(numpy.ones(9999), sr=22050)"
    code = f"{use}; print(bool(set(sys.modules) & {{'torch', 'onnx', 'librosa', 'matplotlib'}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("package", ALLOWED)
def test_modules_stay_readable(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 250, path
