from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musicfeat import AudioError, Extractor, InputError, ModelError

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'musicfeat[sklearn]'")

from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.validation import check_is_fitted

from musicfeat.sklearn import Embedder

RATE = 22050
KNOWN_FAILURES = {
    "check_estimators_dtypes": "int64 sound has no full scale, so nobody can say how loud it is",
}


def notes(kind: str, count: int) -> list[np.ndarray]:
    """Plucked or bowed notes of one second or a little more, each of its own pitch and length."""
    sounds = []
    for number in range(count):
        time = np.arange(RATE + 100 * number) / RATE
        tone = sum(np.sin(2 * np.pi * 150 * 2 ** (number / 12) * k * time) / k for k in range(1, 8))
        envelope = np.exp(-8 * time) if kind == "plucked" else np.minimum(1, 5 * time)
        sounds.append((0.2 * tone * envelope).astype(np.float32))
    return sounds


@pytest.fixture(scope="module")
def waves() -> list[np.ndarray]:
    return [*notes("plucked", 8), *notes("bowed", 8)]


@pytest.fixture(scope="module")
def classes() -> list[str]:
    return ["plucked"] * 8 + ["bowed"] * 8


@pytest.fixture(scope="module")
def files(waves: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("notes")
    paths = [folder / f"{number:02d}.wav" for number in range(len(waves))]
    for path, wave in zip(paths, waves, strict=True):
        soundfile.write(path, wave, RATE, subtype="FLOAT")
    return paths


@pytest.fixture
def embedder() -> Embedder:
    return Embedder(sr=RATE, threads=1)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(estimator_checks, "estimator_checks_generator"), reason="scikit-learn older than 1.6")
def test_the_conventions_of_scikit_learn(embedder: Embedder) -> None:
    """Its own checks, on tiny clips of noise."""
    results = estimator_checks.check_estimator(
        embedder, expected_failed_checks=KNOWN_FAILURES, on_fail=None, on_skip=None
    )
    failed = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    assert not failed
    assert {result["check_name"] for result in results if result["status"] == "xfail"} == set(KNOWN_FAILURES)
    assert sum(result["status"] == "passed" for result in results) > 30


def test_rows_are_what_the_extractor_finds(
    embedder: Embedder, extractor: Extractor, waves: list[np.ndarray], files: list[Path]
) -> None:
    expected = np.stack([extractor(wave, sr=RATE).embedding for wave in waves])
    for recordings in (waves, files, [str(path) for path in files], [*waves[:3], *files[3:]], np.array(files)):
        found = embedder.fit(recordings).transform(recordings)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_arrays_of_clips(embedder: Embedder, waves: list[np.ndarray]) -> None:
    mono = np.stack([wave[:RATE] for wave in waves[:4]])
    expected = embedder.transform(list(mono))
    np.testing.assert_allclose(embedder.transform(mono), expected, atol=1e-5)
    stereo = np.stack([mono, mono], axis=1)
    np.testing.assert_allclose(embedder.transform(stereo), expected, atol=1e-5)
    np.testing.assert_allclose(embedder.fit_transform(iter(mono)), expected, atol=1e-5)


def test_tags_and_reversal_stand_beside_the_embedding(waves: list[np.ndarray], extractor: Extractor) -> None:
    embedder = Embedder(sr=RATE, threads=1, features=["reversal", "embedding", "tags"])
    names = embedder.get_feature_names_out()
    found = embedder.transform(waves[:2])
    expected = extractor(waves[1], sr=RATE)
    size, labels = expected.embedding.size, expected.labels
    assert found.shape == (2, len(names)) == (2, 1 + size + len(labels))
    assert list(names[:2]) == ["reversal", "embedding0"]
    assert list(names[-len(labels) :]) == [f"tag_{label}" for label in labels]
    row = [expected.reversed, *expected.embedding, *expected.tags.values()]
    np.testing.assert_allclose(found[1], row, atol=1e-5)


def test_parameters_and_clones(embedder: Embedder) -> None:
    assert embedder.get_params()["features"] == ("embedding",)
    copy = clone(embedder.set_params(hop=2.5, features=("tags",)))
    assert copy.get_params() == embedder.get_params()
    assert vars(Embedder(model="missing.onnx"))["model"] == "missing.onnx"  # nothing is opened before it is needed
    check_is_fitted(Embedder())


def test_changed_parameters_count_at_once(embedder: Embedder, clip: np.ndarray, rate: int) -> None:
    assert embedder.set_params(sr=rate).transform([clip]).shape[1] > 100
    assert embedder.set_params(features=("reversal",)).transform([clip])[0, 0] < 0.2
    with pytest.raises(ModelError, match="no model"):
        embedder.set_params(model="missing.onnx").transform([clip])


def test_it_pickles_after_use(embedder: Embedder, waves: list[np.ndarray]) -> None:
    before = embedder.transform(waves[:2])
    stored = pickle.dumps(embedder)
    assert len(stored) < 1000
    np.testing.assert_array_equal(pickle.loads(stored).transform(waves[:2]), before)


def test_a_pipeline_learns_from_files(embedder: Embedder, files: list[Path], classes: list[str]) -> None:
    pipeline = make_pipeline(embedder, StandardScaler(), LogisticRegression(max_iter=1000))
    assert cross_val_score(pipeline, files, classes, cv=2).mean() > 0.9
    fitted = pickle.loads(pickle.dumps(pipeline.fit(files, classes)))
    assert list(fitted.predict(files)) == classes
    assert fitted[:-1].get_feature_names_out()[0] == "embedding0"


@pytest.mark.slow
def test_a_search_in_two_processes(embedder: Embedder, waves: list[np.ndarray], classes: list[str]) -> None:
    pipeline = make_pipeline(embedder, LogisticRegression(max_iter=1000))
    grid = {"embedder__features": [("embedding",), ("reversal",)], "logisticregression__C": [1.0]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2, error_score="raise").fit(waves, classes)
    assert search.best_params_["embedder__features"] == ("embedding",)
    assert search.best_score_ > 0.9


def test_tables_in_and_out(embedder: Embedder, files: list[Path]) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    from sklearn.compose import make_column_transformer

    table = pandas.DataFrame({"path": [str(path) for path in files[:3]], "year": [1, 2, 3]}, index=[5, 7, 9])
    embedder.set_output(transform="pandas")
    for column in (table["path"], table[["path"]]):
        found = embedder.fit_transform(column)
        assert list(found.index) == [5, 7, 9]
        assert list(found.columns) == list(embedder.get_feature_names_out())
    with pytest.raises(InputError, match="one column of paths"):
        embedder.transform(table)
    columns = make_column_transformer((embedder, "path"), ("passthrough", ["year"]))
    both = columns.set_output(transform="pandas").fit_transform(table)
    assert list(both.columns[[0, -1]]) == ["embedder__embedding0", "passthrough__year"]
    np.testing.assert_allclose(both.iloc[:, 0], found.iloc[:, 0], atol=1e-5)


def test_errors_name_the_recording(embedder: Embedder, waves: list[np.ndarray], files: list[Path]) -> None:
    with pytest.raises(AudioError, match=r"missing\.wav does not exist"):
        embedder.transform([files[0], "missing.wav"])
    with pytest.raises(AudioError, match=r"missing\.wav does not exist"):
        embedder.transform([waves[0], "missing.wav"])
    with pytest.raises(InputError, match=r"X\[2\]: audio holds NaN"):
        embedder.transform([waves[0], waves[1], np.full(100, np.nan)])
    with pytest.raises(InputError, match=r"X\[0\]: sr is missing"):
        Embedder().transform(waves)


@pytest.mark.parametrize(
    ("recordings", "words"),
    [
        ("song.mp3", "many recordings"),
        (Path("song.mp3"), "many recordings"),
        (5, "many recordings"),
        (np.float32(5), "many recordings"),
        (np.zeros(RATE), r"pass \[waveform\]"),
        ([], "empty"),
        (np.zeros((0, 100)), "empty"),
    ],
)
def test_what_is_not_many_recordings_is_refused(embedder: Embedder, recordings: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        embedder.transform(recordings)


@pytest.mark.parametrize("features", [(), "embedding", ("rhythm",), ([],), ("tags", "tags"), None, 5])
@pytest.mark.parametrize("use", [Embedder.fit, Embedder.transform])
def test_features_that_there_are_not(features: object, use: Callable[..., object], waves: list[np.ndarray]) -> None:
    with pytest.raises(InputError, match="features must be"):
        use(Embedder(features=features, sr=RATE), waves)  # type: ignore[arg-type]


def test_without_scikit_learn_the_error_says_what_to_install() -> None:
    code = "import sys; sys.modules['sklearn'] = None; import musicfeat.sklearn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'musicfeat[sklearn]'" in done.stderr
