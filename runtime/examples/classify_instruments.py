"""Learn to tell instruments, genres or anything else apart, from a folder that holds one folder for each class.

pip install 'musicfeat[sklearn]'
python classify_instruments.py FOLDER             # FOLDER/piano/*.wav, FOLDER/violin/*.wav, ...
python classify_instruments.py FOLDER NEW.wav ... # and then judge other files
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from musicfeat import MusicfeatError
from musicfeat.sklearn import Embedder

SOUND = {".wav", ".flac", ".ogg", ".opus", ".mp3"}


def main(folder: str, *new: str) -> None:
    """Print the accuracy on files that the classifier was not trained on, and then its answers for ``new``."""
    paths = sorted(path for path in Path(folder).glob("*/*") if path.suffix.lower() in SOUND)
    classes = [path.parent.name for path in paths]
    counts = Counter(classes)
    if len(counts) < 2 or min(counts.values()) < 2:
        sys.exit(f"{folder} must hold at least two folders, each with at least two files of sound")

    # The embedder learns nothing from these files: to embed them once, before the folds, leaks nothing between them.
    embedder, classifier = Embedder(), make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    vectors = embedder.transform(paths)
    accuracy = cross_val_score(classifier, vectors, classes, cv=min(5, *counts.values())).mean()
    chance = max(counts.values()) / len(paths)
    print(
        f"{len(paths)} files of {len(counts)} classes: {accuracy:.1%} right; chance, the commonest class: {chance:.1%}"
    )

    if new:
        whole = make_pipeline(embedder, classifier.fit(vectors, classes))
        for path, answer in zip(new, whole.predict(new), strict=True):
            print(f"{path}: {answer}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except MusicfeatError as error:
        sys.exit(str(error))
