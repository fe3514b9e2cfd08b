from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score
from torch import nn

from musicfeat import InputError
from musicfeat_trainer.cli import main
from musicfeat_trainer.method.certainty import judged
from musicfeat_trainer.method.method import Method
from musicfeat_trainer.method.part import load_method
from musicfeat_trainer.objectives.objective import Setting, Views
from musicfeat_trainer.objectives.simclr import SimCLRConfig
from musicfeat_trainer.pictures import filters
from musicfeat_trainer.pictures.budget_curves import Row, budget_lines, budget_places
from musicfeat_trainer.pictures.confusion import draw_confusion
from musicfeat_trainer.pictures.embedding_map import embedding_places, one_class
from musicfeat_trainer.pictures.filters import by_peak, filter_spectra, reached_layers
from musicfeat_trainer.pictures.learning_curves import curve_of
from musicfeat_trainer.pictures.mistakes import Judged, described, mistakes, uncertain
from musicfeat_trainer.pictures.pr_curves import draw_pr_curves, pr_curve
from musicfeat_trainer.pictures.style import save
from musicfeat_trainer.recipe.method import MethodRecipe
from musicfeat_trainer.recipe.parse import parse_recipe
from musicfeat_trainer.training.curves import append_row
from support.runs import write_run

WINDOW = 59049


def sizes(folder: Path) -> dict[str, tuple[int, int]]:
    """Width and height of every file of a folder, each of which must be a whole PNG."""
    from PIL import Image

    found = {}
    for path in folder.iterdir():
        with Image.open(path) as picture:
            picture.load()
            assert picture.format == "PNG"
            found[path.name] = picture.size
    return found


def test_a_picture_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    figure = Figure()
    save(figure, tmp_path / "new folder" / "a.png")
    before = (tmp_path / "new folder" / "a.png").read_bytes()
    figure.suptitle("$\\frac{$")
    with pytest.raises(ValueError, match="frac"):
        save(figure, tmp_path / "new folder" / "a.png")
    assert (tmp_path / "new folder" / "a.png").read_bytes() == before


def test_a_precision_recall_curve_by_hand() -> None:
    truth = np.array([1, 0, np.nan, 1, 0])
    curve = pr_curve(truth, np.array([0.9, 0.8, 0.95, 0.7, 0.1]))
    assert curve is not None
    points = dict(zip(curve.recall.tolist(), curve.precision.tolist(), strict=True))
    assert sorted(points) == [0, 0.5, 1]
    assert (points[0], points[0.5]) == (1, 1)
    known = set(zip(curve.recall.tolist(), curve.precision.tolist(), strict=True))
    assert (1.0, 2 / 3) in known, "the positive at 0.7 comes third; the unknown clip does not count"
    assert curve.average == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert curve.chance == 0.5


def test_the_area_under_the_drawn_steps_is_the_average_precision() -> None:
    generator = np.random.default_rng(0)
    truth = (generator.random(200) < 0.3).astype(float)
    scores = truth + generator.normal(size=200)
    curve = pr_curve(truth, scores)
    assert curve is not None
    steps = sum(
        curve.precision[i] * (curve.recall[i] - curve.recall[i + 1]) for i in range(len(curve.recall) - 1)
    )  # `post` holds a value until the next, lower recall
    assert steps == pytest.approx(average_precision_score(truth, scores))


def test_classes_of_one_kind_have_no_curve(tmp_path: Path) -> None:
    truth = np.array([[1, 0, np.nan], [1, 0, 1], [1, 1, np.nan]], dtype=float)
    assert pr_curve(truth[:, 0], np.zeros(3)) is None
    draw_pr_curves(truth, np.arange(9.0).reshape(3, 3), ["a", "b", "c"], tmp_path / "one.png")
    assert sizes(tmp_path).keys() == {"one.png"}
    with pytest.raises(InputError, match="positive and negative"):
        draw_pr_curves(truth[:, :1], np.zeros((3, 1)), ["a"], tmp_path / "none.png")


def test_budgets_lie_where_their_numbers_say() -> None:
    assert budget_places(["full", "10", "500", "50"]) == {"10": 10, "50": 50, "500": 500, "full": 5000}
    assert budget_places(["100 %", "1 %", "10 %"]) == {"1 %": 1, "10 %": 10, "100 %": 100}
    assert budget_places(["full"]) == {"full": 1}
    with pytest.raises(InputError, match="nothing"):
        budget_places(["0", "10"])


def rows() -> list[Row]:
    values = {"ours": [0.5, 0.7, 0.6], "random": [0.2, 0.4, 0.3]}
    return [
        Row(system=system, how="linear", budget=budget, figure="accuracy", value=value, chance=0.1)
        for system, column in values.items()
        for budget, value in zip(["10", "full", "50"], column, strict=True)
    ]


def test_budget_lines_ascend() -> None:
    lines = budget_lines(rows())
    assert lines == {
        ("ours", "linear"): [(10, 0.5), (50, 0.6), (250, 0.7)],
        ("random", "linear"): [(10, 0.2), (50, 0.3), (250, 0.4)],
    }


def test_confusion_with_few_and_many_classes(tmp_path: Path) -> None:
    for count in (2, 50):
        truth = np.arange(count - 1)  # the last class is never true
        draw_confusion(truth, truth, [f"class {i}" for i in range(count)], tmp_path / f"{count}.png")
    found = sizes(tmp_path)
    assert max(found["50.png"]) > max(found["2.png"])


def test_t_sne_is_repeatable_blind_to_scale_and_keeps_clusters_apart() -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 3
    embedding = 6 * np.eye(3, 8)[labels] + generator.normal(size=(60, 8))
    places = embedding_places(embedding)
    assert np.array_equal(places, embedding_places(embedding.copy()))
    np.testing.assert_allclose(places, embedding_places(embedding * 2.0 ** np.arange(8)), atol=1e-2)
    distances = np.linalg.norm(places[:, None] - places[None], axis=2) + np.diag(np.full(60, np.inf))
    assert (labels[distances.argmin(1)] == labels).mean() == 1
    with pytest.raises(InputError, match="three clips"):
        embedding_places(embedding[:2])


def test_a_clip_of_several_tags_has_no_one_class() -> None:
    tags = np.array([[1, 0, np.nan], [1, 1, 0], [0, np.nan, 0], [np.nan, np.nan, 1]])
    assert one_class(tags).tolist() == [0, -1, -1, 2]
    assert one_class(np.array([2, 0])).tolist() == [2, 0]


class Sinusoids(nn.Module):
    """An encoder whose first filters are windowed sinusoids; like SampleCNN it insists on its own length."""

    def __init__(self, frequencies: list[float], bias: float = 0.0) -> None:
        super().__init__()
        taps = torch.arange(81.0)
        kernels = torch.stack([torch.sin(2 * torch.pi * f * taps) for f in frequencies]) * torch.hann_window(81)
        first = nn.Conv1d(1, len(frequencies), 81)
        first.weight.data, first.bias.data = kernels[:, None], torch.full((len(frequencies),), bias)
        self.layers = nn.Sequential(first, nn.ReLU(), nn.MaxPool1d(600), nn.Conv1d(len(frequencies), 2, 3))

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        if waveform.shape[1] != 9000:
            raise InputError("another length")
        return self.layers(waveform[:, None]).mean(2)


@pytest.mark.parametrize("bias", [0.0, -0.1])
def test_the_filter_of_a_sinusoid_peaks_at_its_frequency(bias: float) -> None:
    """Also where a bias silences it on noise, so that only the leak shows the way."""
    frequencies = [0.3, 0.05, 0.2]
    encoder = Sinusoids(frequencies, bias)
    layers = reached_layers(encoder)
    assert list(layers) == ["layers.0"], "the second convolution needs more than 729 samples"
    spectra = filter_spectra(encoder, layers["layers.0"])
    assert spectra.shape == (3, 365)
    np.testing.assert_allclose(spectra.argmax(1) / 729, frequencies, atol=0.01)
    assert np.array_equal(spectra, filter_spectra(encoder, layers["layers.0"]))
    np.testing.assert_array_equal(by_peak(spectra), spectra[[1, 2, 0]])


def test_layers_are_read_behind_their_batch_normalisation() -> None:
    encoder = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.ReLU(), nn.Conv1d(2, 4, 3))
    wrapped = nn.Sequential(encoder)
    found = reached_layers(wrapped)
    assert list(found) == ["0.0", "0.3"]
    assert found["0.0"] is encoder[1]
    assert found["0.3"] is encoder[3]
    with pytest.raises(InputError, match="no such filters"):
        reached_layers(nn.Sequential(nn.Sequential(nn.Identity(), nn.BatchNorm1d(1))))


def test_mistakes_are_sorted_as_a_loop_sorts_them() -> None:
    certainties = np.random.default_rng(0).random(40).tolist()
    clips = [Judged(f"{i}.wav", i, i + 1, value, torch.zeros(2, 2)) for i, value in enumerate(certainties)]
    left, expected = list(clips), []
    while len(expected) < 5:
        worst = left[0]
        for clip in left:
            worst = clip if clip.certainty < worst.certainty else worst
        expected.append(worst)
        left.remove(worst)
    assert mistakes(clips, 5) == expected
    assert uncertain(clips, 1)[0].certainty == min(certainties, key=lambda value: max(value, 1 - value))
    assert mistakes([clip for clip in clips if clip.certainty > 0.5]) == []
    assert described(clips[3]).splitlines() == ["3.wav", f"3.0 to 4.0 s, P(right) {certainties[3]:.2f}"]


@pytest.fixture(scope="module")
def reversal_run(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
    """The folder of a run of time reversal on raw samples, not trained."""
    folder = tmp_path_factory.mktemp("reversal")
    for i, source in enumerate("ab"):
        (folder / "audio" / source).mkdir(parents=True)
        soundfile.write(folder / "audio" / source / "song.wav", np.roll(clip, i * rate)[: 9 * rate], rate)
    method = {
        "batch": 2,
        "steps": 1,
        "clips": {"seconds": WINDOW / 22050, "stretch": 8.0},
        "frontend": {"name": "waveform"},
        "encoder": {"name": "sample_cnn"},
        "objective": {"name": "time_reversal"},
    }
    source = {"name": "folder", "root": str(folder / "audio"), "validation_sources": ["b"]}
    data = {"name": "tiny", "data": {"set": source, "store": str(folder / "store")}, "method": method}
    recipe = parse_recipe(data, "here")
    assert isinstance(recipe, MethodRecipe)
    torch.manual_seed(0)
    write_run(folder / "run", recipe, method=Method(recipe.method))
    append_row(folder / "run" / "method" / "log.csv", {"step": 1, "loss_reversal": 0.7, "reversal": 0.5})
    return folder / "run"


def test_clips_are_judged_where_they_say_they_are(reversal_run: Path) -> None:
    method, recipe = load_method(reversal_run)
    clips = judged(method, recipe)
    assert sorted(round(c.start * 22050) for c in clips) == [0, WINDOW, 2 * WINDOW]
    for found in clips:
        sound, _ = soundfile.read(reversal_run.parent / "audio" / found.path, dtype="float32")
        begin = round(found.start * 22050)
        samples = torch.from_numpy(sound[begin : begin + WINDOW])[None]
        with torch.no_grad():
            backwards = torch.sigmoid(method.objective.head(method.objective.encoder(samples))).item()
        assert found.certainty == pytest.approx(1 - backwards, abs=1e-4)
        assert found.path == "b/song.wav"
        assert found.end - found.start == pytest.approx(WINDOW / 22050)


def test_methods_without_right_answers_say_so(reversal_run: Path) -> None:
    method, recipe = load_method(reversal_run)
    method.objective = SimCLRConfig().build(Setting(method.objective.encoder))
    with pytest.raises(InputError, match="right and wrong"):
        judged(method, recipe)
    with pytest.raises(InputError, match="right and wrong"):
        method.objective.certainty(Views((torch.zeros(1, WINDOW),), torch.zeros(1)))


@pytest.mark.slow
def test_a_run_is_drawn(reversal_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "STEPS", 1)
    assert main(["pictures", str(reversal_run), "-o", str(tmp_path)]) == 0
    layers = [f"filters_{number:02d}.png" for number in range(1, 8)]
    assert sizes(tmp_path).keys() == {"curves_method.png", "mistakes.png", *layers}


EPOCHS = [
    {"system": system, "how": "finetune", "budget": "full", "fold": fold, "epoch": e, "loss": 1 / e, "score": score}
    for system in ("pretrained", "random")
    for fold, scores in ((1, (0.2, 0.4)), (2, (0.4, 0.6, 0.8)))
    for e, score in enumerate(scores, 1)
]
"""Curves of two folds, the first of which stopped early."""


@pytest.mark.parametrize("kind", ["tags", "classes"])
def test_an_evaluation_is_drawn(kind: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(30) % 3
    truth = np.eye(3)[labels] if kind == "tags" else labels
    arrays = {"truth": truth, "scores": generator.random((30, 3)), "embedding": generator.random((30, 4))}
    arrays["scores probe full pretrained"] = arrays["scores"]
    np.savez(tmp_path / "predictions.npz", classes=np.array(["a", "b", "c"]), **arrays)
    (tmp_path / "curves.json").write_text(json.dumps(EPOCHS))
    (tmp_path / "figures.json").write_text(json.dumps(rows()))
    assert main(["pictures", str(tmp_path), "-o", str(tmp_path / "out")]) == 0
    of_kind = set() if kind == "tags" else {"confusion.png"}
    assert sizes(tmp_path / "out").keys() == of_kind | {
        "pr_curves.png", "embedding_map.png", "budget_accuracy.png", "predictions_map_probe_full_pretrained.png",
        "learning_curves.png",
    }  # fmt: skip


def test_learning_curves_are_means_over_folds_that_stay_where_they_stopped() -> None:
    """As the thesis of Berkeley draws them: the mean, and one deviation around it."""
    curve = curve_of([row for row in EPOCHS if row["system"] == "pretrained"], "score")
    np.testing.assert_allclose(curve.mean, [0.3, 0.5, 0.6])
    np.testing.assert_allclose(curve.deviation, [0.1, 0.1, 0.2])


def test_what_cannot_be_drawn_is_explained(
    reversal_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pictures", str(tmp_path), "-o", str(tmp_path / "out")]) == 1
    assert "neither recipe.json" in capsys.readouterr().err
    (tmp_path / "figures.json").write_text('{"no": "list"}')
    assert main(["pictures", str(tmp_path), "--of", "filters", "-o", str(tmp_path / "out")]) == 1
    assert "is an evaluation" in capsys.readouterr().err
    assert main(["pictures", str(tmp_path), "-o", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().out
    assert "no budget curves: " in told
    assert "no embedding map: " in told
    (tmp_path / "recipe.json").write_text((reversal_run / "recipe.json").read_text())
    assert main(["pictures", str(tmp_path), "--of", "curves", "-o", str(tmp_path / "out")]) == 1
    assert "no log yet" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
