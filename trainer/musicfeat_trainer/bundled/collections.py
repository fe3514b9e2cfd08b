"""Collections that a recipe names: music, rendered music, OpenMIC-2018; each split by source."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from musicfeat.errors import InputError
from musicfeat.files import replacing
from musicfeat.sound.log_mel import LogMelSpec
from musicfeat_trainer.bundled.crops import Collection
from musicfeat_trainer.bundled.labels import NoteLabels
from musicfeat_trainer.bundled.mel_power import MelPower
from musicfeat_trainer.bundled.openmic import open_openmic
from musicfeat_trainer.bundled.stem_mixes import StemMixer
from musicfeat_trainer.data.contents import Contents, Waveform
from musicfeat_trainer.data.render import render_all
from musicfeat_trainer.data.stem_rendering import render_stems
from musicfeat_trainer.data.store import Store, prepare_folder
from musicfeat_trainer.data.teachers import Lessons, TeacherTargets, targets_of
from musicfeat_trainer.recipe.bundled import Recipe, RenderedConfig
from musicfeat_trainer.section import expanded

RENDERED = {"fonts", "test_sources", "seconds", "renditions"}
STEMS = {"fonts", "stem_fonts", "validation_sources", "test_sources", "stem_seconds"}


def training_collections(
    recipe: Recipe, spec: LogMelSpec, labels: tuple[str, ...] = (), *, taught: bool = False
) -> list[Collection]:
    """Training collections of a recipe: music, rendered music, OpenMIC-2018; missing ones are built first.

    Args:
        recipe: recipe of the bundled model.
        spec: settings of the spectrograms.
        labels: instruments that notes teach.
        taught: True if the teachers' answers for the music and the rendered music are needed, too.
    """
    share = recipe.rendered.share if recipe.rendered else 0.0
    held_out = (*recipe.data.validation_sources, *recipe.data.test_sources)
    found = music_collections(recipe, spec, held_out, 1 - share, excluded=True, taught=taught)
    if recipe.rendered:
        store, notes = rendered_store(recipe, recipe.rendered, spec, labels)
        tracks = store.of_sources(recipe.rendered.validation_sources, excluded=True)
        found.append(Collection(store, tracks, share, notes, rendered_lessons(recipe) if taught else None))
    openmic = openmic_collection(recipe, spec, labels) if labels else None
    return [*found, openmic] if openmic else found


def openmic_collection(recipe: Recipe, spec: LogMelSpec, labels: tuple[str, ...]) -> Collection | None:
    """OpenMIC-2018, if the recipe names its folder and it is there."""
    if not recipe.openmic or not expanded(recipe.openmic).is_dir():
        return None
    return open_openmic(expanded(recipe.openmic), _place(recipe, "openmic", spec), spec, labels)


class Validation(NamedTuple):
    """Held-out music for early stopping."""

    music: list[Collection]
    rendered: list[Collection]
    """Rendered collections with labels; empty if the recipe has no rendered music."""


def validation_collections(
    recipe: Recipe, spec: LogMelSpec, labels: tuple[str, ...] = (), *, taught: bool = False
) -> Validation:
    """Validation sources of a recipe; arguments as for ``training_collections``."""
    sources = recipe.data.validation_sources
    music = music_collections(recipe, spec, sources, 1.0, excluded=False, taught=taught)
    return Validation(music, rendered_validation(recipe, spec, labels))


def rendered_validation(recipe: Recipe, spec: LogMelSpec, labels: tuple[str, ...]) -> list[Collection]:
    """Rendered music of the validation sources with its labels; empty if the recipe has no rendered music."""
    if not recipe.rendered:
        return []
    store, notes = rendered_store(recipe, recipe.rendered, spec, labels)
    return [Collection(store, store.of_sources(recipe.rendered.validation_sources), 1.0, notes)]


def music_collections(
    recipe: Recipe, spec: LogMelSpec, sources: Sequence[str], share: float, *, excluded: bool, taught: bool
) -> list[Collection]:
    """Tracks of the given sources, or of all others, in each folder of music; every second is equally likely.

    Raises:
        InputError: no folder has a track of one of the sources.
    """
    stores = [music_store(recipe, spec, folder) for folder in recipe.data.folders]
    if missing := set(sources) - {track.source for store in stores for track in store.tracks}:
        raise InputError(f"no track of source {sorted(missing)} in {', '.join(map(str, recipe.data.folders))}")
    parts = [[track for track in store.tracks if (track.source in sources) != excluded] for store in stores]
    frames = [sum(track.frames for track in tracks) for tracks in parts]
    return [
        Collection(
            store, tracks, share * count / sum(frames), lessons=music_lessons(recipe, folder) if taught else None
        )
        for store, tracks, folder, count in zip(stores, parts, recipe.data.folders, frames, strict=True)
        if tracks
    ]


def music_store(recipe: Recipe, spec: LogMelSpec, folder: Path) -> Store:
    """Spectrograms of all sources in one folder of a recipe's music."""
    return _folder_store(recipe, folder, _place(recipe, _name(recipe, folder), spec), MelPower(spec))


def music_waves(recipe: Recipe, rate: int) -> list[Store]:
    """Waveforms of all sources in each folder of a recipe's music; missing stores are built first."""
    store = expanded(recipe.data.store)
    places = [(folder, store / f"{_name(recipe, folder)}-wave{rate}") for folder in recipe.data.folders]
    return [_folder_store(recipe, folder, place, Waveform(rate)) for folder, place in places]


def music_lessons(recipe: Recipe, folder: Path) -> Lessons | None:
    """Teachers' answers for one folder of a recipe's music, computed first if missing; None without teachers."""
    return _lessons(recipe, _name(recipe, folder), lambda place, said: _folder_store(recipe, folder, place, said))


def rendered_lessons(recipe: Recipe) -> Lessons | None:
    """Teachers' answers for a recipe's rendered music; None without teachers."""
    assert recipe.rendered
    folder = expanded(recipe.rendered.folder)
    return _lessons(recipe, "rendered", lambda place, said: prepare_folder(place, folder, folder / "tracks.csv", said))


def _lessons(recipe: Recipe, name: str, prepared: Callable[[Path, TeacherTargets], Store]) -> Lessons | None:
    if not recipe.teachers:
        return None
    targets = targets_of(recipe.teachers)
    places = [expanded(recipe.data.store) / f"{name}-{said.card.name}" for said in targets]
    stores = [prepared(place, said) for place, said in zip(places, targets, strict=True)]
    return Lessons(stores, [said.card for said in targets])


def _name(recipe: Recipe, folder: Path) -> str:
    """Name of the stores of a folder of music; empty for the first folder of a recipe."""
    return "music" if folder == recipe.data.folders[0] else f"music-{folder.name}"


def _folder_store(recipe: Recipe, folder: Path, place: Path, contents: Contents) -> Store:
    audio = expanded(folder)
    table = audio / recipe.data.table if recipe.data.table else None
    return prepare_folder(place, audio, table, contents)


def rendered_store(
    recipe: Recipe, config: RenderedConfig, spec: LogMelSpec, labels: tuple[str, ...]
) -> tuple[Store, NoteLabels]:
    """Spectrograms and notes of a recipe's rendered music; missing files are rendered first."""
    folder = expanded(config.folder)
    fonts, held_out = [expanded(font) for font in config.fonts], config.test_sources
    _render_missing(
        folder,
        config.model_dump(mode="json", include=RENDERED),
        lambda: render_all(
            expanded(config.midi), fonts, folder, held_out, config.seconds, spec.sample_rate, config.renditions
        ),
    )
    store = prepare_folder(_place(recipe, "rendered", spec), folder, folder / "tracks.csv", MelPower(spec))
    return store, NoteLabels.read(folder, [track.path for track in store.tracks], labels)


def stem_mixer(recipe: Recipe, config: RenderedConfig, spec: LogMelSpec, labels: tuple[str, ...]) -> StemMixer:
    """Mixes of the stems of a recipe's training MIDI; missing files are rendered first."""
    folder = expanded(config.folder) / "stems"
    fonts = [expanded(font) for font in (*config.fonts, *config.stem_fonts)]
    held_out = (*config.validation_sources, *config.test_sources)
    _render_missing(
        folder,
        config.model_dump(mode="json", include=STEMS),
        lambda: render_stems(expanded(config.midi), fonts, folder, held_out, config.stem_seconds, spec.sample_rate),
    )
    store = prepare_folder(_place(recipe, "stems", spec), folder, folder / "tracks.csv", MelPower(spec))
    notes = NoteLabels.read(folder, [track.path for track in store.tracks], labels)
    return StemMixer(store, notes, config.stem_seconds, recipe.tempo)


def _render_missing(folder: Path, wanted: dict[str, Any], render: Callable[[], None]) -> None:
    """Render into a folder unless its file rendered.json says that it holds what is wanted."""
    note = folder / "rendered.json"
    done = json.loads(note.read_text()) if note.exists() else {}
    if done == wanted:
        return
    for length in {"seconds", "stem_seconds"} & done.keys():
        if done[length] != wanted[length]:
            raise InputError(
                f"{folder} holds renderings of {done[length]} s, not {wanted[length]} s: choose another folder"
            )
    render()
    with replacing(note) as temporary:
        temporary.write_text(json.dumps(wanted, indent=1))


def _place(recipe: Recipe, name: str, spec: LogMelSpec) -> Path:
    pool = f"x{spec.pool}" if spec.pool > 1 else ""
    return expanded(recipe.data.store) / f"{name}-{spec.n_mels}x{spec.hop}{pool}"
