"""Teachers' targets, and a trunk that learns from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from musicfeat import InputError, ModelError
from musicfeat_export.onnx_file import card_of
from musicfeat_trainer.bundled.model import load_model
from musicfeat_trainer.bundled.taught_tags import SLOPE, TOP
from musicfeat_trainer.cli import main
from musicfeat_trainer.data.store import prepare_folder
from musicfeat_trainer.data.teachers import Lessons, TeacherTargets, patches, read_card
from musicfeat_trainer.evaluate.metrics import agreement_with_teachers
from musicfeat_trainer.objectives.distillation import Distillation
from musicfeat_trainer.training.curves import read_rows

RATE, SAMPLES, TAGS, EMBEDDING = 8000, 4000, 2, 3
WriteTeacher = Callable[[Path], np.ndarray]


@pytest.fixture
def teacher(tmp_path: Path, write_teacher: WriteTeacher) -> Path:
    write_teacher(tmp_path / "sums.onnx")
    return tmp_path / "sums.onnx"


def test_a_card_says_how_to_ask(teacher: Path) -> None:
    card = read_card(teacher)
    assert (card.sample_rate, card.samples, card.labels, card.width) == (RATE, SAMPLES, ("high", "low"), 5)
    assert card.licence == "made by a test"


@pytest.mark.parametrize(("name", "text"), [("sums.json", None), ("sums.json", "{"), ("sums.json", '{"input": {}}')])
def test_a_teacher_without_a_usable_card_is_refused(teacher: Path, name: str, text: str | None) -> None:
    if text is None:
        (teacher.parent / name).unlink()
    else:
        (teacher.parent / name).write_text(text)
    with pytest.raises(InputError, match=r"card"):
        read_card(teacher)


def test_a_damaged_teacher_is_refused(teacher: Path) -> None:
    teacher.write_bytes(b"no model")
    with pytest.raises(ModelError, match="cannot be opened"):
        TeacherTargets(teacher).answers(np.zeros((1, SAMPLES), np.float32))


def test_patches_follow_one_another() -> None:
    wave = np.arange(10, dtype=np.float32)
    assert patches(wave, 4).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert patches(wave[:3], 4).tolist() == [[0, 1, 2, 0]]


def test_targets_are_the_teachers_answers_and_lessons_their_means(tmp_path: Path, write_teacher: WriteTeacher) -> None:
    project = write_teacher(tmp_path / "sums.onnx")
    wave = np.random.default_rng(1).uniform(-0.1, 0.1, 3 * SAMPLES + 100)
    (tmp_path / "music" / "a").mkdir(parents=True)
    soundfile.write(tmp_path / "music" / "a" / "noise.wav", wave, RATE, subtype="FLOAT")
    targets = TeacherTargets(tmp_path / "sums.onnx")
    store = prepare_folder(tmp_path / "store", tmp_path / "music", None, targets)
    said = Lessons([store], [targets.card])
    expected = wave[: 3 * SAMPLES].reshape(3, SAMPLES) @ project
    assert store.values[:, TAGS:] == pytest.approx(expected, abs=2e-3)
    half = SAMPLES / RATE
    mean = (expected[0] / 2 + expected[1]) / 1.5
    assert said.window("a/noise.wav", half / 2, 2 * half)[TAGS:] == pytest.approx(mean, abs=2e-3)
    assert said.window("a/noise.wav", 2.9 * half, 3.2 * half)[TAGS:] == pytest.approx(expected[2], abs=2e-3)
    assert np.isnan(said.window("other.wav", 0, half)).all()
    assert said.sample().shape == (3, TAGS + EMBEDDING)


def test_the_loss_is_the_mean_error_in_deviations_of_each_teachers_tags_and_embedding() -> None:
    generator = torch.Generator().manual_seed(2)
    targets = torch.cat([torch.rand(50, 2, generator=generator), torch.randn(50, 3, generator=generator) * 7 + 4], 1)
    module = Distillation(6, [(2, 3)], width=4).eval()
    module.fit(targets)
    knowledge = module(torch.randn(50, 6, generator=generator))
    logits = (targets[:, :2].clamp(1e-3, 1 - 1e-3) / (1 - targets[:, :2].clamp(1e-3, 1 - 1e-3))).log()
    raw = torch.cat([logits, targets[:, 2:]], 1)
    errors = (module.said(knowledge) - (raw - raw.mean(0)) / raw.std(0)) ** 2
    assert module.loss(knowledge, targets).item() == pytest.approx(
        ((errors[:, :2].mean() + errors[:, 2:].mean()) / 2).item(), rel=1e-4
    )
    logit = module.said(knowledge)[0, 1] * raw[:, 1].std() + raw[:, 1].mean()
    assert module.tags(knowledge)[0, 1].item() == pytest.approx(1 / (1 + math.exp(-logit.item())), rel=1e-4)


def test_a_student_learns_to_say_what_its_teacher_says() -> None:
    torch.manual_seed(5)
    x, mix = torch.randn(256, 6), torch.randn(6, 5)
    targets = torch.cat([torch.sigmoid((x @ mix)[:, :2]), (x @ mix)[:, 2:]], 1)
    module = Distillation(6, [(2, 3)], width=8, hidden=32, dropout=0.0)
    module.fit(targets)
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    for _ in range(200):
        optimizer.zero_grad()
        module.loss(module(x), targets).backward()
        optimizer.step()
    module.eval()
    assert module.loss(module(x), targets).item() < 0.1  # 1 without learning
    said = targets.numpy()[:, :2]
    assert agreement_with_teachers(module.tags(module(x)).detach().numpy(), said) > 0.97


def test_agreement_counts_what_teachers_are_surest_of() -> None:
    said = np.linspace(0, 1, 40)[:, None]
    assert agreement_with_teachers(said, said) == 1
    assert agreement_with_teachers(-said, said) == 0
    unheard = np.concatenate([said, np.full((3, 1), np.nan)])
    assert agreement_with_teachers(np.concatenate([said, np.ones((3, 1))]), unheard) == 1


@pytest.fixture
def recipe(small_run: Path, teacher: Path, clip: np.ndarray, rate: int) -> Callable[[str], Path]:
    """The small recipe with a second folder of music and a teacher."""
    folder = teacher.parent
    (folder / "more" / "e").mkdir(parents=True)
    soundfile.write(folder / "more" / "e" / "song.wav", clip[: 8 * rate], rate)

    def write(extra: str = f"tags = {TAGS}\nembedding = {EMBEDDING}") -> Path:
        text = (small_run / "recipe.toml").read_text()
        text = text.replace(f'audio = "{small_run}/audio"', f'audio = ["{small_run}/audio", "{folder}/more"]').replace(
            f'store = "{small_run}/store"', f'store = "{folder}/store"'
        )
        path = folder / "taught.toml"
        path.write_text(text + f'[[teachers]]\nfile = "{teacher}"\n{extra}\n')
        return path

    return write


@pytest.mark.slow
def test_a_recipe_with_a_teacher_trains_a_wider_embedding(recipe: Callable[[str], Path], tmp_path: Path) -> None:
    output = tmp_path / "run"
    assert main(["--threads", "1", "run", str(recipe()), "-o", str(output)]) == 0
    rows = read_rows(output / "trunk" / "log.csv")
    assert all(row["loss_distillation"] > 0 and 0 <= row["agreement"] <= 1 for row in rows)
    assert {path.name for path in (tmp_path / "store").iterdir()} >= {"music-sums", "music-more-sums"}
    model, loaded = load_model(output)
    discriminants = model.trunk.discriminant.linear.out_features
    assert model(torch.zeros(1, loaded.window)).embedding.shape[1] == 128 + discriminants + 40 + 128


def test_a_recipe_that_miscounts_a_teachers_numbers_is_refused(
    recipe: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--threads", "1", "run", str(recipe("tags = 9\nembedding = 9")), "-o", str(tmp_path / "run")]) != 0
    assert "2 tags and an embedding of 3" in capsys.readouterr().err


@pytest.mark.slow
def test_tags_that_mean_the_same_are_averaged_and_leave_with_the_model(
    recipe: Callable[..., Path], tmp_path: Path
) -> None:
    path, output = recipe(), tmp_path / "run"
    path.write_text(path.read_text() + '[taught.mood]\nhigh = ["sums/high"]\nboth = ["sums/high", "sums/low"]\n')
    assert main(["--threads", "1", "run", str(path), "-o", str(output)]) == 0
    model, loaded = load_model(output)
    with torch.no_grad():
        out = model(torch.randn(2, loaded.window) / 10)
    distillation = model.trunk.distillation
    assert distillation
    assert out.tags is not None
    said = torch.logit(distillation.tags(out.embedding[:, -distillation.width :])).detach()
    above = said - distillation.mean[distillation.is_tag]
    deviation = distillation.deviation[distillation.is_tag]
    standard = torch.stack([above[:, 0] / deviation[0], above.mean(1) / deviation.mean()], 1)
    assert torch.logit(out.tags[:, -2:]) == pytest.approx(SLOPE * (standard - TOP), abs=1e-3)
    card = card_of(model, loaded)
    assert (card.labels[-2:], card.kinds[-3:]) == (("high", "both"), ("instrument", "mood", "mood"))
    assert "tags" in card.outputs


@pytest.mark.parametrize(
    ("taught", "message"),
    [('[taught.mood]\nhigh = ["sums/loud"]', "sums/loud"), ('[taught.mood]\nbanjo = ["sums/high"]', "banjo: a label")],
)
def test_tags_that_no_teacher_names_are_refused_before_training(
    recipe: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], taught: str, message: str
) -> None:
    path = recipe()
    path.write_text(path.read_text() + taught)
    assert main(["--threads", "1", "run", str(path), "-o", str(tmp_path / "run")]) != 0
    assert message in capsys.readouterr().err
    assert not (tmp_path / "store").exists()
