"""Differences of every output between the device and the CPU."""

from __future__ import annotations

from _table import markdown
from question import Question

from answers.files import differences, files
from musicfeat.model.session import Session, find_model


def answer(question: Question) -> str:
    """A table with a row for each model, precision and batch."""
    rows: list[list[str]] = []
    names: list[str] = []
    for name, precision, path in files(question.folder):
        reference, session = Session(find_model(name)), Session(path, question.device)
        for batch in sorted({2, *question.batches[1:2]}):
            found = differences(session, reference, batch)
            names = list(found)
            rows.append([name, precision, str(batch), *(f"{value:.1e}" for value in found.values())])
    device = f"Greatest difference between {question.device} and the same model in fp32 on this machine's CPU"
    return f"{device}.\n\n{markdown(['model', 'precision', 'windows in a run', *names], rows)}"
