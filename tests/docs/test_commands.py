"""Commands of the documentation: they run in a reader's folder, and print what the page says."""

from __future__ import annotations

import argparse
import doctest
import importlib.util
import re
import runpy
import shlex
import shutil
import tomllib
from pathlib import Path

import pytest

from support.pages import PAGES, commands, name
from support.paths import ROOT
from support.reader import Reader, shape

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
INSTALLS = re.compile(
    r"pip (install|uninstall|download) |npm (install|ci) |cmake |python -m (venv|http\.server) |\.venv/bin/|^cc "
)
"""Commands that fetch, build or serve; other tests hold what they name."""
ENDLESS = re.compile(r"musicfeat (listen|embed --watch) ")
NOT_HERE = {
    r"--engine ray|srun ": "a cluster",
    r" /music ": "the folder /music",
    r"musicfeat-export (RUN|restore|tensorrt) |--clips ": "a trained run, teachers, TensorRT or music",
    r"musicfeat-train (run|evaluate|pictures) |torchrun ": "hours of training",
    r"benchmarks/": "minutes, and data sets",
    r"--in-browser ": "npm's packages",
    r"hear-validator": "the checkout of a data set",
}
"""Commands that are held to their parsers alone, by what they would need to run."""
NEEDS = {"beet": "beets", "write-tags": "av", "teach": "sklearn", "--watch": "watchfiles", "listen": "starlette"}
SLOW_PAGES = ("catalogs", "check", "devices", "export", "listening", "training")
SLOW = {"README.md", *(f"docs/{page}.md" for page in SLOW_PAGES)}
SHOWN = [
    pytest.param(page, id=name(page), marks=[pytest.mark.slow] if name(page) in SLOW else [])
    for page in PAGES
    if commands(page)
]


@pytest.mark.parametrize("page", SHOWN)
def test_commands_print_what_the_page_says(page: Path, request: pytest.FixtureRequest) -> None:
    steps = {step: output for line, output in commands(page) for step in line.split(" && ")}
    reasons = {step: reason for step in steps if (reason := hindrance(step))}
    runs = [step for step in steps if not (step in reasons or INSTALLS.search(step) or parsed(step))]
    if runs:
        if not shutil.which("bash"):
            pytest.skip("bash is not installed")
        reader = Reader(request.getfixturevalue("library"))
        reader.configure_beets(page)
        for step in runs:
            follow(reader, step, steps[step])
    if reasons:
        pytest.skip("all but: " + "; ".join(f"{step} ({reason})" for step, reason in reasons.items()))


def hindrance(step: str) -> str | None:
    """The package that a command needs and that is not installed."""
    needed = [package for word, package in NEEDS.items() if word in step.split()]
    missing = [package for package in needed if not importlib.util.find_spec(package)]
    return f"{missing[0]} is not installed" if missing else None


def follow(reader: Reader, step: str, output: str) -> None:
    if ENDLESS.search(step):
        first, code = reader.start(step)
        assert code in (0, 130), first
        return
    done = reader.run(step)
    assert done.returncode == 0, f"{step}\n{done.stdout}{done.stderr}"
    if output:
        assert doctest.OutputChecker().check_output(shape(output), shape(done.stdout), FLAGS), done.stdout


def parsed(step: str) -> bool:
    """True if a command cannot run here; its parser must accept it, or the test ends."""
    if not any(re.search(pattern, step) for pattern in NOT_HERE):
        return False
    words = shlex.split(step.replace("$SLURM_ARRAY_TASK_ID", "3"), comments=True)
    if "benchmarks/" in step:
        script = ROOT / words[1]
        source = (script / "__main__.py" if script.is_dir() else script).read_text()
        assert all(word.partition("=")[0] in source for word in words[2:] if word.startswith("--")), step
    elif "hear-validator" not in step:
        at = next(i for i, word in enumerate(words) if word.startswith("musicfeat"))
        chosen, arguments = parser(words[at], words[at + 1 :])
        chosen.parse_args(arguments)
    return True


def parser(program: str, arguments: list[str]) -> tuple[argparse.ArgumentParser, list[str]]:
    """The parser of a program, and what it is given."""
    if program == "musicfeat":
        from musicfeat.cli import parser

        return parser(), arguments
    if program == "musicfeat-export":
        export = pytest.importorskip("musicfeat_export.cli", reason="pip install 'musicfeat[export]'")
        return export.parser(), export.named(arguments)
    trainer = pytest.importorskip("musicfeat_trainer.cli", reason="pip install 'musicfeat[train]'")
    return trainer.parser(), arguments


def test_wheels_to_fetch_for_a_gpu_are_those_of_the_project() -> None:
    """Their names are compared and none is fetched: CUDA's wheels weigh gigabytes."""
    (line,) = (line for line, _ in commands(ROOT / "docs/devices.md") if line.startswith("pip download "))
    named = set(shlex.split(line, comments=True)[4:])
    project = tomllib.loads(runpy.run_path(str(ROOT / "runtime/build_gpu.py"))["project"]())["project"]
    extras = project["optional-dependencies"]
    needed = without_versions(project["dependencies"])
    assert needed - {"numpy"} <= named <= needed | without_versions(extras["train"] + extras["export"])


def without_versions(requirements: list[str]) -> set[str]:
    return {requirement.partition(">=")[0] for requirement in requirements}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_extras_benchmarks_and_folders_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for named in re.findall(r"(?:'\.|musicfeat)\[([\w,-]+)\]'", text):
        assert set(named.split(",")) <= set(extras), named
    for path in re.findall(r"\b(?:benchmarks|tests|runtime|docs)/[\w./-]*\w", text):
        assert "NAME" in path or (ROOT / path).exists(), path
