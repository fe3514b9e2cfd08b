from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from musicfeat_trainer.cli import main
from musicfeat_trainer.training.checkpoint import load_checkpoint, read_progress
from musicfeat_trainer.training.curves import read_rows

RECIPE = """
name = "tiny <page>"
[data]
store = "{folder}/method-store"
set = {{name = "folder", root = "{folder}/audio", validation_sources = ["c"]}}
[method]
steps = 2
batch = 4
evaluate_every = 1
clips = {{seconds = 1.0}}
frontend = {{name = "waveform"}}
encoder = {{name = "strided_conv", width = 8}}
objective = {{name = "cpc", context = 8}}
"""


class Page(HTMLParser):
    """The cells of a page, and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.cells.append(data.strip())


def test_a_run_leaves_a_page_with_its_curves_and_figures(small_run: Path, tmp_path: Path) -> None:
    recipe, run = tmp_path / "recipe.toml", tmp_path / "run"
    recipe.write_text(RECIPE.format(folder=small_run))
    assert main(["--threads", "1", "run", str(recipe), "-o", str(run)]) == 0
    page = Page((run / "page.html").read_text())
    rows = read_rows(run / "method" / "log.csv")
    for value in (max(row["future"] for row in rows), rows[-1]["future"], 1 / 4):
        assert f"{value:.4f}" in page.cells
    assert "tiny <page>" in page.cells
    assert len(page.fetched) == 1
    assert page.fetched[0].startswith("data:image/png;base64,")
    progress = read_progress(run / "method" / "last.safetensors")
    model = load_checkpoint(run / "method" / "last.safetensors").part("model")
    assert progress["step"] == 2
    assert progress["numbers"] == sum(tensor.numel() for tensor in model.values())
    evaluation = run / "downstream" / "notes"
    evaluation.mkdir(parents=True)
    row = {"system": "pretrained", "how": "probe", "budget": "10", "figure": "accuracy", "value": 0.625}
    (evaluation / "figures.json").write_text(json.dumps([row | {"chance": 0.125, "interval": [0.5, 0.75]}]))
    assert main(["page", str(run), "-o", str(tmp_path / "out" / "page.html")]) == 0
    cells = Page((tmp_path / "out" / "page.html").read_text()).cells
    assert {"0.6250", "0.5000 to 0.7500", "0.1250"} <= set(cells)


def test_a_folder_that_is_no_run_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["page", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search("not the folder of a run", line)
