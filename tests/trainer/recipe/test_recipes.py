"""Every recipe of the package trains, at a size that a test can afford, on sound that the test makes."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import mido
import pytest
import torch

from musicfeat_trainer.cli import main
from musicfeat_trainer.method.part import load_method
from musicfeat_trainer.recipe.files import known_recipes, open_recipe
from musicfeat_trainer.recipe.method import MethodRecipe
from musicfeat_trainer.training.curves import read_rows
from support.torchaudio import needed

METHODS = [name for name, _ in known_recipes() if isinstance(open_recipe(name), MethodRecipe)]
SMALL = {
    "method.steps": 1, "method.evaluate_every": 1, "method.batch": 4, "method.validation_batches": 1,
}  # fmt: skip
FAST = ("inpainting", "jigsaw/convnet-1s", "semantic_relevance/sym-sym", "time_reversal/5s")
"""Recipes tried by default: small networks, one of each kind of data."""
SHORT = {"siamusic": 0.5, "odd_one_out": 9.0, "moco": 0.5, "npid": 0.5, "cpc": 0.5, "time_reversal": 1.996961}
"""Seconds of clips, where a recipe's own would take the test too long."""
LIKE_OTHERS = re.compile("clmr/(batch|epochs|one-view-(?!gain))|moco/(imagenet|scratch)")
"""Rows that differ from another in a number, an augmentation or where weights start."""


def test_there_is_a_recipe_for_each_row_of_the_tables() -> None:
    assert Counter(name.partition("/")[0] for name in METHODS) == {
        "byol": 1, "clmr": 16, "cpc": 6, "distillation": 1, "inpainting": 1, "jigsaw": 7, "moco": 5, "npid": 1,
        "odd_one_out": 1, "pirl": 1, "semantic_relevance": 4, "siamusic": 12, "time_reversal": 3,
    }  # fmt: skip


@pytest.fixture(scope="module")
def piano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three folders of one short piece each."""
    folder = tmp_path_factory.mktemp("piano")
    for number, source in enumerate("abc"):
        (folder / source).mkdir()
        track = mido.MidiTrack()
        for i in range(40):
            pitch = 50 + (7 * i + 3 * number) % 24
            track.append(mido.Message("note_on", note=pitch, velocity=80, time=0))
            track.append(mido.Message("note_off", note=pitch, velocity=0, time=240))
        midi = mido.MidiFile(ticks_per_beat=480)
        midi.tracks.append(track)
        midi.save(folder / source / "piece.mid")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in FAST else [pytest.mark.slow])
        for name in METHODS
        if not LIKE_OTHERS.match(name)
    ],
)
def test_a_recipe_trains_and_embeds(
    name: str, small_run: Path, piano: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if "wav2vec2" in name:
        needed()
    family = name.partition("/")[0]
    sound = f'{{name="folder", root="{small_run}/audio", validation_sources=["c"]}}'
    if family == "semantic_relevance":
        font = f', font="{request.getfixturevalue("fluidsynth")}"' if "mel" in name else ""
        sound = f'{{name="midi", root="{piano}", validation_sources=["c"]{font}}}'
    changes = [f"{key}={value}" for key, value in SMALL.items()]
    changes += [f"data.set={sound}", f'data.store="{small_run.parent}/recipes-store"']
    if family in SHORT:
        changes.append(f"method.clips.seconds={SHORT[family]}")
    changes += ["method.clips.stretch=5.0"] * (open_recipe(name).method.clips.stretch is not None)
    if family == "siamusic":  # without what Adam remembers, gigabytes less are written
        changes += ["method.optimizer=sgd", "method.momentum=0.0"]
    changes += ["method.objective.hidden=32"] * (family == "byol")
    if family == "distillation":
        request.getfixturevalue("write_teacher")(small_run / "sums.onnx")
        changes.append(f'method.objective.teachers=[{{file="{small_run}/sums.onnx", tags=2, embedding=3}}]')
    command = ["--threads", "1", "run", name, "-o", str(tmp_path)]
    for text in changes:
        command += ["--set", text]
    assert main(command) == 0
    rows = read_rows(tmp_path / "method" / "log.csv")
    method, recipe = load_method(tmp_path)
    assert [row["step"] for row in rows] == [1]
    figures = recipe.method.objective.chance(2)
    assert all(0 <= rows[0][figure] <= 1 for figure in figures)
    frontend = method.frontend(0)
    frames = frontend.frames(recipe.method.clips.seconds)
    vectors = method.embed(torch.from_numpy(frontend.contents.silence(frames))[None])
    assert vectors.shape == (1, vectors.shape[1])
    assert vectors.isfinite().all()
    shutil.rmtree(tmp_path)  # the larger networks' checkpoints fill gigabytes


def test_semantic_relevance_never_trains_on_pieces_that_its_evaluation_tests() -> None:
    """``evaluate --on asap`` judges on the split ``test`` of the very set that the recipe trains on the rest of."""
    for row in ("mel-mel", "sym-sym", "mel-sym", "sym-mel"):
        trained_on = open_recipe(f"semantic_relevance/{row}").data.set
        assert (trained_on.name, str(trained_on.root)) == ("asap", "$MUSICFEAT_DATA/asap")


def test_no_method_clips_gradients_and_the_bundled_model_does() -> None:
    assert all(open_recipe(name).method.clip_norm is None for name in METHODS)
    assert open_recipe("music_small").trunk.clip_norm == 5.0
