"""Nothing leaves the machine: commands write nothing into the user's home and look up no name.

A small library in C, loaded into every process of a command, hears each look-up and each connection, also those of
libraries that Python knows nothing of.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parents[1]
DOOR = "runtime/musicfeat/model/ort.py"
Watched = Callable[..., None]
COMMANDS = {
    "info": "-m musicfeat.cli info",
    "demo": "-m musicfeat.cli demo -o demo.svg",
    "tag": "-m musicfeat.cli tag a.wav",
    "order": "-m musicfeat.cli order a.wav b.wav",
    "report": "-m musicfeat.cli report a.wav -o report.html",
    "embed": "-m musicfeat.cli embed a.wav b.wav -o other --workers 1",
    "archive": "-m musicfeat.cli embed a.wav -o a.npz",
    "search": "-m musicfeat.cli search catalog a.wav",
    "duplicates": "-m musicfeat.cli duplicates catalog --verify",
    "names": "-m musicfeat.cli names catalog",
    "playlist": "-m musicfeat.cli playlist catalog --like a.wav",
    "compare": "-m musicfeat.cli compare a.wav b.wav",
    "check": "-m musicfeat.cli check catalog",
}
LISTEN = """
import os, signal, sys, threading
from musicfeat.cli import main
threading.Timer(5, os.kill, (os.getpid(), signal.SIGINT)).start()
sys.exit(main(["listen", "catalog", "--port", "0"]) != 130)
"""
SLOW_COMMANDS = {
    "listen": ("-c", LISTEN),
    "export": ("-m", "musicfeat_export.cli", "music-small", "-o", "half.onnx", "--precision", "fp16"),
    "report of a model": ("-m", "musicfeat_export.cli", "report", "music-small", "-o", "told", "--rounds", "1"),
    "recipes": ("-c", "import musicfeat_trainer, sys; sys.argv = ['', 'list']; sys.exit(musicfeat_trainer.main())"),
    "pictures": ("-c", "from musicfeat_trainer.pictures.figures import Figure; Figure().savefig('a.png')"),
    "benchmark": (str(ROOT / "benchmarks" / "hostile.py"), "--count", "3"),
}


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that hears, compiled."""
    if not sys.platform.startswith("linux") or not (compiler := shutil.which("cc")):
        pytest.skip("needs Linux and a C compiler (Debian: gcc)")
    library = tmp_path_factory.mktemp("watch") / "watch.so"
    command = [compiler, "-shared", "-fPIC", "-o", str(library), str(ROOT / "tests" / "support" / "watch.c"), "-ldl"]
    subprocess.run(command, check=True)
    return library


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two sounds and a catalog of them."""
    folder, noise = tmp_path_factory.mktemp("work"), np.random.default_rng(0)
    for name in ("a.wav", "b.wav"):
        soundfile.write(folder / name, 0.1 * noise.standard_normal(12 * 22050), 22050)
    command = [sys.executable, "-m", "musicfeat.cli", "embed", "a.wav", "b.wav", "-o", "catalog", "--workers", "1"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def watched(watch: Path, work: Path, tmp_path: Path) -> Watched:
    """Runs Python with arguments, in an empty home, and holds it to write nothing there and to ask for nobody."""

    def run(*arguments: str, heard: bool = False) -> None:
        home, log = tmp_path / "home", tmp_path / "log"
        home.mkdir()
        outside = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR")
        own = {"HOME": str(home), "WATCHED": str(log), "LD_PRELOAD": str(watch)}
        environment = {name: value for name, value in os.environ.items() if name not in outside} | own
        done = subprocess.run(
            [sys.executable, *arguments], cwd=work, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert not list(home.rglob("*"))
        assert log.exists() == heard, log.read_text()

    return run


def test_the_watch_hears_what_any_library_looks_up(watched: Watched) -> None:
    ask = "import ctypes; ctypes.CDLL(None).getaddrinfo(b'name.invalid', None, None, ctypes.byref(ctypes.c_void_p()))"
    watched("-c", ask, heard=True)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_leaves_the_home_empty_and_asks_for_nobody(name: str, watched: Watched) -> None:
    watched(*COMMANDS[name].split())


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW_COMMANDS)
def test_a_slow_command_leaves_the_home_empty_and_asks_for_nobody(name: str, watched: Watched) -> None:
    watched(*SLOW_COMMANDS[name])


def test_a_long_session_reports_nothing(watched: Watched) -> None:
    watched("-c", "import time, musicfeat; e = musicfeat.Extractor(threads=1); e('a.wav'); time.sleep(3)")


def test_reporting_is_switched_off_where_the_library_was_loaded_before() -> None:
    earlier = (
        "import onnxruntime, sys; calls = []; onnxruntime.disable_telemetry_events = lambda: calls.append(1); "
        "import musicfeat; musicfeat.Extractor(threads=1); sys.exit(len(calls) != 1)"
    )
    subprocess.run([sys.executable, "-c", earlier], check=True)


def test_only_one_module_imports_onnx_runtime() -> None:
    files = [
        path for part in ("runtime", "trainer", "export", "benchmarks", "tests") for path in (ROOT / part).rglob("*.py")
    ]
    found = {path.relative_to(ROOT).as_posix() for path in files if _imports_onnx_runtime(path)}
    assert found == {DOOR}


def _imports_onnx_runtime(path: Path) -> bool:
    """True if a module imports it otherwise than for type checkers."""
    tree = ast.parse(path.read_text())
    for branch in [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    ]:
        branch.body = [ast.Pass()]
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) if not node.level]
    return any(name.split(".")[0] == "onnxruntime" for name in names)
