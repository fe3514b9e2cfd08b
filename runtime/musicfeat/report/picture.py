"""Picture of a recording as SVG: spectrogram, reversal and order curves, tags over time."""

from __future__ import annotations

import base64
import struct
import zlib
from html import escape

import numpy as np
import numpy.typing as npt

from musicfeat.features import Features
from musicfeat.sound.log_mel import LogMelSpec, log_mel
from musicfeat.sound.waveform import Waveform

WIDTH, LEFT, PLOT = 960, 130, 810
ROW = 150
GAP = 44
MOST_TAGS = 8
COLOURS = np.array([[12, 7, 46], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]], dtype=np.float64)


def draw(wave: Waveform, rate: int, features: Features, title: str) -> str:
    """SVG text of the picture of a whole recording."""
    shown = len(wave) / rate
    rows = [_spectrogram(wave, rate)]
    rows.append(_curves(features, shown, {"P(backwards)": features.reversal, "P(out of order)": features.jigsaw}))
    if features.tag_curve is not None:
        best = np.argsort(-(features.weights @ features.tag_curve))[:MOST_TAGS]
        rows.append(_tag_map(features.tag_curve[:, best], [features.labels[tag] for tag in best]))
    body = "".join(
        f'<g transform="translate({LEFT},{60 + i * (ROW + GAP)})">{row}{_time_axis(shown)}</g>'
        for i, row in enumerate(rows)
    )
    height = 60 + len(rows) * (ROW + GAP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{LEFT}" y="30" font-size="16">{escape(title)}</text>{body}</svg>\n'
    )


def _spectrogram(wave: Waveform, rate: int) -> str:
    spec = LogMelSpec(sample_rate=rate, fmax=min(7200.0, rate / 2))
    image = log_mel(np.pad(wave, (0, -len(wave) % spec.hop)), spec).T[::-1]
    step = max(1, image.shape[1] // PLOT)
    levels = image[:, ::step] / max(float(image.max()), 1e-9)
    return (
        f'<image width="{PLOT}" height="{ROW}" preserveAspectRatio="none" href="{_png(levels)}"/>'
        f'<text x="-8" y="12" text-anchor="end">{spec.fmax / 1000:.1f} kHz</text>'
        f'<text x="-8" y="{ROW}" text-anchor="end">{spec.fmin:.0f} Hz</text>'
    )


def _curves(features: Features, shown: float, curves: dict[str, npt.NDArray[np.float32]]) -> str:
    """SVG text of curves through each window's value at the centre of its sound."""
    shapes = [f'<rect width="{PLOT}" height="{ROW}" fill="#f6f6f8"/>']
    shapes += [f'<text x="-8" y="{ROW * (1 - v) + 4:.0f}" text-anchor="end">{v:g}</text>' for v in (0, 0.5, 1)]
    for i, ((name, values), colour) in enumerate(zip(curves.items(), ("#b02a55", "#1f6fb4"), strict=False)):
        marks = [(t / shown * PLOT, ROW * (1 - float(v))) for t, v in zip(features.times, values, strict=True)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in marks)
        shapes.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        shapes += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in marks]
        shapes.append(f'<text x="{150 * i}" y="-10" fill="{colour}">{name}</text>')
    return "".join(shapes)


def _tag_map(curve: npt.NDArray[np.float32], labels: list[str]) -> str:
    height = ROW / len(labels)
    names = "".join(
        f'<text x="-8" y="{(i + 0.7) * height:.0f}" text-anchor="end">{escape(label.replace("_", " "))}</text>'
        for i, label in enumerate(labels)
    )
    image = _png(curve.T.astype(np.float64))
    return f'<image width="{PLOT}" height="{ROW}" preserveAspectRatio="none" href="{image}"/>{names}'


def _time_axis(shown: float) -> str:
    step = next((s for s in (0.1, 1, 2, 5, 10, 20) if shown / s <= 15), 60)
    marks = np.arange(0, shown + 1e-9, step)
    return "".join(
        f'<text x="{t / shown * PLOT:.0f}" y="{ROW + 16}" text-anchor="middle">{t:g} s</text>' for t in marks
    )


def _png(levels: npt.NDArray[np.float64]) -> str:
    """Data URI of a PNG that shows values from 0 to 1, [height, width], as colours."""
    place = np.clip(levels, 0, 1) * (len(COLOURS) - 1)
    lower = np.minimum(place.astype(int), len(COLOURS) - 2)
    share = (place - lower)[..., None]
    pixels = (COLOURS[lower] * (1 - share) + COLOURS[lower + 1] * share).astype(np.uint8)
    height, width, _ = pixels.shape
    lines = np.pad(pixels.reshape(height, -1), ((0, 0), (1, 0))).tobytes()
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    ]
    packed = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + packed).decode()
