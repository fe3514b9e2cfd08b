"""Report of a recording: one self-contained HTML file that can fetch nothing."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from musicfeat import __version__
from musicfeat.errors import InputError
from musicfeat.extractor import Extractor
from musicfeat.features import Features
from musicfeat.files import writing
from musicfeat.report.bundle import Bundle, bundled
from musicfeat.report.edited import curves_of, drawn
from musicfeat.report.overview import overview
from musicfeat.sound.audio import PathLike
from musicfeat.suspicion import LEAST, suspicious

LARGEST_SOUND = 64 << 20
"""Greatest size in bytes of an embedded sound file; more is too much to send, and for some browsers to open."""
TYPES = {
    ".aac": "audio/aac", ".flac": "audio/flac", ".m4a": "audio/mp4", ".mp3": "audio/mpeg", ".oga": "audio/ogg",
    ".ogg": "audio/ogg", ".opus": "audio/ogg", ".wav": "audio/wav",
}  # fmt: skip
"""Media types that browsers play, by suffix; for an unknown type they look at the bytes."""


def write_report(path: PathLike, output: PathLike, extractor: Extractor, *, audio: bool = False) -> int:
    """Analyse a file and write its report, whole or not at all.

    Args:
        path: the recording.
        output: the HTML file to write.
        extractor: its hop is the step of the curves.
        audio: True embeds the file, so that the report can play it.

    Returns:
        The report's size in bytes.

    Raises:
        AudioError: the file cannot be decoded.
        InputError: the output cannot be written, or the sound is larger than ``LARGEST_SOUND``.
    """
    output = Path(output)
    if output.is_dir() or not output.parent.is_dir():
        raise InputError(f"cannot write {output}: name a file in a folder that exists")
    if os.path.exists(path) and output.exists() and os.path.samefile(path, output):
        raise InputError(f"cannot write {output}: it is the recording itself")
    sound = _sound(Path(path)) if audio else None
    page = html(judged(path, extractor), bundled("report.js"), sound).encode("utf-8", "replace")
    with writing(output) as temporary:
        temporary.write_bytes(page)
    return len(page)


def judged(path: PathLike, extractor: Extractor) -> dict[str, Any]:
    """Content of a report, as plain values for JSON."""
    features = extractor(path)
    name = os.fsencode(os.path.basename(os.fspath(path))).decode("utf-8", "replace")
    card = extractor.card
    return {
        "name": name,
        "type": TYPES.get(Path(name).suffix.lower(), ""),
        "model": f"{card.name} {card.version}",
        "duration": features.duration,
        "reversed": round(features.reversed, 4),
        "starts": _rounded(features.starts),
        "ends": _rounded(features.ends),
        "reversal": _rounded(features.reversal),
        "jigsaw": _rounded(features.jigsaw),
        "tags": _tags(features),
        "edited": drawn(curves_of(features)),
        "suspicious": [vars(finding) for finding in suspicious(path, features, extractor, LEAST)],
        "picture": overview(path).packed(),
    }


def html(data: Mapping[str, Any], bundle: Bundle, sound: str | None = None) -> str:
    """HTML page with the result of ``judged``; ``sound`` is base64."""
    name, model = escape(str(data["name"])), escape(str(data["model"]))
    facts = f"P(plays backwards) {data['reversed']:.3f}; {len(data['suspicious'])} suspicious places"
    # Only "<" could end a script element or begin a comment in it.
    values = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    held = f'<script id="sound" type="text/plain">{sound}</script>\n' if sound else ""
    policy = (
        f"default-src 'none'; script-src '{bundle.script_hash}'; style-src '{bundle.style_hash}'; media-src blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{name} · musicfeat</title>
<style>{bundle.style}</style>
</head>
<body class="report">
<main>
<h1>{name}</h1>
<p class="muted">What <strong>{model}</strong> hears in it. Its judgements are hints, not proofs.</p>
<div id="sheet"><noscript><p>{facts}. The pictures need JavaScript.</p></noscript></div>
<p class="muted">Written by musicfeat {__version__}. This file holds all that it shows and fetches nothing.</p>
</main>
<script id="data" type="application/json">{values}</script>
{held}<script type="module">{bundle.script}</script>
</body>
</html>
"""


def _tags(features: Features) -> dict[str, list[float]]:
    if features.tag_curve is None:
        return {}
    return {label: _rounded(features.tag_curve[:, i]) for i, label in enumerate(features.labels)}


def _rounded(values: Any) -> list[float]:
    return np.round(np.asarray(values, dtype=np.float64), 4).tolist()


def _sound(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > LARGEST_SOUND:
            raise InputError(
                f"{path} has {size / 1e6:.0f} MB, too much to embed (at most {LARGEST_SOUND / 1e6:.0f} MB): leave "
                "--audio out, or report on a copy that is coded smaller"
            )
        return base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error}") from error
