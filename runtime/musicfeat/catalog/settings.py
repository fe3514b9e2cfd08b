"""Settings common to all rows of a catalog, stored in ``catalog.json``; a run with other settings is refused."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from musicfeat.errors import CatalogError
from musicfeat.files import replacing
from musicfeat.model.card import CURVES, ModelCard

FORMAT = 1
FILE = "catalog.json"
Rows = Literal["window", "track"]
Precision = Literal["float32", "float16"]


@dataclass(frozen=True)
class Settings:
    """Model and layout of a catalog."""

    model: str
    version: str
    model_sha256: str
    """Digest of the model's weights."""
    dimension: int
    """Number of values in an embedding."""
    precision: Precision
    """Precision of stored embeddings."""
    rows: Rows
    """Unit of a row: a window, or a whole track."""
    window: float
    """Seconds of a window."""
    hop: float
    """Seconds from one window to the next."""
    outputs: tuple[str, ...]
    """Outputs that are stored: "embedding" and some of "reversal", "jigsaw", "tags", "cut", "backwards"."""
    labels: tuple[str, ...]
    """Labels of the tags."""
    heads: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Name and labels of each head that has a column, see ``taught``."""

    @property
    def edits(self) -> bool:
        """True if there is a column with the edits that a model's curves found."""
        return not set(CURVES).isdisjoint(self.outputs)

    def to_json(self) -> str:
        """JSON text of the settings, for ``catalog.json`` and the metadata of every part."""
        values = asdict(self)
        if not self.heads:
            del values["heads"]  # then older versions can read it
        return json.dumps({"format": FORMAT, **values}, indent=1)


def from_json(text: str | bytes, where: object) -> Settings:
    """Read settings; ``where`` names the file in errors.

    Raises:
        CatalogError: the settings are damaged, or written by a newer version.
    """
    try:
        values: dict[str, Any] = json.loads(text)
        found = values.pop("format")
        if found == FORMAT:
            heads = tuple((str(name), tuple(labels)) for name, labels in values.pop("heads", ()))
            return Settings(**values | {key: tuple(values[key]) for key in ("outputs", "labels")}, heads=heads)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CatalogError(f"{where} is damaged: {error}") from error
    raise CatalogError(f"{where} has format {found}, this musicfeat reads {FORMAT}: install a newer one")


def settings_of(
    card: ModelCard, dimension: int, hop: float, outputs: tuple[str, ...], rows: Rows, precision: Precision
) -> Settings:
    """The settings of a catalog made by a model with a caller's options."""
    return Settings(
        model=card.name,
        version=card.version,
        model_sha256=card.weights_sha256,
        dimension=dimension,
        precision=precision,
        rows=rows,
        window=card.window / card.sample_rate,
        hop=hop,
        outputs=outputs,
        labels=card.labels if "tags" in outputs else (),
    )


def read_settings(folder: Path) -> Settings:
    """The settings of an existing catalog.

    Raises:
        CatalogError: the folder is no catalog.
    """
    try:
        text = (folder / FILE).read_bytes()
    except OSError as error:
        raise CatalogError(
            f"{folder} is not a catalog ({error}): `musicfeat embed ... -o {folder}` makes one"
        ) from error
    return from_json(text, folder / FILE)


def write_or_check(folder: Path, settings: Settings) -> None:
    """Write the settings of a new catalog, or compare them with those of an existing one.

    Raises:
        CatalogError: the catalog has other settings.
    """
    if not (folder / FILE).exists():
        with replacing(folder / FILE) as temporary:
            temporary.write_text(settings.to_json())
        return
    found = read_settings(folder)
    if replace(found, heads=()) != replace(settings, heads=()):
        old, new = asdict(found), asdict(settings)
        keys = [key for key in old if old[key] != new[key] and key != "heads"]
        unlike = ", ".join(f"{key} {old[key]!r} (asked for {new[key]!r})" for key in keys)
        raise CatalogError(
            f"{folder} was made with {unlike}; rows of two kinds do not mix: take another folder, or ask for the same"
        )
