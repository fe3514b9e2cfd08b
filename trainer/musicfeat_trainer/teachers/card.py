"""Teachers on disk: an ONNX file, and beside it a card with its inputs and outputs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from musicfeat.errors import InputError
from musicfeat.files import replacing
from musicfeat_trainer.teachers import musicnn
from musicfeat_trainer.teachers.package import MusicnnPackage

NETWORKS = {
    "MSD_musicnn": "tags of the Million Song Dataset (Last.fm): genres, eras, moods",
    "MTT_musicnn": "tags of MagnaTagATune: instruments, voices, genres",
}
LICENCE = "ISC, Music Technology Group, Universitat Pompeu Fabra 2019; Pons and Serra, ISMIR 2019"


def write_musicnn(target: Path, network: str, package: Path | None = None) -> None:
    """Write a network of the package `musicnn` as an ONNX file, and its card beside it.

    Args:
        target: path that ends in .onnx; the card has the same name with .json.
        network: one of ``NETWORKS``.
        package: wheel or folder of the package; None: the installed one.

    Raises:
        InputError: the network or package is unknown, or the suffix is another one.
    """
    if network not in NETWORKS:
        raise InputError(f"no network {network}: choose of {', '.join(NETWORKS)}")
    if target.suffix != ".onnx":
        raise InputError(f"{target} should end in .onnx: the card is written beside it, ending in .json")
    files = MusicnnPackage(package)
    content = musicnn.build(files.weights(network)).SerializeToString()
    card = _card(target.stem, network, files.labels(network), hashlib.sha256(content).hexdigest())
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as temporary:
        temporary.write_bytes(content)
    with replacing(target.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(card, indent=1) + "\n", "utf-8")


def _card(name: str, network: str, labels: list[str], sha256: str) -> dict[str, Any]:
    return {
        "name": name,
        "input": {
            "name": "waveform",
            "sample_rate": musicnn.RATE,
            "samples": musicnn.SAMPLES,
            "channels": 1,
            "level": "as recorded, -1 to 1",
        },
        "outputs": {
            "tags": [len(labels), "probabilities, in the order of labels"],
            "embedding": [musicnn.EMBEDDING, "penultimate layer"],
        },
        "labels": labels,
        "knows": NETWORKS[network],
        "source_and_licence": f"PyPI package musicnn 0.1.0 (weights {network}), {LICENCE}",
        "spectrogram_inside": "log10(10000 mel + 1), librosa mel (slaney), 96 bands",
        "sha256": sha256,
    }
