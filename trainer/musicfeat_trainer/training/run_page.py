"""Page of a run in one HTML file that fetches nothing: recipe, curves, last figures and evaluations."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from musicfeat.files import replacing
from musicfeat_trainer.recipe.recipe import AnyRecipe
from musicfeat_trainer.training.checkpoint import read_progress
from musicfeat_trainer.training.curves import read_rows

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
body { color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .25rem .75rem; text-align: left; }
tr { border-bottom: 1px solid #ddd; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; height: auto; } pre { white-space: pre-wrap; background: #f4f4f4; padding: 1rem; }
"""
Row = Sequence[str]


def write_page(run: Path, recipe: AnyRecipe, chances: Mapping[str, Mapping[str, float]], page: Path) -> None:
    """Write the page of a run, whole or not at all.

    Args:
        run: folder of the run.
        recipe: recipe of the run.
        chances: for each part, the value that guessing reaches for each figure.
        page: file to write.
    """
    sections = [section for name, chance in chances.items() for section in _part(run / name, chance)]
    sections += _pictures(path for path in sorted((run / "pictures").glob("*.png")) if "curves" not in path.name)
    sections += [section for folder in sorted((run / "downstream").glob("*")) for section in _evaluation(folder)]
    about = getattr(recipe, "about", "")
    body = [f"<h1>{escape(recipe.name)}</h1>", f"<p>{escape(about)}</p>" if about else "", *sections]
    body += ["<h2>Recipe</h2>", f"<pre>{escape(json.dumps(recipe.model_dump(mode='json'), indent=1))}</pre>"]
    head = f'<meta charset="utf-8"><title>{escape(recipe.name)}</title><style>{STYLE}</style>'
    text = f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(body) + "\n</body></html>\n"
    page.parent.mkdir(parents=True, exist_ok=True)
    with replacing(page) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _part(folder: Path, chance: Mapping[str, float]) -> Iterator[str]:
    """Curves of a part, and the best and the last value of each figure."""
    rows = read_rows(folder / "log.csv")
    if not rows:
        return
    yield f"<h2>{escape(folder.name)}</h2>"
    progress = read_progress(folder / "last.safetensors")
    facts = [("steps", f"{progress['step']}"), ("best mean of the figures that count", f"{progress['best']:.4f}")]
    facts += [("numbers that the part holds", f"{progress['numbers']:,}")]
    yield _table(("", ""), facts)
    known = [name for name in chance if name in rows[-1]]
    values = {name: (max(row[name] for row in rows), rows[-1][name], chance[name]) for name in known}
    figures = [(name, *(f"{value:.4f}" for value in three)) for name, three in values.items()]
    yield _table(("figure, on held-out music", "best", "last", "chance"), figures)
    yield from _pictures([folder / "curves.png"])


def _evaluation(folder: Path) -> Iterator[str]:
    """Figures of an evaluation stored below the run, with its pictures if they were drawn there."""
    try:
        rows: list[dict[str, Any]] = json.loads((folder / "figures.json").read_text())
    except (OSError, ValueError):
        return
    yield f"<h2>On {escape(folder.name)}</h2>"
    yield _table(
        ("how", "labels", "weights", "figure", "value", "95 %", "chance"),
        [
            (
                *(str(row[key]) for key in ("how", "budget", "system", "figure")),
                f"{row['value']:.4f}",
                " to ".join(f"{bound:.4f}" for bound in row.get("interval") or ()),
                f"{row['chance']:.4f}",
            )
            for row in rows
        ],
    )
    yield from _pictures(sorted(folder.rglob("*.png")))


def _table(header: Row, rows: Iterable[Row]) -> str:
    cells = "".join(f"<th>{escape(name)}</th>" for name in header)
    lines = ["".join(_cell(value) for value in row) for row in rows]
    return f"<table><tr>{cells}</tr>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _cell(value: str) -> str:
    number = value[:1].isdigit() or value[:1] == "-"
    return f"<td{' class=number' if number else ''}>{escape(value)}</td>"


def _pictures(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        if path.exists():
            data = base64.b64encode(path.read_bytes()).decode()
            yield f'<img alt="{escape(path.stem)}" src="data:image/png;base64,{data}">'
