"""The listening page's server over a large catalog: start, answers, memory, and the map's two layouts.

python benchmarks/listen.py [--rows 100000] [--rounds 20] [--no-better]

The catalog is drawn, not heard, with the numbers of the bundled model's embedding: tracks of 20 windows that drift.
The server is the command in a process of its own, asked over real connections; memory is its resident set, with what
it has touched of files that it maps. Layouts are judged by how many of a window's ten nearest are of its track.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
from _table import markdown

from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.search import Searcher
from musicfeat.listen.library import Library
from support import listening_map
from support.browser import MissingError, Page
from support.listening import Client, command, until_better

WINDOWS, JUDGED, NEAREST = 20, 1000, 10
DRAWING_SECONDS = 5
listening_map.DIMENSION = 456
Floats = npt.NDArray[np.floating]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--no-better", action="store_true", help="do not wait for the better layout")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="musicfeat-") as folder:
        catalog = listening_map.draw_catalog(Path(folder) / "drawn", chosen.rows // WINDOWS, WINDOWS)
        rows = measure(catalog, chosen.rounds, better=not chosen.no_better)
    print(markdown([f"{chosen.rows} windows of {chosen.rows // WINDOWS} tracks", "measured", "beside it"], rows))


def measure(catalog: Path, rounds: int, better: bool) -> list[list[str]]:
    """The rows of the table."""
    read = seconds(lambda: Catalog(catalog).table())
    rows, layouts = [], list[tuple[str, Floats]]()
    started = time.perf_counter()
    with command(str(catalog)) as (process, port):
        first, client = time.perf_counter() - started, Client(port)
        rows.append(["first start, until it answers", f"{first:.1f} s", f"reading the Parquet alone {read:.1f} s"])
        map_first = seconds(lambda: client.get("/api/map")) + seconds(lambda: client.ask("/api/map.bin"))
        layouts.append(("principal components", places(client)))
        if better:
            taken = seconds(lambda: until_better(client, 3600))
            rows.append(["the better layout, made behind the page", f"{taken:.0f} s", "first layout: in the start"])
            layouts.append(("t-SNE", places(client)))
        rows += answers(client, rounds, map_first, catalog) + drawing(f"http://127.0.0.1:{port}/")
        memory = psutil.Process(process.pid).memory_info().rss / 1e6
        rows.append(["memory after all this", f"{memory:.0f} MB", f"bytes of the map {client.size('/api/map.bin')}"])
    started = time.perf_counter()
    with command(str(catalog)):
        rows.append(["later start, until it answers", f"{time.perf_counter() - started:.1f} s", ""])
    return rows + quality(catalog, layouts)


def answers(client: Client, rounds: int, map_first: float, catalog: Path) -> list[list[str]]:
    """Milliseconds of the page's requests, and of an exact search that reads the catalog."""
    searcher, tracks = Searcher(catalog, index=False), client.get("/api/tracks?limit=100")
    draw = np.random.default_rng(0)
    dimension = client.get("/api/catalog")["dimension"]
    vector = draw.standard_normal(dimension)
    asked: dict[str, Callable[[], object]] = {
        "columns of the map": lambda: client.ask("/api/map.bin"),
        "a search for names": lambda: client.get(f"/api/tracks?search={draw.integers(1000)}"),
        "a track": lambda: client.get(f"/api/tracks/{draw.choice(tracks)['id']}"),
        "neighbours of a window": lambda: client.get(f"/api/tracks/{draw.choice(tracks)['id']}/neighbours?start=20"),
        "clips that excite two dimensions": lambda: client.get(
            f"/api/dimensions?numbers={draw.integers(dimension)},{draw.integers(dimension)}"
        ),
    }
    exact = median(lambda: searcher(vector), 3)
    beside = {
        "columns of the map": f"for the first time {1000 * map_first:.0f} ms",
        "neighbours of a window": f"musicfeat.catalog.search without index {exact:.0f} ms",
    }
    return [[name, f"{median(ask, rounds):.1f} ms", beside.get(name, "")] for name, ask in asked.items()]


def drawing(address: str) -> list[list[str]]:
    """First paint and frame rate of the map in headless Chromium at 1280 pixels, or the reason for none."""
    with tempfile.TemporaryDirectory() as downloads:
        try:
            page = Page(Path(downloads), "--window-size=1280,900")
        except (MissingError, ImportError) as error:
            return [["the map in Chromium", "not available here", str(error)]]
        try:
            page.browser.get(address)
            listening_map.wait_for_map(page)
            painted, frames = listening_map.first_paint(page), listening_map.frame_times(page, DRAWING_SECONDS)
        finally:
            page.browser.quit()
    slow = f"95 % of frames within {np.percentile(frames, 95):.0f} ms"
    return [
        ["the map's first paint, from the address on", f"{painted:.2f} s", ""],
        ["frames while it is zoomed, panned and pointed at", f"{1000 / statistics.mean(frames):.0f} a second", slow],
    ]


def quality(catalog: Path, layouts: list[tuple[str, Floats]]) -> list[list[str]]:
    """Share of a window's ten nearest that are from its track, on the map and by all numbers."""
    library = Library(catalog)
    track = library.columns.track[library.heard]
    whole = same_track(library.vectors.units[library.heard].astype(np.float32), track)
    return [
        [f"ten nearest of the same track, {name}", f"{100 * same_track(layout, track):.0f} %", f"{100 * whole:.0f} %"]
        for name, layout in layouts
    ]


def same_track(places: Floats, track: npt.NDArray[np.uint32]) -> float:
    """Share for an even sample of rows, found by comparing with all rows."""
    chosen, squares, shares = np.arange(len(places))[:: max(1, len(places) // JUDGED)], (places**2).sum(axis=1), []
    for row in chosen:
        distance = squares - 2 * places @ places[row]
        distance[row] = np.inf
        shares.append((track[np.argpartition(distance, NEAREST)[:NEAREST]] == track[row]).mean())
    return float(np.mean(shares))


def places(client: Client) -> Floats:
    """[n, 2] places on the map."""
    columns = client.columns()
    return np.stack([columns["x"], columns["y"]], axis=1)


def seconds(run: Callable[[], object]) -> float:
    """Duration of a call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def median(run: Callable[[], object], rounds: int) -> float:
    """Median milliseconds of a call."""
    return 1000 * statistics.median(seconds(run) for _ in range(rounds))


if __name__ == "__main__":
    main()
