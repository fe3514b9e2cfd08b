"""Bounds of ``musicfeat duplicates`` for the bundled weights, fitted to sounds that are all different recordings."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import soundfile
from _table import data_folder, markdown

from musicfeat.catalog import Catalog, embed_catalog
from musicfeat.catalog.search.alignment import Aligned
from musicfeat.catalog.search.comparable import Comparables
from musicfeat.catalog.search.duplicates import APART_SECONDS, _candidates
from musicfeat.catalog.search.evidence import FILE, Bounds, bounds
from musicfeat.catalog.search.listening import Listener

COLLECTIONS = ("notes", "esc10", "music")
RATE = 22050
LEAST = 0.4
"""Least pooled cosine of a pair that is compared."""
LONG = 5
"""Fewest windows of a pair that counts as long."""
Measured = tuple[float, Aligned]


def write_noise(folder: Path) -> None:
    """Write white, pink, brown and fading noise of 0.3 to 120 s, five of each."""
    folder.mkdir()
    for seconds in (0.3, 1, 5, 10, 30, 120):
        for seed in range(20):
            count = round(seconds * RATE)
            spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
            sound = np.fft.irfft(spectrum / np.arange(1, len(spectrum) + 1) ** (0.5 * (seed % 4 % 3)), count)
            sound *= np.linspace(1, 0.1, count) if seed % 4 == 3 else 1
            soundfile.write(folder / f"{seconds}-{seed}.wav", 0.5 * sound / abs(sound).max(), RATE)


def measured(catalog: Catalog) -> Iterator[Measured]:
    """Pooled cosine and alignment of pairs with similar embeddings but different sound."""
    listener = Listener()
    with tempfile.TemporaryDirectory() as folder:
        tracks = Comparables(catalog, Path(folder))
        for first, second in _candidates(tracks, np.array(tracks.files()), APART_SECONDS["window"], LEAST):
            found = tracks.compare(first, second)
            heard = (
                listener.compare(*(tracks.tracks[n].path for n in (first, second))) if found.similarity > 0.9 else None
            )
            if not (heard and heard.same):  # collections hold a few files twice
                yield float(tracks.pooled[first] @ tracks.pooled[second]), found


def fitted(pairs: list[Measured], model: str) -> Bounds:
    """Bounds that hardly any pair reaches: one in a hundred long ones may, such as two arrangements of one song."""
    one = max((found.similarity for _, found in pairs if found.windows < 2), default=0.0)
    several = [found for _, found in pairs if found.windows > 1]
    shares = [((f.similarity - f.elsewhere) / max(1e-3, 1 - f.elsewhere), f.windows) for f in several]
    beyond = float(np.quantile([share for share, count in shares if count >= LONG] or [0.0], 0.99, method="lower"))
    few = max((share * count for share, count in shares if count < LONG), default=0.0)
    return replace(
        bounds(), model=model, one=round(1 - (1 - one) / 6, 4), beyond=round(beyond + 0.02, 2), few=round(1.05 * few, 2)
    )


def fit(folder: Path | None) -> None:
    """Fit and write the bounds; print the data behind them."""
    pairs: list[Measured] = []
    lines = []
    with nullcontext(str(folder)) if folder else tempfile.TemporaryDirectory() as kept:
        if not (Path(kept) / "sounds").is_dir():
            Path(kept).mkdir(exist_ok=True, parents=True)
            write_noise(Path(kept) / "sounds")
        for name in ("sounds", *COLLECTIONS):
            source = Path(kept) / name if name == "sounds" else data_folder() / name
            embed_catalog([source], Path(kept) / f"catalog of {name}")
            catalog = Catalog(Path(kept) / f"catalog of {name}")
            found = list(measured(catalog))
            pairs += found
            lines.append([name, str(len(found)), f"{max((f.similarity for _, f in found), default=0):.3f}"])
    chosen = fitted(pairs, f"{catalog.settings.model} {catalog.settings.version}")
    print(markdown(["sounds", "pairs", "greatest similarity"], lines))
    FILE.write_text(json.dumps(asdict(chosen), indent=1) + "\n")
    print(f"{FILE}: {chosen}")
