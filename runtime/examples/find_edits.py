"""Where was something cut out of a recording, or put in?

pip install musicfeat
python find_edits.py RECORDING
python find_edits.py RECORDING 0.9   # only places that are as sure as this
"""

from __future__ import annotations

import sys

from musicfeat import Extractor, MusicfeatError


def main(recording: str, least: str = "0.5") -> None:
    """Print each suspicious place as mm:ss and the probability of a cut there."""
    edits = Extractor(outputs=["successor"]).continuity(recording).edits(float(least))
    for seconds, probability in edits:
        tenths = round(10 * seconds)
        print(f"{tenths // 600:02d}:{tenths % 600 / 10:04.1f}  P(cut) = {probability:.2f}")
    if not edits:
        print("no suspicious place")


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except MusicfeatError as error:
        sys.exit(str(error))
