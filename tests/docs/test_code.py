"""Code of the documentation, in every language: scripts run, the rest is compiled or held to the model's names."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from musicfeat import Extractor
from support.pages import PAGES, SHELLS, Block, blocks, name
from support.paths import ROOT
from support.reader import Reader

OTHERS = {"", "text", "yaml"}
"""Languages of blocks that are no code: drawings, headers of HTTP, and settings that other tests read."""
DOWNLOADS = {"mteb.evaluate": "data sets", "hf:": "a model"}
FAILURES = re.compile(r"^(?:musicfeat\.errors\.DeviceError|ModuleNotFoundError|ImportError): .*", re.MULTILINE)
SCRIPTS = [block for page in PAGES for block in blocks(page, "python") if ">>>" not in block.text]
JAVASCRIPT = [block for page in PAGES for block in blocks(page, "js")]
PHONES = [block for page in PAGES for block in blocks(page, "kotlin", "swift")]


def title(block: Block) -> str:
    return block.title


@pytest.mark.slow
@pytest.mark.parametrize("block", SCRIPTS, ids=title)
def test_scripts_run(block: Block, request: pytest.FixtureRequest) -> None:
    compile(block.text, block.title, "exec")
    for word, what in DOWNLOADS.items():
        if word in block.text:
            pytest.skip(f"{word} downloads {what}")
    reader = Reader(request.getfixturevalue("library"))
    (reader.home / "script.py").write_text(block.text)
    done = reader.run("python script.py")
    if done.returncode and (missing := FAILURES.search(done.stderr)):
        pytest.skip(missing[0])
    assert not done.returncode, done.stderr


@pytest.mark.parametrize("block", JAVASCRIPT, ids=title)
def test_javascript_is_a_module(block: Block, tmp_path: Path) -> None:
    if not (node := shutil.which("node")):
        pytest.skip("Node is not installed (Debian: nodejs)")
    (tmp_path / "block.mjs").write_text(block.text)
    done = subprocess.run([node, "--check", "block.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


def test_c_compiles_beside_the_header(tmp_path: Path) -> None:
    if not (compiler := shutil.which("gcc")):
        pytest.skip("gcc is not installed (Debian: gcc, libc6-dev)")
    (block,) = blocks(ROOT / "docs" / "c.md", "c")
    body = '#include <stdio.h>\n#include "musicfeat.h"\nint main(void) { static float samples[9]; size_t count = 9;\n'
    (tmp_path / "block.c").write_text(f"{body}{block.text}return 0; }}\n")
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", str(ROOT / "runtime" / "c")]
    done = subprocess.run([compiler, *flags, "block.c"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


@pytest.mark.parametrize("block", PHONES, ids=title)
def test_phones_ask_for_what_the_model_has(block: Block, extractor: Extractor) -> None:
    asked = set(re.findall(r'"([a-z_]+)"', block.text)) - {"waveform"}
    assert {"reversal", "embedding"} <= asked
    assert asked <= {*extractor.card.outputs, "sample_rate", "window"}
    assert '"waveform"' in block.text


def test_every_block_has_a_language_that_is_tried() -> None:
    tried = {"python", "js", "c", "kotlin", "swift", *SHELLS, *OTHERS}
    found = {language for page in PAGES for language in re.findall(r"^```(\w+)\n", page.read_text("utf-8"), re.M)}
    assert found <= tried
    assert [name(block.page) for page in PAGES for block in blocks(page, "c")] == ["docs/c.md"]
