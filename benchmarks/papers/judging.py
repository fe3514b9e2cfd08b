"""Judges runs downstream; what was judged once is kept beside the run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from musicfeat_trainer.cli.evaluate import open_set
from musicfeat_trainer.evaluate.budgets import parse_budget
from musicfeat_trainer.evaluate.control import control
from musicfeat_trainer.evaluate.downstream import Subject, Way, evaluate
from musicfeat_trainer.evaluate.fitting import Fitting
from musicfeat_trainer.evaluate.ranking import ranked
from musicfeat_trainer.method.part import load_method
from musicfeat_trainer.section import expanded

DEFAULT = Fitting()


@dataclass(frozen=True)
class Question:
    """A data set with its settings, a way, a label budget."""

    name: str
    root: str
    way: str
    budget: str = "full"
    settings: tuple[str, ...] = ()
    fitting: Fitting = DEFAULT


Answer = dict[str, dict[str, float]]
"""``figures`` and ``chance``, by name of the figure."""


class Judge:
    """Answers questions about one run, trained or with random weights."""

    def __init__(self, run: Path, *, random: bool = False) -> None:
        self.run, self.random = run, random
        self.kept = run / ("random.json" if random else "answers.json")

    def answer(self, question: Question) -> Answer:
        """Figures on the test items, and what guessing reaches."""
        key = json.dumps(asdict(question) | {"fitting": question.fitting.model_dump()}, sort_keys=True)
        kept: dict[str, Answer] = json.loads(self.kept.read_text()) if self.kept.exists() else {}
        if key not in kept:
            kept[key] = self._judged(question)
            self.kept.write_text(json.dumps(kept, indent=1))
        return kept[key]

    def _judged(self, question: Question) -> Answer:
        dataset = open_set(question.name, expanded(Path(question.root)), list(question.settings))
        if question.way == "rank":
            outcome = ranked(self._method(), dataset, self._store)
        else:
            subject = self._subject(question.name, question.root, question.settings)
            way: Way = question.way  # type: ignore[assignment]
            outcome = evaluate(subject, way, parse_budget(question.budget), question.fitting)
        return {"figures": dict(outcome.figures), "chance": dict(outcome.chance)}

    @property
    def _store(self) -> Path:
        return expanded(load_method(self.run)[1].data.store)

    def _method(self) -> Any:
        method, recipe = load_method(self.run)
        return control(recipe.method) if self.random else method

    @cache  # noqa: B019
    def _subject(self, name: str, root: str, settings: tuple[str, ...]) -> Subject:
        dataset = open_set(name, expanded(Path(root)), list(settings))
        return Subject(self._method(), dataset, self._store)
