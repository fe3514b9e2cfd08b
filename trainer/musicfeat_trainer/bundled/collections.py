"""Opens what a recipe names: music, rendered music, OpenMIC-2018; each split by source."""

from __future__ import annotations

import json
from pathlib import Path

from musicfeat.errors import InputError
from musicfeat.files import replacing
from musicfeat.log_mel import LogMelSpec
from musicfeat_trainer.bundled.crops import Collection
from musicfeat_trainer.bundled.labels import NoteLabels
from musicfeat_trainer.bundled.mel_power import MelPower
from musicfeat_trainer.bundled.openmic import open_openmic
from musicfeat_trainer.data.render import render_all
from musicfeat_trainer.data.store import Store, prepare_folder
from musicfeat_trainer.recipe.bundled import Recipe, RenderedConfig
from musicfeat_trainer.section import expanded

RENDERED = {"fonts", "test_sources", "seconds", "renditions"}


def training_collections(recipe: Recipe, spec: LogMelSpec, labels: tuple[str, ...] = ()) -> list[Collection]:
    """What a recipe trains on: music, rendered music, OpenMIC-2018; built first where it is missing."""
    share = recipe.rendered.share if recipe.rendered else 0.0
    music, data = music_store(recipe, spec), recipe.data
    held_out = (*data.validation_sources, *data.test_sources)
    found = [Collection(music, music.of_sources(held_out, excluded=True), 1 - share)]
    if recipe.rendered:
        store, notes = rendered_store(recipe, recipe.rendered, spec, labels)
        tracks = store.of_sources(recipe.rendered.validation_sources, excluded=True)
        found.append(Collection(store, tracks, share, notes))
    if recipe.openmic and labels and expanded(recipe.openmic).is_dir():
        found.append(open_openmic(expanded(recipe.openmic), _place(recipe, "openmic", spec), spec, labels))
    return found


def validation_collections(recipe: Recipe, spec: LogMelSpec, labels: tuple[str, ...] = ()) -> list[Collection]:
    """What early stopping looks at: music, and rendered music where the recipe has it."""
    music = music_store(recipe, spec)
    found = [Collection(music, music.of_sources(recipe.data.validation_sources))]
    if recipe.rendered:
        store, notes = rendered_store(recipe, recipe.rendered, spec, labels)
        found.append(Collection(store, store.of_sources(recipe.rendered.validation_sources), 1.0, notes))
    return found


def music_store(recipe: Recipe, spec: LogMelSpec) -> Store:
    """The spectrograms of a recipe's music, all sources."""
    audio = expanded(recipe.data.audio)
    table = audio / recipe.data.table if recipe.data.table else None
    return prepare_folder(_place(recipe, "music", spec), audio, table, MelPower(spec))


def rendered_store(
    recipe: Recipe, config: RenderedConfig, spec: LogMelSpec, labels: tuple[str, ...]
) -> tuple[Store, NoteLabels]:
    """The spectrograms and notes of a recipe's rendered music, rendered first where some of it is missing."""
    folder = expanded(config.folder)
    _render_missing(config, folder, spec.sample_rate)
    store = prepare_folder(_place(recipe, "rendered", spec), folder, folder / "tracks.csv", MelPower(spec))
    return store, NoteLabels.beside(folder, [track.path for track in store.tracks], labels)


def _render_missing(config: RenderedConfig, folder: Path, rate: int) -> None:
    """Fonts and renditions that are new are added to a folder; its file rendered.json says what is complete."""
    note, wanted = folder / "rendered.json", config.model_dump(mode="json", include=RENDERED)
    done = json.loads(note.read_text()) if note.exists() else {}
    if done == wanted:
        return
    if done.get("seconds", config.seconds) != config.seconds:
        raise InputError(
            f"{folder} holds renderings of {done['seconds']} s, not {config.seconds} s: choose another folder"
        )
    fonts, held_out = [expanded(font) for font in config.fonts], config.test_sources
    render_all(expanded(config.midi), fonts, folder, held_out, config.seconds, rate, config.renditions)
    with replacing(note) as temporary:
        temporary.write_text(json.dumps(wanted, indent=1))


def _place(recipe: Recipe, name: str, spec: LogMelSpec) -> Path:
    pool = f"x{spec.pool}" if spec.pool > 1 else ""
    return expanded(recipe.data.store) / f"{name}-{spec.n_mels}x{spec.hop}{pool}"
