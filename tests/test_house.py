"""The arrows of the architecture, and what an import may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUNTIME = ROOT / "runtime" / "musicfeat"
HEAVY = {"torch", "onnxruntime", "soundfile", "soxr", "numpy", "av", "matplotlib"}
ALLOWED = {
    "runtime/musicfeat": set(),
    "trainer/musicfeat_trainer": {"musicfeat"},
    "export/musicfeat_export": {"musicfeat", "musicfeat_trainer"},
}


def imported_names(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_only_along_the_arrows(package: str) -> None:
    own = package.split("/")[1]
    ours = {name.split("/")[1] for name in ALLOWED} - {own}
    for path in (ROOT / package).rglob("*.py"):
        wrong = (imported_names(path) & ours) - ALLOWED[package]
        assert not wrong, f"{path} imports {wrong}"


def test_runtime_never_names_torch() -> None:
    for path in RUNTIME.rglob("*.py"):
        assert not imported_names(path) & {"torch", "torchaudio", "onnx", "librosa"}, path


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
