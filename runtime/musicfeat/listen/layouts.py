"""The map's layouts: principal components at once, and t-SNE (van der Maaten and Hinton, 2008) once it is computed.

Measured on 3921 windows of 406 tracks: of a window's ten nearest, 63 % are from its track on the map by t-SNE, 65 % by
all 296 numbers of music-small 0.5.0, 57 % by PaCMAP and 7 % by two principal components. On two busy cores, 100,000
windows took 200 to 300 s, so a process of low priority computes t-SNE once, and a file beside the catalog stores it.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from importlib.util import find_spec
from threading import Thread
from zipfile import BadZipFile

import numpy as np

from musicfeat.catalog.workers.options import ModelOptions
from musicfeat.catalog.workers.process import CrashError, WorkerProcess
from musicfeat.errors import MusicfeatError
from musicfeat.files import replacing
from musicfeat.listen.library import Library
from musicfeat.listen.projection import Floats, principal, scaled, t_sne

FILE = ".listen-map.npz"
FORMAT = 1
COMPONENTS = 30
FEWEST_ROWS, MOST_ROWS = 60, 300_000
"""Row counts for t-SNE; fewer rows do not need it, more take hours."""
MOST_SECONDS = 7200.0
FIRST, BETTER = "principal components", "t-SNE"


def improve(_: ModelOptions, components: Floats) -> Floats:
    """The better layout, at low priority."""
    if hasattr(os, "nice"):
        os.nice(10)
    return t_sne(components)


class Layouts:
    """The best layout so far of the audible rows.

    Args:
        library: the catalog.
    """

    def __init__(self, library: Library) -> None:
        self._library, self._file = library, library.catalog.folder / FILE
        self._identity = hashlib.blake2b(f"{FORMAT} {library.vectors.identity}".encode(), digest_size=16).hexdigest()
        self._process: WorkerProcess | None = None
        self._better = self._stored()

    def best(self) -> tuple[str, Floats]:
        """Name of the layout and [n, 2] places, from -1 to 1."""
        if self._better is not None:
            return BETTER, self._better
        return FIRST, self._library.vectors.layout[self._library.heard]

    @property
    def improving(self) -> bool:
        """True while a better layout is being computed."""
        return self._process is not None and self._better is None

    def start(self) -> None:
        """Start to compute the better layout, if it is missing, worthwhile, and openTSNE is installed."""
        rows = int(np.count_nonzero(self._library.heard))
        if self._better is None and FEWEST_ROWS <= rows <= MOST_ROWS and find_spec("openTSNE"):
            self._process = WorkerProcess(ModelOptions(), improve)
            Thread(target=self._improve, args=(self._process,), daemon=True).start()

    def close(self) -> None:
        """Abandon a layout that is being computed."""
        if self._process:
            self._process.close()

    def _improve(self, process: WorkerProcess) -> None:
        components = principal(self._library.vectors.units, COMPONENTS)[self._library.heard]
        try:
            found: Floats = scaled(process.call(components, MOST_SECONDS))
        except (CrashError, TimeoutError, MusicfeatError, RuntimeError):
            self._process = None  # the first layout stays
            return
        self._store(found)
        self._better = found
        process.close()

    def _stored(self) -> Floats | None:
        try:
            with np.load(self._file) as held:
                return np.asarray(held["layout"]) if str(held["identity"]) == self._identity else None
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None

    def _store(self, layout: Floats) -> None:
        with suppress(OSError), replacing(self._file) as temporary:  # the catalog may be read-only
            np.savez(temporary, layout=layout, identity=np.array(self._identity))
