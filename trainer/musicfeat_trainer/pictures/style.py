"""Style of all pictures: colours that the colour-blind tell apart, and files written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from musicfeat.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours of Okabe and Ito, 'Color universal design' (2008), without the yellow, which is lost on white."""
MARKERS = "os^DvP*Xp"
STROKES = ("-", "--", "-.", ":")


def label(name: str) -> str:
    """Name of a class or figure in at most 24 characters, without underscores."""
    plain = name.replace("_", " ")
    return plain if len(plain) <= 24 else plain[:23] + "…"


def save(figure: Figure, path: Path) -> None:
    """Write a PNG atomically, into a folder that is made if missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120, facecolor="white")
