"""The fuzzer starts, judges an input, and says what it needs."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import fuzz
import pytest

from support.mutants import write_seeds


@pytest.mark.skipif(not find_spec("atheris"), reason="atheris is not installed: it has wheels for few systems")
def test_the_fuzzer_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = fuzz.fuzz(3, tmp_path)
    assert found == 0, capsys.readouterr()
    assert "branches reached" in capsys.readouterr().out


def test_an_input_is_fuzzed_again(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"no sound")
    assert fuzz.check(tmp_path / "a.wav").startswith("refused")
    assert fuzz.check(write_seeds(tmp_path / "seeds")[0]) == "decoded into 1 windows"


def test_without_the_fuzzer_the_mend_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    monkeypatch.setattr(sys, "argv", ["fuzz.py"])
    assert fuzz.main() == 2
    assert "pip install atheris" in capsys.readouterr().err
