"""Probe, neighbours and fine-tuning of a tiny network on sounds that are easily told apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from pydantic import TypeAdapter
from sklearn.neighbors import KNeighborsClassifier

from musicfeat import InputError
from musicfeat_trainer.cli import main
from musicfeat_trainer.data.sets.dataset import DataSet, Item
from musicfeat_trainer.evaluate.budgets import parse_budget
from musicfeat_trainer.evaluate.control import calibrated, control
from musicfeat_trainer.evaluate.downstream import Subject, evaluate
from musicfeat_trainer.evaluate.features import embeddings
from musicfeat_trainer.evaluate.finetune import fine_tuned
from musicfeat_trainer.evaluate.fitting import Fitting, fit
from musicfeat_trainer.evaluate.items import ItemClips
from musicfeat_trainer.evaluate.knn import NUMBERS, neighbours_voted, votes
from musicfeat_trainer.evaluate.ranking import apart, ranked
from musicfeat_trainer.evaluate.splits import Split, splits_of
from musicfeat_trainer.evaluate.tasks import task_of
from musicfeat_trainer.method.method import Method
from musicfeat_trainer.recipe.method import MethodConfig

RATE = 8000
CLASSES = ("deep", "high", "noise")
TAKES = 12
METHOD = {
    "steps": 2,
    "batch": 4,
    "warmup": 1,
    "evaluate_every": 1,
    "bfloat16": False,
    "clips": {"seconds": 0.5},
    "frontend": {
        "name": "log_mel",
        "spec": {"sample_rate": RATE, "n_fft": 256, "hop": 128, "n_mels": 32, "fmax": 4000.0},
    },
    "encoder": {"name": "resnet"},
    "objective": {"name": "simclr"},
}


def sound(kind: str, generator: np.random.Generator, seconds: float) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    noise = generator.normal(size=len(time))
    tone = {"deep": 200, "high": 2000}.get(kind, 0) * generator.uniform(0.8, 1.25)
    return 0.3 * noise if kind == "noise" else 0.5 * np.sin(2 * np.pi * tone * time) + 0.02 * noise


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``CLASS/FOLD-RECORDING-TAKE.wav``, as ESC-10 names them; a clip and a half to three clips long."""
    folder, generator = tmp_path_factory.mktemp("sounds"), np.random.default_rng(5)
    for kind in CLASSES:
        (folder / kind).mkdir()
        for take in range(TAKES):
            length = (0.4, 0.75, 1.5)[take % 3]
            path = folder / kind / f"{1 + take % 3}-{kind}{take}-A.wav"
            soundfile.write(path, sound(kind, generator, length), RATE)
    return folder


@pytest.fixture(scope="module")
def store(root: Path) -> Path:
    return root.parent / "downstream-store"


def dataset_of(root: Path, split_of: Callable[[int], str]) -> DataSet:
    """The sounds with the split of every take."""
    items, targets = [], []
    for target, kind in enumerate(CLASSES):
        for take in range(TAKES):
            path = f"{kind}/{1 + take % 3}-{kind}{take}-A.wav"
            items.append(Item(path, f"{kind}{take}", split_of(take)))
            targets.append(target)
    return DataSet("sounds", root, items, "class", np.array(targets), CLASSES)


def thirds(take: int) -> str:
    return ("train", "train", "train", "validation", "test", "test")[take % 6]


@pytest.fixture(scope="module")
def config() -> MethodConfig:
    return TypeAdapter(MethodConfig).validate_python(METHOD)


@pytest.fixture(scope="module")
def fixed(root: Path, store: Path, config: MethodConfig) -> Subject:
    return Subject(control(config), dataset_of(root, thirds), store)


def tagged(dataset: DataSet) -> DataSet:
    """Two tags, ``pitched`` and ``bright``; a third of the answers is unknown."""
    targets = np.array([[1, 0], [1, 1], [0, 1]], np.float32)[dataset.targets]
    targets[np.random.default_rng(2).random(targets.shape) < 1 / 3] = np.nan
    return DataSet("tagged", dataset.root, dataset.items, "tags", targets, ("pitched", "bright"))


@pytest.mark.parametrize("way", ["probe", "knn"])
def test_frozen_features_beat_chance_by_far(fixed: Subject, way: str) -> None:
    outcome = evaluate(fixed, way)
    assert outcome.chance["accuracy"] == pytest.approx(1 / 3)
    assert outcome.figures["accuracy"] >= 0.9
    assert outcome.scores.sum(1) == pytest.approx(np.ones(len(outcome.rows)))
    truth = fixed.dataset.targets[outcome.rows]
    assert outcome.figures["accuracy"] == pytest.approx(np.mean(outcome.scores.argmax(1) == truth))
    assert sum(row["support"] for row in outcome.each.values()) == len(truth)


def test_a_probe_with_hidden_layers_and_few_labels(fixed: Subject) -> None:
    config = Fitting(epochs=30, learning_rate=0.01, hidden=(128, 128))
    assert evaluate(fixed, "probe", parse_budget("2"), config).figures["accuracy"] >= 0.9
    assert [len(split.train) for split in fixed.within(parse_budget("2"))] == [6]


def test_draws_of_few_labels_are_judged_together(fixed: Subject) -> None:
    config = Fitting(epochs=30, learning_rate=0.01)
    drawn = fixed.within(parse_budget("2x3"))
    assert len({tuple(split.train) for split in drawn}) == 3
    once, thrice = (evaluate(fixed, "probe", parse_budget(text), config) for text in ("2", "2x3"))
    assert thrice.rows.tolist() == 3 * once.rows.tolist()
    assert thrice.folds[0] == once.folds[0]
    assert thrice.figures["accuracy"] == pytest.approx(np.mean([fold["accuracy"] for fold in thrice.folds]))


@pytest.mark.slow
def test_fine_tuning_lowers_the_loss_and_beats_chance(fixed: Subject) -> None:
    before = {name: value.clone() for name, value in fixed.method.state_dict().items()}
    split = fixed.splits[0]
    task = task_of(fixed.dataset, split.train)
    config = Fitting(epochs=8, batch=8)
    scores, epochs = fine_tuned(fixed.method, fixed.clips, fixed.dataset.targets, split, task, config)
    assert epochs[-1].loss < 0.6 * epochs[0].loss
    assert 0.8 <= max(epoch.score for epoch in epochs) <= 1
    assert task.figure(fixed.dataset.targets[split.test], scores) >= 0.8
    assert all(torch.equal(value, before[name]) for name, value in fixed.method.state_dict().items())


@pytest.mark.parametrize("way", ["probe", "knn", pytest.param("finetune", marks=pytest.mark.slow)])
def test_tags_of_which_some_are_unknown(root: Path, store: Path, config: MethodConfig, way: str) -> None:
    subject = Subject(control(config), tagged(dataset_of(root, thirds)), store)
    outcome = evaluate(subject, way, config=Fitting(epochs=5 if way == "finetune" else 60, batch=8))
    assert outcome.chance["roc_auc_tag"] == pytest.approx(1 / 2)
    assert outcome.figures["roc_auc_tag"] >= 0.9
    known = ~np.isnan(subject.dataset.targets[outcome.rows])
    shares = [np.nanmean(subject.dataset.targets[outcome.rows][:, i]) for i in range(2)]
    assert outcome.chance["pr_auc_tag"] == pytest.approx(np.mean(shares))
    assert not known.all()


@pytest.mark.slow
def test_numbers_are_learnt(root: Path, store: Path, config: MethodConfig) -> None:
    classes = dataset_of(root, thirds)
    heights = np.array([200.0, 2000.0, 900.0])[classes.targets]
    subject = Subject(control(config), DataSet("heights", root, classes.items, "number", heights), store)
    for way in ("probe", "knn"):
        outcome = evaluate(subject, way, config=Fitting(epochs=100, learning_rate=0.01))
        assert outcome.figures["r2"] > 0.8
        assert outcome.chance["r2"] == pytest.approx(0)
        assert outcome.figures["mae"] < outcome.chance["mae"] / 2


def test_cross_validation_tests_every_item_once_and_takes_the_mean(
    root: Path, store: Path, config: MethodConfig
) -> None:
    dataset = dataset_of(root, lambda take: f"fold{1 + take % 3}")
    subject = Subject(control(config), dataset, store)
    outcome = evaluate(subject, "knn")
    assert sorted(outcome.rows) == list(range(len(dataset.items)))
    assert len(outcome.folds) == 3
    assert outcome.figures["accuracy"] == pytest.approx(np.mean([fold["accuracy"] for fold in outcome.folds]))
    assert outcome.figures["accuracy"] >= 0.8
    for split in subject.splits:
        assert sorted(np.concatenate(split)) == list(range(len(dataset.items)))
        assert all(np.bincount(dataset.targets[split.train], minlength=3))


def test_groups_are_not_on_both_sides_of_a_drawn_validation() -> None:
    items = [Item(f"{i}", str(i // 4), "test" if i >= 40 else "train") for i in range(48)]
    for problem, targets in (("class", np.arange(48) % 2), ("number", np.arange(48.0))):
        split = splits_of(DataSet("set", Path(), items, problem, targets, ("a", "b") * (problem == "class")))[0]
        sides = [{items[row].group for row in rows} for rows in split]
        assert sum(map(len, sides)) == len(set.union(*sides))
        assert len(split.validation) == 8


def test_an_item_is_the_mean_of_its_clips(fixed: Subject, root: Path) -> None:
    method, clips = fixed.method, fixed.clips
    found = embeddings(method, clips)
    for row in (0, 1, 2, 20):
        item = fixed.dataset.items[row]
        wave, _ = soundfile.read(root / item.path, dtype="float32")
        size = RATE // 2
        starts = [0] if len(wave) <= size else [*range(0, len(wave) - size, size), len(wave) - size]
        pieces = [np.pad(wave[s : s + size], (0, max(0, size - len(wave)))) for s in starts]
        with torch.no_grad():
            expected = method.embed(torch.from_numpy(np.stack(pieces))).mean(0)
        assert found[row] == pytest.approx(expected.numpy(), rel=2e-2, abs=2e-3)
    assert np.bincount(clips.owners)[:3].tolist() == [1, 2, 3]


def test_stretches_of_files_are_read_from_where_they_begin(fixed: Subject) -> None:
    path = fixed.dataset.items[2].path
    items = [Item(path, "a", start=0.25, seconds=0.3), Item(path, "a", start=0.5, seconds=1.0)]
    clips = ItemClips(DataSet("parts", Path(), items), fixed.clips.store, RATE // 2)
    track = next(track for track in fixed.clips.store.tracks if track.path == path)
    values = fixed.clips.store.values[track.start : track.start + track.frames] / 32767
    first, second, third = clips.read(np.arange(3)).numpy()
    assert first[:2400] == pytest.approx(values[2000:4400], abs=1e-6)
    assert not first[2400:].any()
    assert second == pytest.approx(values[4000:8000], abs=1e-6)
    assert third == pytest.approx(values[8000:12000], abs=1e-6)
    with pytest.raises(InputError, match="ends before"):
        ItemClips(DataSet("late", Path(), [Item(path, "a", start=9.0)]), fixed.clips.store, RATE // 2)


def test_neighbours_are_ranked_over_clips_that_do_not_overlap(fixed: Subject, root: Path, store: Path) -> None:
    size = RATE // 2
    kept = apart(fixed.clips)
    for number in kept:
        _, begin, end = fixed.clips.places[number]
        assert end - begin == size
        assert begin % size == 0
    # 0.4 s fill no clip; 0.75 s fill one, which the other overlaps; 1.5 s fill all three.
    assert [np.sum(fixed.clips.owners[kept] == row) for row in (0, 1, 2)] == [0, 1, 3]
    whole = dataset_of(root, lambda take: "test" if take % 3 == 2 else "train")
    outcome = ranked(fixed.method, whole, store)
    assert outcome.chance["rank_am"] == pytest.approx(50.5)
    assert outcome.chance["rank_gm"] == pytest.approx(37.99, abs=0.01)
    assert 1 <= outcome.figures["rank_gm"] <= outcome.figures["rank_am"] < 40
    with pytest.raises(InputError, match="two clips"):
        ranked(fixed.method, dataset_of(root, lambda take: "test" if take == 0 else "train"), store)


def test_votes_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(4)
    train, test = generator.normal(size=(60, 5)), generator.normal(size=(20, 5))
    labels = generator.integers(3, size=60)
    unit = [torch.from_numpy(x / np.linalg.norm(x, axis=1, keepdims=True)) for x in (test, train)]
    found = votes(unit[0] @ unit[1].T, np.eye(3)[labels])
    for k in (1, 3, 10, 50):
        theirs = KNeighborsClassifier(k, metric="cosine").fit(train, labels).predict_proba(test)
        assert found[k] == pytest.approx(theirs)


def test_votes_pass_over_what_is_unknown() -> None:
    similarity = torch.tensor([[0.9, 0.8, 0.7, 0.6]])
    values = np.array([[np.nan, 1], [1, 0], [np.nan, np.nan], [0, 0]])
    found = votes(similarity, values)
    assert found[1].tolist() == [[1, 1]]
    assert found[3].tolist() == [[1 / 2, pytest.approx(1 / 3)]]


def test_fitting_keeps_the_best_epoch_and_stops_when_nothing_improves() -> None:
    module = torch.nn.Linear(1, 1)
    scores = iter([0.1, 0.5, 0.2, 0.3, 0.4, 0.1])
    kept = []

    def score() -> float:
        kept.append(module.weight.item())
        return next(scores)

    epochs = fit(module, lambda numbers: module(torch.ones(len(numbers), 1)).mean(), 4, score, Fitting(patience=3))
    assert [epoch.score for epoch in epochs] == [0.1, 0.5, 0.2, 0.3, 0.4]
    assert module.weight.item() == kept[1] != kept[-1]


def test_the_rate_falls_to_a_tenth_when_validation_stalls() -> None:
    module = torch.nn.Linear(1, 1)
    weights = [module.weight.item()]

    def score() -> float:
        weights.append(module.weight.item())
        return -len(weights)

    config = Fitting(plateau_patience=1, patience=6, learning_rate=1e-2)
    fit(module, lambda numbers: module(torch.ones(len(numbers), 1)).mean(), 4, score, config)
    # Steps of Adam are as long as the rate while the gradient stays the same.
    steps = -np.diff(weights)
    assert steps == pytest.approx([1e-2, 1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4], rel=1e-2)


def test_the_number_of_neighbours_is_not_chosen_by_twins_of_the_same_group() -> None:
    generator = np.random.default_rng(6)
    angles = generator.uniform(0, np.pi, 60).repeat(2)
    labels = ((angles > np.pi / 2) ^ (generator.random(60) < 0.3).repeat(2)).astype(np.int64)
    features = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    dataset = DataSet("twins", Path(), [Item(str(i), "") for i in range(120)], "class", labels, ("a", "b"))
    split, groups = Split(np.arange(100), np.arange(0), np.arange(100, 120)), np.arange(60).repeat(2)
    task = task_of(dataset, split.train)
    # Each item's twin is its nearest neighbour and has its label, so that one neighbour seems best if twins count.
    assert set(neighbours_voted(features, labels, split, task, np.arange(120)).ravel()) == {0, 1}
    scores = neighbours_voted(features, labels, split, task, groups)
    assert len(set(scores.ravel())) > 2


def test_the_control_is_the_same_every_time_and_is_not_the_method(config: MethodConfig) -> None:
    first, second, other = control(config), control(config), Method(config)
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())
    assert not torch.equal(first.objective.encoder.conv1.weight, other.objective.encoder.conv1.weight)


def test_the_control_knows_the_level_of_its_inputs(root: Path, store: Path, config: MethodConfig) -> None:
    """Features reach the first layer with mean 0 and deviation 1, as they do in training; weights are as drawn."""
    dataset = dataset_of(root, thirds)
    subject = Subject(control(config), dataset, store)
    train = subject.splits[0].train
    method = calibrated(subject.method, subject.clips, train)
    clips = subject.clips.read(subject.clips.of(train))
    encoder = method.objective.encoder
    scaled = encoder.scale(method.frontend(0)(clips))
    assert abs(float(scaled.mean())) < 0.1
    assert 0.9 < float(scaled.std()) < 1.1
    assert torch.equal(encoder.conv1.weight, subject.method.objective.encoder.conv1.weight)


def test_statistics_are_of_training_items_alone(fixed: Subject) -> None:
    """Other sound in the items that validate and test changes no weight, no statistic and no buffer."""
    split, clips = fixed.splits[0], fixed.clips
    first = calibrated(fixed.method, clips, split.train)
    held_out = np.concatenate([split.validation, split.test])
    places = list(clips.places)
    try:
        for number in clips.of(held_out):
            clips.places[number] = clips.places[clips.of(split.train)[0]]
        second = calibrated(fixed.method, clips, split.train)
    finally:
        clips.places = places
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())
    assert not torch.equal(first.objective.encoder.bn1.running_mean, fixed.method.objective.encoder.bn1.running_mean)


def test_trained_networks_and_controls_are_read_alike(root: Path, store: Path, config: MethodConfig) -> None:
    subject = Subject(control(config), dataset_of(root, thirds), store)
    own = Subject(control(config), dataset_of(root, thirds), store, statistics="own")
    train = subject.splits[0].train
    expected = embeddings(calibrated(control(config), subject.clips, train), subject.clips)
    np.testing.assert_array_equal(subject.features[0], expected)
    np.testing.assert_array_equal(own.features[0], embeddings(control(config), own.clips))


def test_a_control_starts_from_no_weights(tmp_path: Path) -> None:
    """Those of pictures, named by a recipe, are left out: the file need not even be there."""
    stack = {"name": "log_mel_stack", "spec": {"base": METHOD["frontend"]["spec"]}}
    changes = {"encoder": {"name": "es_resnet", "weights": tmp_path / "pictures.pth"}, "frontend": stack}
    start = TypeAdapter(MethodConfig).validate_python(METHOD | changes)
    found, fresh = control(start), control(start.from_chance)
    assert all(torch.equal(value, fresh.state_dict()[name]) for name, value in found.state_dict().items())


def test_the_neighbours_that_the_thesis_chose_can_be_chosen() -> None:
    """K = 35, 200, 18 and 35 in its section 3."""
    assert {18, 35, 200} <= set(NUMBERS)


def test_sets_that_nothing_can_be_learnt_from_are_explained(root: Path, store: Path, config: MethodConfig) -> None:
    method, unlabelled = control(config), DataSet("plain", root, dataset_of(root, thirds).items)
    with pytest.raises(InputError, match="no labels"):
        Subject(method, unlabelled, store)
    with pytest.raises(InputError, match="one fold only"):
        Subject(method, dataset_of(root, lambda _: "fold1"), store)


@pytest.fixture(scope="module")
def run(root: Path) -> Path:
    """A run of a method on the sounds, of two steps."""
    folder = root.parent / "run"
    lines = ['name = "tiny"', "[data]", f'store = "{root.parent / "method-store"}"', "[data.set]", 'name = "folder"']
    lines += [f'root = "{root}"', 'validation_sources = ["deep"]', 'test_sources = ["noise"]', "[method]"]
    recipe = root.parent / "tiny.toml"
    changes = [f"--set=method.{key}={toml(value)}" for key, value in METHOD.items()]
    recipe.write_text("\n".join(lines))
    assert main(["--threads", "1", "run", str(recipe), "-o", str(folder), *changes]) == 0
    return folder


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(v)}" for key, v in value.items()) + "}"
    return json.dumps(value)


@pytest.mark.slow
def test_the_command_prints_a_table_and_keeps_what_pictures_need(
    run: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--on", "esc10", "--root", str(root), "--store", str(tmp_path / "store"), "-o", str(tmp_path / "out")]
    what = ["--how", "probe,knn,rank", "--budget", "3", "50%", "full", "--control", "--fit", "epochs=3"]
    assert main(["evaluate", str(run), *where, *what]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0] == "| how | labels | weights | figure | value | 95 % | chance |"
    lines = [line for line in table if "| accuracy |" in line]
    assert len(lines) == 2 * 3 * 2
    assert all("| 33.3 % |" in line for line in lines)
    rows = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert {(row["system"], row["how"], row["budget"]) for row in rows} == {
        (system, how, budget)
        for system in ("pretrained", "random")
        for how in ("probe", "knn")
        for budget in ("3", "50%", "full")
    } | {("pretrained", "rank", "none"), ("random", "rank", "none")}
    with np.load(tmp_path / "out" / "predictions.npz") as kept:
        truth, scores, classes = kept["truth"], kept["scores"], kept["classes"]
        assert kept["embedding"].shape == (3 * TAKES, 512)
        assert [Path(path).parent.name for path in kept["paths"]] == [classes[i] for i in truth]
    accuracy = next(row for row in rows if row["how"] == "probe" and row["budget"] == "full")
    correct = scores.argmax(1) == truth
    assert accuracy["figure"] == "accuracy"
    assert np.mean(accuracy["folds"]) == pytest.approx(accuracy["value"]) == pytest.approx(correct.mean())
    low, high = accuracy["interval"]
    assert low <= accuracy["value"] <= high
    full = [row for row in rows if (row["how"], row["budget"], row["figure"]) == ("probe", "full", "accuracy")]
    ours, random = (row["value"] for row in full)
    assert accuracy["over_control"]["value"] == pytest.approx(ours - random)
    low, high = accuracy["over_control"]["interval"]
    assert low <= ours - random <= high
    assert 0 < accuracy["over_control"]["p"] <= 1
    each = json.loads((tmp_path / "out" / "classes.json").read_text())
    recall = next(row["recall"] for row in each if row["class"] == "noise" and row["budget"] == "full")
    assert recall == pytest.approx(correct[truth == list(classes).index("noise")].mean())


def test_the_method_is_judged_on_its_own_test_split(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run)]) == 0
    assert "| method | agreement |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--budget", "50"], "has 6 labelled"),
        (["--budget", "many"], "no label budget"),
        (["--fit", "epoch=3"], "epoch"),
        (["--set", "rooot=x"], "rooot"),
        (["--root", "nowhere"], "nowhere"),
        (["--on", "esc11"], "esc11"),
        (["--on", "folder"], "no labels"),
    ],
)
def test_wrong_requests_are_one_line_before_anything_is_trained(
    run: Path, root: Path, more: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = root.parent / "cli-store"
    assert main(["evaluate", str(run), "--on", "esc10", "--root", str(root), "--store", str(store), *more]) == 1
    printed = capsys.readouterr()
    assert words in printed.err.splitlines()[-1]
    assert not printed.out


def test_the_loss_of_tags_is_the_one_asked_for() -> None:
    """Written out over four answers, one of them unknown."""
    targets = np.array([[1, 0], [np.nan, 1]], dtype=np.float32)
    dataset = DataSet("two", Path("here"), [Item("a", "a"), Item("b", "b")], "tags", targets, ("x", "y"))
    logits = torch.tensor([[0.5, -1.0], [9.0, 2.0]])
    right = {
        place: 1 / (1 + np.exp(-sign * value))
        for place, sign, value in (("a x", 1, 0.5), ("a y", -1, -1.0), ("b y", 1, 2.0))
    }
    cross = {place: -np.log(p) for place, p in right.items()}
    expected = {
        "plain": (cross["a x"] + cross["a y"] + cross["b y"]) / 3,
        "weighted": (cross["a x"] + (cross["a y"] + cross["b y"]) / 2) / 2,
        "focal": sum(
            share * (1 - right[place]) ** 2 * cross[place]
            for place, share in (("a x", 0.25), ("a y", 0.75), ("b y", 0.25))
        ) / 3,
    }  # fmt: skip
    for name, value in expected.items():
        task = task_of(dataset, np.arange(2), Fitting(tag_loss=name).tag_loss)
        assert float(task.loss(logits, torch.from_numpy(targets))) == pytest.approx(value, rel=1e-5)


def test_sets_of_few_items_have_a_validation_split_all_the_same() -> None:
    """Fewer of every class than there would be shares: whole groups are drawn instead."""
    items = [Item(f"{i}.wav", str(i), f"fold{1 + i % 2}") for i in range(12)]
    dataset = DataSet("few", Path("here"), items, "class", np.arange(12) // 2 % 2, ("x", "y"))
    for split in splits_of(dataset):
        assert len(split.validation) >= 1
        assert len({*split.train, *split.validation}) == 6
        assert not {*split.train, *split.validation} & {*split.test}
