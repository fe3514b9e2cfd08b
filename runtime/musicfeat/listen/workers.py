"""The page's worker processes: one for pictures, one with the model; each does one task at a time."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any

from musicfeat.catalog.workers.options import ModelOptions
from musicfeat.catalog.workers.process import OPENING_SECONDS, CrashError, WorkerProcess
from musicfeat.errors import AudioError
from musicfeat.listen.facts import Heard
from musicfeat.listen.tasks import Judged, Model, Pieces, Task, perform
from musicfeat.versions.comparison import Comparison

PICTURES = 64
"""Most pictures kept in memory, of up to 80 kB each."""


class Workers:
    """Worker processes that decode and judge files in isolation.

    Args:
        options: options for opening the model.
        time_limit: seconds that a task may take, after which its process is killed.
    """

    def __init__(self, options: ModelOptions, time_limit: float) -> None:
        self.options, self._time_limit = options, time_limit
        self._painter, self._judge = WorkerProcess(options, perform), WorkerProcess(options, perform)
        self._painting, self._judging = Lock(), Lock()
        self._pictures = OrderedDict[str, dict[str, Any]]()

    def describe(self) -> Model:
        """The facts about the model; ModelError if it cannot be opened."""
        return self._judged(Task("describe"))

    def picture(self, path: str) -> dict[str, Any]:
        """The picture of a file, cached. Errors as for ``analyse``."""
        with self._painting:
            found = self._pictures.pop(path, None) or self._call(self._painter, Task("picture", path))
            self._pictures[path] = found
            if len(self._pictures) > PICTURES:
                self._pictures.popitem(last=False)
        return found

    def analyse(self, path: str) -> Judged:
        """All results for a file.

        Raises:
            AudioError: the file cannot be decoded, crashed the decoder, or took too long.
        """
        return self._judged(Task("analyse", path))

    def edits(self, path: str) -> Heard:
        """Edits in a file. Errors as for ``analyse``."""
        return self._judged(Task("edits", path))

    def backwards(self, path: str) -> Judged:
        """Results for a file played backwards. Errors as for ``analyse``; InputError if it is too long."""
        return self._judged(Task("backwards", path))

    def pieces(self, path: str, count: int, start: float, seed: int) -> Pieces:
        """Shuffled pieces. Errors as for ``analyse``; InputError if the file is too short or silent there."""
        return self._judged(Task("pieces", path, count=count, start=start, seed=seed))

    def compare(self, path: str, other: str) -> Comparison:
        """Edits that lead from one file to another. Errors as for ``analyse``."""
        return self._judged(Task("compare", path, other))

    def close(self) -> None:
        """End the processes."""
        self._painter.close()
        self._judge.close()

    def _judged(self, task: Task) -> Any:
        with self._judging:
            return self._call(self._judge, task)

    def _call(self, process: WorkerProcess, task: Task) -> Any:
        try:
            return process.call(task, OPENING_SECONDS if task.kind == "describe" else self._time_limit)
        except CrashError as error:
            raise AudioError("the file crashed the decoder: it is damaged, or made to do that") from error
        except TimeoutError as error:
            raise AudioError(
                f"the file was not decoded within {self._time_limit:g} s: it is damaged or too long; "
                "--time-limit allows more"
            ) from error
