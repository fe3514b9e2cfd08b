"""Downstream evaluation of runs; answers and the data of a run's page are stored with the run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from musicfeat_trainer.cli.evaluate import open_set
from musicfeat_trainer.cli.outcomes import SystemOutcome, write_outcomes
from musicfeat_trainer.evaluate.budgets import parse_budget
from musicfeat_trainer.evaluate.control import control
from musicfeat_trainer.evaluate.downstream import Lead, Outcome, Subject, Way, evaluate, lead
from musicfeat_trainer.evaluate.fitting import Fitting
from musicfeat_trainer.evaluate.ranking import ranked
from musicfeat_trainer.method.part import load_method
from musicfeat_trainer.section import expanded

DEFAULT = Fitting()


@dataclass(frozen=True)
class Question:
    """A data set with its settings, a way of evaluation and a label budget."""

    name: str
    root: str
    way: str
    budget: str = "full"
    settings: tuple[str, ...] = ()
    fitting: Fitting = DEFAULT

    @property
    def key(self) -> str:
        """A key that differs for every question."""
        return json.dumps(asdict(self) | {"fitting": self.fitting.model_dump()}, sort_keys=True)


Answer = dict[str, Any]
"""``figures`` and ``chance`` by name of the figure, and ``interval`` for those that have one."""


def outcome_folder(run: Path, *of: str) -> Path:
    """Folder of an evaluation's data: data set, way, budget, settings and hidden layers are in its name."""
    return run / "downstream" / re.sub(r"[^\w.-]+", "-", "-".join(of)).strip("-")


def _stored(place: Path, question: Question, compute: Callable[[], Any]) -> Any:
    """Value for a question in a JSON file, computed and written first if it is missing."""
    kept: dict[str, Any] = json.loads(place.read_text()) if place.exists() else {}
    if question.key not in kept:
        kept[question.key] = compute()
        place.write_text(json.dumps(kept, indent=1))
    return kept[question.key]


class Judge:
    """Answers to questions about a run, with trained and with random weights.

    Args:
        run: folder of the run.
        control: judge of a run with the same network, whose random weights serve for both.
    """

    def __init__(self, run: Path, control: Judge | None = None) -> None:
        self.run, self.control = run, control

    def answer(self, question: Question, *, random: bool = False) -> Answer:
        """Figures on the test items, with their chance levels."""

        def asked() -> Answer:
            found = self._outcome(question, random)
            return {"figures": dict(found.figures), "chance": dict(found.chance), "interval": dict(found.intervals)}

        return dict(_stored(self.run / ("random.json" if random else "answers.json"), question, asked))

    def lead(self, question: Question) -> Lead:
        """Lead of the trained network over the random one; stored, with the data for pictures."""

        def measured() -> Lead:
            trained, random = (self._outcome(question, weights) for weights in (False, True))
            subject = self._subject(question.name, question.root, question.settings, random=False)
            found = lead(subject, trained, random)
            of = question.way, question.budget
            every = [SystemOutcome("pretrained", *of, trained, found), SystemOutcome("random", *of, random)]
            layers = map(str, question.fitting.hidden)
            folder = outcome_folder(self.run, question.name, *of, *question.settings, *layers)
            write_outcomes(folder, every, subject)
            return found

        return Lead(*_stored(self.run / "leads.json", question, measured))

    def lead_over(self, other: Judge, question: Question) -> Lead:
        """Lead of this trained network over another trained one; stored under the other's name."""

        def measured() -> Lead:
            subject = self._subject(question.name, question.root, question.settings, random=False)
            return lead(subject, self._outcome(question, False), other._outcome(question, False))

        return Lead(*_stored(self.run / f"leads-over-{other.run.name}.json", question, measured))

    @cache  # noqa: B019
    def _outcome(self, question: Question, random: bool) -> Outcome:
        if random and self.control:
            return self.control._outcome(question, True)
        if question.way == "rank":
            dataset = open_set(question.name, expanded(Path(question.root)), list(question.settings))
            return ranked(self._method(random), dataset, self._store)
        subject = self._subject(question.name, question.root, question.settings, random=random)
        way: Way = question.way  # type: ignore[assignment]
        return evaluate(subject, way, parse_budget(question.budget), question.fitting)

    @property
    def _store(self) -> Path:
        return expanded(load_method(self.run)[1].data.store)

    def _method(self, random: bool) -> Any:
        method, recipe = load_method(self.run)
        return control(recipe.method) if random else method

    @cache  # noqa: B019
    def _subject(self, name: str, root: str, settings: tuple[str, ...], *, random: bool) -> Subject:
        dataset = open_set(name, expanded(Path(root)), list(settings))
        return Subject(self._method(random), dataset, self._store)
