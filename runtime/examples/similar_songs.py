"""The recordings of a folder that sound most like one recording.

pip install musicfeat
python similar_songs.py FOLDER SONG
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from musicfeat import Extractor, MusicfeatError

SOUND = {".wav", ".flac", ".ogg", ".opus", ".mp3"}
MOST = 10


def main(folder: str, song: str) -> None:
    """Print the nearest recordings by cosine, the best first."""
    extractor = Extractor(outputs=[])  # embeddings alone
    names, vectors = [Path(song)], [extractor(song).embedding]
    paths = (path for path in sorted(Path(folder).rglob("*")) if path.suffix.lower() in SOUND)
    for found in extractor.map(path for path in paths if path.resolve() != Path(song).resolve()):
        if isinstance(found, MusicfeatError):
            print(f"left out: {found}", file=sys.stderr)
        else:
            names.append(Path(str(found.path)))
            vectors.append(found.embedding)

    # The mean of the folder tells no two songs apart: compare by what is left without it.
    table = np.stack(vectors)
    table = (table - table.mean(0)) / np.maximum(table.std(0), 1e-6)
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-6)
    likeness = table[1:] @ table[0]
    for i in np.argsort(-likeness)[:MOST]:
        print(f"{likeness[i]:6.3f}  {names[i + 1]}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except MusicfeatError as error:
        sys.exit(str(error))
