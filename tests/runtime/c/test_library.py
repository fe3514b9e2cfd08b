"""The C library and its example, built and run as their first lines say, beside the Python runtime."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from musicfeat import Extractor, load
from musicfeat.model.pruning import metadata
from musicfeat.sequence.continuity import Continuity
from musicfeat.sound.audio import decoded
from musicfeat.sound.waveform import resample
from support import curved
from support.hostile import hostile_samples, hostile_wavs
from support.paths import ROOT

LIBRARY = ROOT / "runtime" / "c"
DRIVER = Path(__file__).with_name("library.c")
SANITIZED = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
MODEL = ROOT / "runtime" / "musicfeat" / "models" / "music-small.onnx"
RATE = 22050
HEADER = "onnxruntime_c_api.h"
PACKAGE = "com.github.asus4.onnxruntime@0.4.9"
"""An npm package for Unity that holds the C headers; Debian has them only from its release 13 on."""
PACKED_HEADERS = "package/Plugins/iOS~/onnxruntime.xcframework/ios-arm64_x86_64-simulator/onnxruntime.framework/Headers"
HEADER_FOLDERS = (os.environ.get("ONNXRUNTIME_INCLUDE"), "/usr/include/onnxruntime", "/usr/local/include/onnxruntime")


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the C headers; they may be older than the library, not newer."""
    for folder in HEADER_FOLDERS:
        if folder and (Path(folder) / HEADER).is_file():
            return Path(folder)
    folder = tmp_path_factory.mktemp("headers")
    pack = ["npm", "pack", "--silent", "--fetch-retries=0", PACKAGE]
    if shutil.which("npm") and not subprocess.run(pack, cwd=folder, capture_output=True, check=False).returncode:
        with tarfile.open(next(folder.glob("*.tgz"))) as archive:
            archive.extractall(folder, [m for m in archive if m.name.startswith(PACKED_HEADERS)], filter="data")
        return folder / PACKED_HEADERS
    return pytest.skip(
        f"no {HEADER} (Debian: libonnxruntime-dev, or npm, which fetches {PACKAGE}; or set ONNXRUNTIME_INCLUDE)"
    )


@pytest.fixture(scope="module")
def library(headers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the library of the installed onnxruntime under the names that linker and loader look for."""
    from musicfeat.model.ort import onnxruntime

    folder = Path(onnxruntime.__file__).parent / "capi"
    libraries = sorted(folder.glob("libonnxruntime.so.*"))
    if not libraries:
        pytest.skip(f"onnxruntime {onnxruntime.__version__} has no libonnxruntime.so in {folder}")
    wanted = int(re.findall(r"define ORT_API_VERSION (\d+)", (headers / HEADER).read_text())[0])
    if wanted > int(onnxruntime.__version__.split(".")[1]):
        pytest.skip(f"the headers want API {wanted}, onnxruntime is only {onnxruntime.__version__}: update it")
    links = tmp_path_factory.mktemp("library")
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (links / name).symlink_to(libraries[-1])
    return links


Build = Callable[..., Path]


@pytest.fixture(scope="module")
def build(headers: Path, library: Path, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Builds a program with the library in it, without a warning."""
    if not (compiler := shutil.which("gcc") or shutil.which("cc")):
        pytest.skip("no C compiler (Debian: gcc, libc6-dev)")
    folder = tmp_path_factory.mktemp("programs")

    def built(source: Path, *flags: str) -> Path:
        path = folder / f"{source.stem}{len(list(folder.iterdir()))}"
        strict = [
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Wshadow",
            "-Wconversion",
            "-Wno-sign-conversion",
            "-Werror",
            "-pedantic",
        ]
        where = ["-I", str(LIBRARY), "-isystem", str(headers), "-L", str(library), f"-Wl,-rpath,{library}"]
        sources = [str(source), *map(str, sorted((LIBRARY / "src").glob("*.c")))]
        command = [compiler, *strict, *(flags or ["-O2"]), *sources, "-o", str(path), *where, "-lonnxruntime", "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return path

    return built


@pytest.fixture(scope="module")
def program(build: Build) -> Path:
    """The example."""
    return build(LIBRARY / "example.c")


@pytest.fixture(scope="module")
def driver(build: Build) -> Path:
    """Program of the tests, under the sanitizers of addresses, leaks and undefined behaviour."""
    return build(DRIVER, *SANITIZED)


@pytest.fixture(scope="module")
def song(clip: np.ndarray, rate: int) -> np.ndarray:
    """Music at the model's rate."""
    return soxr.resample(clip, rate, RATE)


def run(program: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program), *map(str, words)], capture_output=True, text=True, check=False)


def call(driver: Path, tmp_path: Path, model: Path, *words: object) -> list[dict[str, Any]]:
    """Answers of the library; arrays become files. A finding of a sanitizer fails the test."""
    texts = []
    for i, word in enumerate(words):
        if isinstance(word, np.ndarray):
            word.astype(np.float32).tofile(tmp_path / f"{i}.f32")
        texts.append(str(tmp_path / f"{i}.f32") if isinstance(word, np.ndarray) else str(word))
    suppressions = tmp_path / "leaks.txt"
    suppressions.write_text("leak:libonnxruntime\n")
    options = {"LSAN_OPTIONS": f"suppressions={suppressions}:print_suppressions=0"}
    command = [str(driver), str(model), *texts]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | options)
    assert done.stderr == "", done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def judged(out: str, name: str) -> list[float]:
    return [float(number) for number in re.findall(rf"P\({name}\) ([\d.]+)", out)]


@pytest.mark.parametrize(
    ("style", "subtype", "level"), [("WAV", "PCM_16", 0.5), ("WAV", "FLOAT", 1e-4), ("WAVEX", "FLOAT", 30.0)]
)
def test_it_finds_what_the_runtime_finds(
    program: Path, extractor: Extractor, song: np.ndarray, tmp_path: Path, style: str, subtype: str, level: float
) -> None:
    """Forwards and then shuffled, in stereo, at several levels, the last window not full."""
    shuffled = np.concatenate([song[k * RATE // 2 : (k + 5) * RATE // 2] for k in (20, 5, 15, 0, 10)])
    sound = level * np.concatenate([song[: 10 * RATE], shuffled[::-1], song[: 2 * RATE]])
    path = tmp_path / "song.wav"
    soundfile.write(path, np.stack([sound, 0.25 * sound], 1), RATE, format=style, subtype=subtype)
    expected = extractor(path)
    done = run(program, MODEL, path)
    assert done.returncode == 0, done.stderr
    starts = [float(start) for start in re.findall(r"^ *([\d.]+) s  P", done.stdout, re.M)]
    assert starts == pytest.approx(expected.starts)
    assert judged(done.stdout, "backwards") == pytest.approx(expected.reversal, abs=1e-3)
    whole = expected.ends - expected.starts == extractor.window
    assert judged(done.stdout, "out of order") == pytest.approx(expected.jigsaw[whole], abs=1e-3)
    tags = {name: float(value) for value, name in re.findall(r"^ +([\d.]+)  (\w+)$", done.stdout, re.M)}
    best = sorted(expected.tags, key=lambda name: -expected.tags[name])[:5]
    assert list(tags) == best
    assert list(tags.values()) == pytest.approx([expected.tags[name] for name in best], abs=1e-3)


def test_silence_and_short_ends_are_not_judged(
    program: Path, extractor: Extractor, song: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, np.concatenate([song[: 10 * RATE], np.zeros(10 * RATE), song[: RATE // 2]]), RATE)
    done = run(program, MODEL, path)
    lines = done.stdout.splitlines()
    assert lines[1:3] == ["   10.00 s  silent", "   20.00 s  too short to judge"]
    value, name = lines[3].split()
    assert float(value) == pytest.approx(extractor(path).tags[name], abs=1e-3)


def test_what_follows_the_samples_is_not_heard(program: Path, song: np.ndarray, tmp_path: Path) -> None:
    path, longer = tmp_path / "song.wav", tmp_path / "longer.wav"
    soundfile.write(path, song[: 11 * RATE], RATE, subtype="PCM_16")
    longer.write_bytes(path.read_bytes() + b"LIST" + (50000).to_bytes(4, "little") + bytes(range(250)) * 200)
    assert run(program, MODEL, longer).stdout == run(program, MODEL, path).stdout != ""


def test_bad_input_is_one_line_with_the_mend(program: Path, song: np.ndarray, tmp_path: Path) -> None:
    unheard_rate, other_bits, text = (tmp_path / name for name in ("rate.wav", "bits.wav", "text.wav"))
    soundfile.write(unheard_rate, song[:RATE], 999)
    soundfile.write(other_bits, song[:RATE], RATE, subtype="PCM_24")
    text.write_text("RIFF, but no sound")
    for words, mend in (
        ((MODEL, unheard_rate), "sample_rate must be a whole number of Hz from 1000 to 1536000, got 999"),
        ((MODEL, other_bits), "-c:a pcm_s16le"),
        ((MODEL, text), "ffmpeg -i"),
        ((MODEL, tmp_path / "missing.wav"), "cannot be opened"),
        ((text, unheard_rate), "ONNX Runtime: "),
        ((MODEL,), "usage: "),
    ):
        done = run(program, *words)
        assert done.returncode == 1
        assert mend in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert done.stdout == ""


@pytest.mark.parametrize("hop", [0, 110250])
def test_the_librarys_features_are_the_runtimes(driver: Path, song: np.ndarray, tmp_path: Path, hop: int) -> None:
    paused = np.concatenate([song[: 11 * RATE], np.zeros(22 * RATE, dtype=np.float32), song[: RATE // 2]])
    extractor = Extractor(threads=1, hop=hop / RATE or None)
    sounds = (song, paused, song[: RATE // 2], np.zeros(RATE), 1e-4 * song[: 3 * RATE], 1e9 * song[:RATE], song[:1])
    for sound in sounds:
        (found,) = call(driver, tmp_path, MODEL, "extract", RATE, hop, sound)
        expected = extractor(np.float32(sound), RATE)
        assert found["labels"] == list(expected.labels)
        assert expected.tag_curve is not None
        for name in ("starts", "ends", "weights", "silent", "reversal", "jigsaw", "embedding"):
            np.testing.assert_allclose(found[name], getattr(expected, name), rtol=0, atol=1e-3, err_msg=name)
        np.testing.assert_allclose(found["embeddings"], expected.embeddings.ravel(), rtol=0, atol=1e-3)
        np.testing.assert_allclose(found["tag_curve"], expected.tag_curve.ravel(), rtol=0, atol=1e-3)
        np.testing.assert_allclose(found["tags"], list(expected.tags.values()), rtol=0, atol=1e-3)
        assert found["reversed"] == pytest.approx(expected.reversed, abs=1e-3)


@pytest.mark.parametrize("gap", [0.0, 0.15, None])
def test_the_librarys_orders_are_the_runtimes(
    driver: Path, song: np.ndarray, tmp_path: Path, extractor: Extractor, gap: float | None
) -> None:
    third = 10 * RATE // 3
    thirds = [song[k * third : (k + 1) * third] for k in (2, 0, 1, 3)]
    uneven = [song[a * RATE : b * RATE] for a, b in ((9, 15), (0, 2), (2, 9))]
    for pieces in (uneven[:2],) if gap is None else (thirds, uneven):
        (found,) = call(driver, tmp_path, MODEL, "order", RATE, -1.0 if gap is None else gap, *pieces)
        expected = extractor.order(pieces, sr=RATE, gap=gap)
        assert tuple(found["permutation"]) == expected.permutation
        np.testing.assert_allclose(found["scores"], expected.scores.ravel(), rtol=1e-3, atol=5e-3)
        assert found["gap"] == pytest.approx(expected.gap)
        assert found["probability"] == pytest.approx(expected.probability, abs=1e-3)
        assert found["shuffled"] == pytest.approx(expected.shuffled, abs=1e-3)


@pytest.mark.parametrize("hertz", [8000, 16000, 22051, 32000, 44100, 48000, 96000, 192000, 1_536_000])
def test_the_librarys_resampler_is_pythons(driver: Path, song: np.ndarray, tmp_path: Path, hertz: int) -> None:
    wave = soxr.resample(song[: 2 * RATE], RATE, hertz).astype(np.float32) * 0.9
    result = tmp_path / "result.f32"
    assert call(driver, tmp_path, MODEL, "resample", hertz, RATE, wave, result) == []
    found, expected = np.fromfile(result, np.float32), np.concatenate(list(resample([wave], hertz, RATE)))
    assert len(found) == len(expected)
    assert np.abs(found - expected).max() < 1e-3


@pytest.mark.parametrize("hertz", [16000, 44100, 48000])
def test_sound_of_any_rate_is_heard_as_in_python(driver: Path, song: np.ndarray, tmp_path: Path, hertz: int) -> None:
    wave = soxr.resample(song, RATE, hertz).astype(np.float32)
    (found,) = call(driver, tmp_path, MODEL, "extract", hertz, 0, wave)
    expected = Extractor(threads=1)(wave, hertz)
    np.testing.assert_allclose(found["ends"], expected.ends, rtol=0, atol=1e-6)
    for name in ("reversal", "jigsaw", "embedding"):
        np.testing.assert_allclose(found[name], getattr(expected, name), rtol=0, atol=1e-3, err_msg=name)
    pieces = [wave[: 4 * hertz], wave[4 * hertz : 8 * hertz]]
    (order,) = call(driver, tmp_path, MODEL, "order", hertz, 0, *pieces)
    assert tuple(order["permutation"]) == Extractor(threads=1).order(pieces, sr=hertz, gap=0.0).permutation


@pytest.mark.slow
def test_real_tracks_are_heard_as_in_python(build: Build, tmp_path: Path, music_folder: Path) -> None:
    """The second and third quarter minute of 30 tracks, at the rates that their files have."""
    program, extractor = build(DRIVER), Extractor(threads=1)
    with (music_folder / "tracks.csv").open(newline="") as file:
        paths = [music_folder / row["path"] for row in csv.DictReader(file)]
    for path in paths[:: max(1, len(paths) // 30)][:30]:
        wave, hertz = load(path)
        wave = wave[15 * hertz : 45 * hertz] if len(wave) > 45 * hertz else wave
        (found,) = call(program, tmp_path, MODEL, "extract", hertz, 0, wave)
        expected = extractor(wave, hertz)
        for name in ("reversal", "jigsaw", "embedding"):
            np.testing.assert_allclose(
                found[name], getattr(expected, name), rtol=0, atol=1e-3, err_msg=f"{path} {name}"
            )
        np.testing.assert_allclose(found["tags"], list(expected.tags.values()), rtol=0, atol=1e-3, err_msg=str(path))


def test_the_librarys_stretches_are_the_runtimes(driver: Path, song: np.ndarray, tmp_path: Path) -> None:
    wave = song[: 25 * RATE].copy()
    wave[9 * RATE : 18 * RATE] = wave[9 * RATE : 18 * RATE][::-1]
    (found,) = call(driver, tmp_path, MODEL, "continuity", RATE, 0.5, wave)
    assert found["reversed"]
    assert_same_stretches(found, Extractor(threads=1).continuity(wave, sr=RATE))


def test_the_librarys_continuity_is_the_runtimes(driver: Path, song: np.ndarray, tmp_path: Path) -> None:
    cut = np.concatenate([song[: 8 * RATE], song[round(13.7 * RATE) :]])[: 14 * RATE]
    expected = Extractor(threads=1).continuity(cut, sr=RATE)
    (found,) = call(driver, tmp_path, MODEL, "continuity", RATE, 0.5, cut)
    np.testing.assert_allclose(found["times"], expected.times, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found["evidence"], expected.evidence, rtol=1e-3, atol=5e-3)
    edits = expected.edits()
    assert edits
    np.testing.assert_allclose(found["edits"], [time for time, _ in edits])
    np.testing.assert_allclose(found["cuts"], [probability for _, probability in edits], atol=1e-3)


@pytest.mark.parametrize("seconds", [0.3, 2.0, 2.9, 11.37])
def test_continuity_is_read_from_curves_where_the_model_has_them(driver: Path, tmp_path: Path, seconds: float) -> None:
    model, wave = curved.write(tmp_path / "curved.onnx"), curved.edited(seconds)
    expected = Extractor(model, threads=1).continuity(wave, sr=curved.RATE)
    (found,) = call(driver, tmp_path, model, "continuity", curved.RATE, 0.3, wave)
    np.testing.assert_allclose(found["times"], expected.times, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found["evidence"], expected.evidence, rtol=0, atol=1e-3)
    edits = expected.edits(0.3)
    assert len(edits) > 5 or seconds < 4
    np.testing.assert_allclose(found["edits"], [time for time, _ in edits], rtol=0, atol=1e-9)
    np.testing.assert_allclose(found["cuts"], [probability for _, probability in edits], atol=1e-3)
    assert expected.backwards
    np.testing.assert_allclose(found["backwards_times"], expected.backwards.times, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found["backwards"], expected.backwards.values, rtol=0, atol=1e-3)
    assert_same_stretches(found, expected)
    assert found["reversed"] or seconds < 2.5


def assert_same_stretches(found: dict[str, Any], expected: Continuity) -> None:
    stretches = expected.stretches(0.1)
    np.testing.assert_allclose(found["reversed_from"], [one.start for one in stretches], rtol=0, atol=1e-6)
    np.testing.assert_allclose(found["reversed_to"], [one.end for one in stretches], rtol=0, atol=1e-6)
    np.testing.assert_allclose(found["reversed"], [one.probability for one in stretches], rtol=0, atol=1e-3)


NO_CUT = ("{}", '{"cut": 0.05}', '{"cut": [0, 0]}', '{"cut": [0.05, 1e9]}', '{"cut": [0.05', "7")
NO_BACKWARDS = tuple(f'{{"cut": [0.05, 0.025]{rest}' for rest in ("}", ', "backwards": []}', ', "backwards": [9, 0]}'))
LIES = [*((lie, "cut") for lie in NO_CUT), *((lie, "backwards") for lie in NO_BACKWARDS)]


@pytest.mark.parametrize(("lie", "named"), LIES)
def test_cards_that_lie_about_a_curve_are_refused(driver: Path, tmp_path: Path, lie: str, named: str) -> None:
    import onnx

    model = onnx.load(curved.write(tmp_path / "curved.onnx"))
    for pair in model.metadata_props:
        pair.value = lie if pair.key == "curves" else pair.value
    onnx.save(model, tmp_path / "lies.onnx")
    (found,) = call(driver, tmp_path, tmp_path / "lies.onnx", "continuity", curved.RATE, 0.5, curved.edited(2))
    assert f"no times of the curve {named}" in found["error"]


def test_misuse_is_told_in_words(driver: Path, tmp_path: Path) -> None:
    words = [
        "path of the model file is missing", "path of the model file is missing", "no place for the model",
        "threads must be", "a model and a place", "a model and a place", "audio is empty", "audio is empty",
        "sample_rate must be", "NaN or infinite", "NaN or infinite", "hop must be from 1",
        "2 to 13 pieces, got 1", "2 to 13 pieces, got 14", "2 to 13 pieces", "gap must be from 0", "gap must be from 0",
        "piece 1 lasts 0.00 s", "a model and a place", "NaN or infinite",
        "sample_rate must be", "sample_rate must be", "audio is empty", "a place for the samples", "cannot be opened",
        "a path and places",
    ]  # fmt: skip
    found = call(driver, tmp_path, MODEL, "misuse")
    assert [answer["code"] for answer in found] == [1] * len(words)
    for answer, expected in zip(found, words, strict=True):
        assert expected in answer["error"]
    card = metadata(MODEL.read_bytes())
    outputs = [name for name in json.loads(card["outputs"]) if name not in json.loads(card["curves"])]
    joins = tmp_path / "joins.onnx"
    joins.write_bytes(relabelled(MODEL.read_bytes(), card | {"outputs": json.dumps(outputs), "curves": "{}"}))
    told = [answer["error"] for answer in call(driver, tmp_path, joins, "misuse")]
    assert len(told) == len(words) + 1
    assert "continuity needs at least a window of 10 s" in told[words.index("a model and a place", 10) + 1]


@pytest.mark.slow
def test_damaged_models_are_refused_without_a_finding(driver: Path, tmp_path: Path) -> None:
    """Cut short, of another contract, and with cards that lie in every field."""
    model = MODEL.read_bytes()
    card = metadata(model)
    lies = {
        "sample_rate": ["0", "-1", "1e99", "\"x\"", ""], "window": ["7", "220501", "1e9"], "hop": ["0", "1e9"],
        "pieces": ["1", "4", "1e9"], "name": ["3", "\"a", "\"\\u00"], "labels": ["[\"a\"]", "[", "[\"a\" 7]", "{}"],
        "outputs": ["[]", "[\"embedding\", \"successor\"", "7"], "musicfeat_contract": ["2", ""],
    }  # fmt: skip
    damaged = [b"", b"no model" * 99, model[: len(model) // 2], model[:-3]]
    damaged += [relabelled(model, card | {key: value}) for key, values in lies.items() for value in values]
    damaged += [relabelled(model, {key: card[key] for key in card if key != left}) for left in ("outputs", "window")]
    for content in damaged:
        (tmp_path / "model.onnx").write_bytes(content)
        (found,) = call(driver, tmp_path, tmp_path / "model.onnx", "misuse")
        assert found["code"] == 2, found
        assert found["error"]
    (found,) = call(driver, tmp_path, tmp_path / "missing.onnx", "misuse")
    assert found["code"] == 2


def test_texts_of_a_card_are_decoded(driver: Path, song: np.ndarray, tmp_path: Path) -> None:
    model = MODEL.read_bytes()
    card = metadata(model)
    labels = ["caf\u00e9", "a/b, c", "\u97f3\u697d", *json.loads(card["labels"])[3:]]
    (tmp_path / "model.onnx").write_bytes(relabelled(model, card | {"labels": json.dumps(labels)}))
    (found,) = call(driver, tmp_path, tmp_path / "model.onnx", "extract", RATE, 0, song[:RATE])
    assert found["labels"] == labels


def relabelled(model: bytes, card: dict[str, str]) -> bytes:
    """A model file with another card."""
    onnx = pytest.importorskip("onnx", reason="onnx, which writes other cards, is not installed: pip install onnx")
    proto = onnx.load_from_string(model)
    del proto.metadata_props[:]
    onnx.helper.set_model_props(proto, card)
    return proto.SerializeToString()


def test_hostile_samples_are_heard_or_refused_as_in_python(driver: Path, song: np.ndarray, tmp_path: Path) -> None:
    for name, (channels, hertz, words) in hostile_samples(song[:RATE], RATE).items():
        if len(channels) > 1:  # mixing is the program's
            continue
        (found,) = call(driver, tmp_path, MODEL, "extract", int(hertz), 0, channels)
        if words:
            assert words in found["error"]
        else:
            expected = Extractor(threads=1)(channels, int(hertz))
            np.testing.assert_allclose(found["embedding"], expected.embedding, rtol=0, atol=1e-3, err_msg=name)


def test_hostile_wavs_are_heard_or_refused_as_in_python(driver: Path, song: np.ndarray, tmp_path: Path) -> None:
    path, result = tmp_path / "a.wav", tmp_path / "result.f32"
    for name, (_, data, words, elsewhere) in hostile_wavs(song[: 3 * RATE], RATE).items():
        path.write_bytes(data)
        answers = call(driver, tmp_path, MODEL, "wav", path, result)
        if words or elsewhere:
            assert (elsewhere or words) in answers[0]["error"], name
        else:
            assert answers == [], name
            expected = np.concatenate(list(decoded(path).blocks))
            np.testing.assert_allclose(np.fromfile(result, np.float32), expected, atol=1e-6, err_msg=name)


@pytest.mark.slow
def test_torn_wavs_are_refused_without_a_finding(build: Build, song: np.ndarray, tmp_path: Path) -> None:
    program = build(LIBRARY / "example.c", *SANITIZED)
    whole = tmp_path / "whole.wav"
    soundfile.write(whole, song[:RATE], RATE, subtype="PCM_16")
    content, generator = whole.read_bytes(), np.random.default_rng(0)
    path = tmp_path / "torn.wav"
    for _ in range(30):
        torn = bytearray(content[: int(generator.integers(1, 3000))])
        for place in generator.integers(0, min(48, len(torn)), 3):
            torn[place] = int(generator.integers(256))
        path.write_bytes(torn)
        done = subprocess.run(
            [program, MODEL, path],
            capture_output=True,
            check=False,
            env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"},
        )
        assert done.returncode in (0, 1)
        assert b"Sanitizer" not in done.stderr
        assert b"runtime error" not in done.stderr


def test_cmake_installs_what_pkg_config_finds(
    headers: Path, library: Path, song: np.ndarray, tmp_path: Path, program: Path
) -> None:
    for tool in ("cmake", "pkg-config"):
        if not shutil.which(tool):
            pytest.skip(f"no {tool} (Debian: cmake, pkgconf)")
    root, prefix = tmp_path / "onnxruntime", tmp_path / "installed"
    root.mkdir()
    (root / "include").symlink_to(headers)
    (root / "lib").symlink_to(library)
    configure = [
        "cmake",
        "-B",
        tmp_path / "build",
        "-S",
        LIBRARY,
        f"-DONNXRUNTIME_ROOT={root}",
        f"-DCMAKE_INSTALL_PREFIX={prefix}",
    ]
    for command in (configure, ["cmake", "--build", tmp_path / "build"], ["cmake", "--install", tmp_path / "build"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    (config,) = prefix.rglob("pkgconfig")
    asked = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "musicfeat"], capture_output=True, text=True, check=True,
        env=os.environ | {"PKG_CONFIG_PATH": str(config)},
    )  # fmt: skip
    user = tmp_path / "user"
    compiler = shutil.which("gcc") or "cc"
    flags = [*asked.stdout.split(), f"-Wl,-rpath,{library}"]
    subprocess.run([compiler, "-std=c11", LIBRARY / "example.c", "-o", user, *flags], check=True)
    path = tmp_path / "song.wav"
    soundfile.write(path, song[: 5 * RATE], RATE)
    assert run(user, MODEL, path).stdout == run(program, MODEL, path).stdout != ""
