"""The server's answers as plain data, built from the catalog and the workers' results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.catalog.workers.options import ModelOptions
from musicfeat.errors import CatalogError, InputError, MusicfeatError
from musicfeat.listen.adding import add
from musicfeat.listen.facts import Curves, rounded
from musicfeat.listen.layouts import Layouts
from musicfeat.listen.library import Library
from musicfeat.listen.map import Map
from musicfeat.listen.received import received
from musicfeat.listen.tasks import Judged, Model
from musicfeat.listen.workers import Workers
from musicfeat.model.session import bundled_models
from musicfeat.versions.writing import Names, described

SHOWN_FAILURES = 3


def options_of(library: Library, model: str | None = None) -> ModelOptions:
    """Options for a catalog's model: the named file, the bundled model of its name, or the default one."""
    settings = library.catalog.settings
    known = settings.model if settings.model in bundled_models() else None
    return ModelOptions(model or known, hop=settings.hop)


class Answers:
    """All answers to the page except files.

    Args:
        library: the catalog.
        workers: worker processes that decode and judge.
        in_browser: True if the page judges dropped files by itself.
    """

    def __init__(self, library: Library, workers: Workers, in_browser: bool = False) -> None:
        self.library, self.workers, self.layouts = library, workers, Layouts(library)
        self._in_browser = in_browser
        self._map: Map | None = None

    @cached_property
    def model(self) -> Model | MusicfeatError:
        """The model for judging files now, or the error that prevents it."""
        try:
            return self.workers.describe()
        except MusicfeatError as error:
            return error

    @cached_property
    def missing(self) -> int:
        """Number of files that were missing at the first request."""
        return self.library.files.missing()

    @property
    def map(self) -> Map:
        """The map's columns, in the best layout so far."""
        name, layout = self.layouts.best()
        if self._map is None or self._map.layout != name:
            self._map = Map(self.library, name, layout)
        return self._map

    def described_map(self) -> dict[str, Any]:
        """The layout of the map's bytes, and whether a better one is being computed, to be fetched later."""
        found = self.map
        facts = {"layout": found.layout, "improving": self.layouts.improving}
        return {"count": found.count, "columns": found.described, **facts}

    def catalog(self) -> dict[str, Any]:
        """The facts about the whole catalog."""
        library, settings = self.library, self.library.catalog.settings
        return {
            "name": library.catalog.folder.resolve().name,
            "model": f"{settings.model} {settings.version}",
            "rows": len(library.columns),
            "files": len(library.columns.files),
            "failed": len(library.failures),
            "duration": round(sum(file.duration for file in library.columns.files), 1),
            "window": settings.window,
            "kind": settings.rows,
            "dimension": settings.dimension,
            "outputs": list(settings.outputs),
            "labels": list(settings.labels),
            "curves": self.draws_curves,
            "in_browser": {"hop": settings.hop} if self._in_browser else None,
            "sources": library.files.sources,
            "groups": library.groups.titles,
            "tracks_missing": self.missing,
            "problems": self.problems(),
        }

    @property
    def draws_curves(self) -> bool:
        """True if files are judged by the catalog's model, and it has curves of edits."""
        return isinstance(self.model, Model) and "cut" in self.model.outputs and not self.other_model()

    def problems(self) -> list[str]:
        """Problems with this catalog on this machine, and how to solve each."""
        library, problems = self.library, []
        files, failures = library.columns.files, library.failures
        if not files:
            problems.append("The catalog holds no features: `musicfeat embed FOLDER -o CATALOG` fills it.")
        elif self.missing:
            problems.append(
                f"{self.missing} of {len(files)} files are not where the catalog has them: they cannot be played. If "
                "they were moved together, start with --audio-root FOLDER."
            )
        if failures:
            some = "; ".join(str(row["error"]) for row in failures[:SHOWN_FAILURES])
            problems.append(f"{len(failures)} files failed when the catalog was made and are left out: {some}")
        if library.catalog.settings.rows == "track" and files:
            problems.append("The catalog has one row a track: there are no curves over time, and a point is a track.")
        other = self.other_model()
        return [*problems, other] if other else problems

    def other_model(self) -> str | None:
        """The reason why new results cannot be compared with the catalog, if any."""
        settings, model = self.library.catalog.settings, self.model
        if isinstance(model, MusicfeatError):
            return f"No file can be judged now: {model}"
        if model.weights_sha256 == settings.model_sha256:
            return None
        return (
            f"The catalog was made with {settings.model} {settings.version}, not with {model.name} {model.version}: "
            "new files have no neighbours in it, and nothing is judged backwards. Start with --model FILE to name its "
            "model."
        )

    def judged(self, found: Judged, name: str) -> dict[str, Any]:
        """A recording judged on request, in the fields of a track."""
        features, tags = found.features, found.features.tag_curve
        labels = zip(features.labels, () if tags is None else tags.T, strict=tags is not None)
        curves = Curves(features.starts, features.ends, features.reversal, features.jigsaw, dict(labels))
        return {
            "id": None,
            "name": name,
            "source": None,
            "path": None,
            "duration": rounded(features.duration),
            "present": True,
            "reversed": rounded(features.reversed),
            **curves.described(self.library.catalog.settings.window, features.duration, found.heard),
        }

    def edits(self, track: int) -> dict[str, Any]:
        """A track of the catalog, with the edits found in its file, and the curves of models that have them.

        Raises:
            CatalogError: the model is not the catalog's.
            AudioError: see ``Workers.edits``.
        """
        self._check_model()
        path, seconds = self.library.files.checked(track), self.library.columns.files[track].duration
        audible = self.draws_curves or seconds > self.library.catalog.settings.window
        return self.library.track(track, self.workers.edits(path) if audible else None)

    def compared(self, first: int, second: int) -> dict[str, Any]:
        """The edits that lead from one track of the catalog to another. Errors as for ``Workers.compare``."""
        files = self.library.files
        found = self.workers.compare(files.checked(first), files.checked(second))
        told = described(found, Names(files.names[first], files.names[second]))
        return told | {"tracks": [self.library.summary(track) for track in (first, second)]}

    def added(self, path: str, name: str) -> dict[str, Any]:
        """A new file, added to the catalog. Errors as for ``edits`` and ``add``."""
        self._check_model()
        return add(self.library.catalog, self.workers.options, path, name)

    def _check_model(self) -> None:
        if other := self.other_model():
            raise CatalogError(other)

    def backwards(self, path: Callable[[], str], name: str) -> dict[str, Any]:
        """The results for a file played backwards.

        Raises:
            CatalogError: the model is not the catalog's.
            AudioError, InputError: see ``Workers.backwards``.
        """
        self._check_model()
        return self.judged(self.workers.backwards(path()), name)

    def analysed(self, path: str, name: str, token: str) -> dict[str, Any]:
        """All results for a new file. Errors as for ``Workers.analyse``."""
        found, other = self.workers.analyse(path), self.other_model()
        neighbours = [] if other else self._alike(found.features.embedding)
        facts = {"token": token, "picture": found.picture, "neighbours": neighbours, "note": other}
        return self.judged(found, name) | facts

    def received(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Suspicious places, drawn curves and neighbours of a file that the page judged by itself.

        Raises:
            InputError: the numbers are not those of a file, see ``received.received``.
            CatalogError: they are of another model than the server's.
        """
        found, other, settings = received(data), self.other_model(), self.library.catalog.settings
        if not other and found.weights_sha256 != settings.model_sha256:
            raise CatalogError("the page judged the file by another model than the catalog's: load the page again")
        if not other and len(found.embedding) != settings.dimension:
            raise InputError(f"embedding must hold {settings.dimension} numbers, got {len(found.embedding)}")
        told = found.curves.described(settings.window, found.duration, found.heard)
        facts = {"neighbours": [] if other else self._alike(found.embedding), "note": other}
        return {name: told[name] for name in ("edited", "suspicious")} | facts

    def _alike(self, embedding: npt.NDArray[np.float32]) -> list[dict[str, Any]]:
        """Neighbours of a file; silence has none."""
        return self.library.alike(self.library.vectors.space.unit(embedding[None])[0], 10) if embedding.any() else []
