"""``musicfeat listen`` as a process, large catalogs for it, and its map in headless Chromium; for tests, too."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from support.browser import Page
from support.paths import ROOT

LABELS = ("piano", "guitar", "drums", "voice", "strings", "brass", "synthesiser", "flute")
DIMENSION = 128
WINDOW = 10.0
HOP = 5.0
SECONDS = 900.0
"""Nothing on the page takes longer, or it has failed; the better layout waits for whatever else the machine does."""
FRAMES = """
  const [surface, seconds, done] = [document.querySelector('.surface'), arguments[0], arguments[1]];
  const { left, top, width, height } = surface.getBoundingClientRect();
  const at = (turn) => ({
    clientX: left + width * (0.5 + 0.25 * Math.cos(turn)), clientY: top + height * (0.5 + 0.25 * Math.sin(turn)),
    pointerId: 1, isPrimary: true, bubbles: true, cancelable: true,
  });
  const [times, begin] = [[], performance.now()];
  surface.setPointerCapture = () => {};
  const step = (now) => {
    times.push(now);
    const turn = (now - begin) / 300;
    if (Math.floor(now - begin) % 2000 < 1000) {
      surface.dispatchEvent(new WheelEvent('wheel', { ...at(turn), deltaY: 60 * Math.sin(turn) }));
    } else {
      surface.dispatchEvent(new PointerEvent('pointerdown', at(turn)));
      surface.dispatchEvent(new PointerEvent('pointermove', at(turn + 0.1)));
      surface.dispatchEvent(new PointerEvent('pointerup', at(turn + 0.1)));
    }
    surface.dispatchEvent(new PointerEvent('pointermove', at(turn + 1)));
    if (now - begin < 1000 * seconds) requestAnimationFrame(step);
    else done(times.slice(1).map((time, i) => time - times[i]));
  };
  requestAnimationFrame(step);
"""


def draw_catalog(folder: Path, tracks: int, windows: int, sources: int = 16, seed: int = 0) -> Path:
    """A catalog of made-up numbers, written by the catalog's own writer: clusters by source that drift in time."""
    from musicfeat.catalog.parts import Writer
    from musicfeat.catalog.schema import to_batch
    from musicfeat.catalog.settings import Settings, write_or_check
    from musicfeat.catalog.workers.result import FileResult
    from musicfeat.features import Features

    draw = np.random.default_rng(seed)
    outputs = ("embedding", "reversal", "jigsaw", "tags")
    settings = Settings("drawn", "1", "0" * 64, DIMENSION, "float16", "window", WINDOW, HOP, outputs, LABELS)
    folder.mkdir(parents=True)
    write_or_check(folder, settings)
    writer = Writer(folder, settings, "0")
    scale = np.exp(-np.arange(DIMENSION) / 12)
    centres = 2.2 * scale * draw.standard_normal((sources, DIMENSION))
    starts = HOP * np.arange(windows)
    for number in range(tracks):
        source = int(draw.integers(sources) * draw.random())
        own = centres[source] + scale * draw.standard_normal(DIMENSION)
        drift = np.cumsum(draw.standard_normal((windows, DIMENSION)), axis=0) / windows**0.5
        features = Features(
            starts=starts,
            ends=starts + WINDOW,
            embeddings=(own + 0.7 * scale * drift).astype(np.float32),
            reversal=draw.beta(0.3, 3, windows).astype(np.float32),
            jigsaw=draw.beta(0.5, 2, windows).astype(np.float32),
            weights=np.full(windows, 1 / windows),
            silent=np.zeros(windows, bool),
            tag_curve=draw.dirichlet(np.full(len(LABELS), 0.3), windows).astype(np.float32),
            labels=LABELS,
            sr=44100,
        )
        path = f"/music/source {source:02d}/track {number:05d}.ogg"
        writer.append(to_batch(FileResult(path, 1, 1, f"{number:064x}", features), settings))
    writer.seal()
    return folder


@contextmanager
def listening(catalog: Path, *arguments: str) -> Iterator[str]:
    """The server at a free port as a user starts it; its address."""
    command = [sys.executable, "-m", "musicfeat.cli", "listen", str(catalog), "--port", "0", *arguments]
    path = os.pathsep.join(str(ROOT / part) for part in ("runtime", "trainer", "export"))
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path})
    try:
        assert server.stdout
        said = server.stdout.readline()
        found = re.search(r"http://\S+", said)
        if not found:
            raise RuntimeError(f"the server does not start: {said}")
        yield found[0]
    finally:
        server.terminate()
        server.wait(timeout=30)


def until(condition: Callable[[], Any]) -> Any:
    """The condition's value as soon as it holds."""
    end = time.monotonic() + SECONDS
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"the page did not come to this within {SECONDS:g} s")
        time.sleep(0.02)
    return value


def wait_for_map(page: Page) -> None:
    """Until the points are on the screen and can be pointed at."""
    marks = "['map-painted', 'map-ready'].every((name) => performance.getEntriesByName(name).length)"
    until(lambda: page.run(f"return {marks}"))


def first_paint(page: Page) -> float:
    """Seconds from the beginning of the navigation to the points on the screen."""
    return float(page.run("return performance.getEntriesByName('map-painted')[0].startTime")) / 1000


def frame_times(page: Page, seconds: float) -> list[float]:
    """Milliseconds between frames while the map is zoomed, panned and pointed at."""
    page.browser.set_script_timeout(seconds + 60)
    times: list[Any] = page.browser.execute_async_script(FRAMES, seconds)
    return [float(time) for time in times]
