"""The JavaScript package's rules against the runtime's own: the same numbers go through both."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from musicfeat.curves import Curve
from musicfeat.features import pool_probability
from musicfeat.model.pruning import keep_outputs
from musicfeat.model.session import Session, find_model, levelled
from musicfeat.recording import Recording
from musicfeat.sequence.order import best_order, log_partition, most_probable, path_score
from musicfeat.sound.audio import opened
from musicfeat.sound.windows import Window, cut, pooling_weights
from support.coded import write_coded
from support.hostile import hostile_samples
from support.paths import WEB

RULES = Path(__file__).with_name("rules.mjs")


def rules(*calls: tuple[Any, ...]) -> list[Any]:
    """Answers of the modules to (name, arguments...)."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed (Debian: nodejs)")
    text = json.dumps(calls, default=lambda array: array.tolist())
    done = subprocess.run([node, RULES], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def noise(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, size).astype(np.float32)


def test_windows() -> None:
    generator = np.random.default_rng(1)
    sizes = [
        (int(n), int(w)) for n, w in zip(generator.integers(1, 90, 150), generator.integers(1, 30, 150), strict=True)
    ]
    cases = [(noise(n, i), w, int(generator.integers(1, w + 1))) for i, (n, w) in enumerate(sizes)]
    for (wave, window, hop), found in zip(cases, rules(*[("cut", *case) for case in cases]), strict=True):
        expected = list(cut([wave], window, hop))
        assert found["count"] == len(expected)
        assert [w["start"] for w in found["windows"]] == [w.start for w in expected]
        assert [w["valid"] for w in found["windows"]] == [w.valid for w in expected]
        np.testing.assert_array_equal([w["samples"] for w in found["windows"]], [w.samples for w in expected])


def test_levels_to_the_bit() -> None:
    peaks = [0.0, 1e-44, 1e-40, 2.0**-126, 1e-30, 2.0**-6, np.nextafter(2.0**-6, 0), 0.3, 1, 64, 64.1, 1e9, 1e30]
    waves = [(noise(50, i) * 2 * peak).astype(np.float32) for i, peak in enumerate(peaks)]
    waves += [np.array([sign * peak, 0], dtype=np.float32) for peak in peaks for sign in (1, -1)]
    for wave, found in zip(waves, rules(*[("levelled", wave) for wave in waves]), strict=True):
        np.testing.assert_array_equal(np.array(found, dtype=np.float32), levelled(wave[None])[0])


def test_silence() -> None:
    quiet = [
        ([0, 0, 0], 3),
        ([0.5, 0.5, 0.5], 3),
        ([0.5, 0.5, 0], 2),
        ([0, 2e-6, 0], 3),
        ([1e-6, -1e-6], 2),
        ([0.1], 1),
    ]
    heard = [([0, 2.1e-6, 0], 3), ([1.1e-6, -1e-6], 2)]
    cases = [(np.array(values, dtype=np.float32), valid) for values, valid in quiet + heard]
    expected = [Window(samples, 0, valid).silent for samples, valid in cases]
    assert expected == [True] * len(quiet) + [False] * len(heard)
    assert rules(*[("silent", *case) for case in cases]) == expected


def test_stretches_that_play_backwards() -> None:
    """Curves that wander about one half, many stretches in each, with and without cuts near their ends."""
    generator, least, calls, expected = np.random.default_rng(3), 0.6, [], []
    for number in range(40):
        evidence = np.cumsum(generator.normal(0, 1.5, 120)) % 12 - 6
        backwards = Curve(0.145 + 0.29 * np.arange(120), (1 / (1 + np.exp(-evidence))).astype(np.float32), 0.29)
        cuts = Curve(0.05 * np.arange(700), generator.beta(0.2, 4, 700).astype(np.float32) * (number % 4 > 0), 0.05)
        expected.append([(one.start, one.end, one.probability) for one in backwards.stretches(least, cuts)])
        curves = [{"times": curve.times, "values": curve.values, "step": curve.step} for curve in (backwards, cuts)]
        calls.append(("stretches", *curves, least))
    assert sum(map(len, expected)) > 100
    for stretches, own in zip(rules(*calls), expected, strict=True):
        found = [(one["start"], one["end"], one["probability"]) for one in stretches]
        np.testing.assert_allclose(found, own, rtol=0, atol=1e-5)


@pytest.mark.parametrize("hop", [55125, 220500])
@pytest.mark.parametrize("outputs", [("embedding", "reversal", "jigsaw", "tags"), ("embedding",)])
def test_pooling(hop: int, outputs: tuple[str, ...]) -> None:
    card, generator = Session(threads=1).card, np.random.default_rng(2)
    sizes = {"embedding": 7, "reversal": 0, "jigsaw": 0, "tags": len(card.labels)}
    for valid, silent in (
        ([220500, 220500, 100000], [0, 1, 0]),
        ([20000], [0]),
        ([220500, 22050], [1, 1]),
        ([22050], [0]),
    ):
        recording = Recording(card, hop)
        values: dict[str, list[Any]] = {name: [] for name in outputs}
        rows = []
        for i, (samples, quiet) in enumerate(zip(valid, silent, strict=True)):
            row = {n: generator.uniform(0, 1, sizes[n] or ()).astype(np.float32) for n in outputs}
            wave = np.zeros(card.window, dtype=np.float32)
            wave[:samples] = 0 if quiet else noise(samples)
            recording.add(Window(wave, i * hop, samples), row)
            rows.append({"start": i * hop, "valid": samples, "silent": bool(quiet)})
            for name in outputs:
                values[name].append(np.atleast_1d(row[name]).tolist())
        expected = recording.features()
        (found,) = rules(("features", asdict(card), hop, rows, values))
        for name in ("starts", "ends", "silent", "weights", "embeddings", "reversal", "jigsaw"):
            np.testing.assert_allclose(found[name], getattr(expected, name), atol=1e-7, err_msg=name)
        np.testing.assert_allclose(found["pooled"]["embedding"], expected.embedding, atol=1e-6)
        assert found["pooled"]["reversed"] == pytest.approx(expected.reversed, abs=1e-7)
        assert (found["pooled"]["tags"] or {}) == pytest.approx(expected.tags, abs=1e-6)
        assert (found["tag_curve"] is None) == (expected.tag_curve is None)


def test_weights_and_certain_windows() -> None:
    valid, probabilities = [9, 9, 4], [0.0, 0.4, 1.0]
    weights, pooled = rules(("poolingWeights", valid, 5), ("poolProbability", probabilities, [0.5, 0.3, 0.2]))
    np.testing.assert_array_equal(weights, pooling_weights(np.array(valid), 5))
    assert pooled == pytest.approx(pool_probability(probabilities, [0.5, 0.3, 0.2]), abs=1e-9)


def test_mixing() -> None:
    left, right = noise(100, 1), noise(100, 2)
    mono, mixed, infinite = rules(("mix", [left]), ("mix", [left, right]), ("mix", [left, np.float32(2e31) * right]))
    np.testing.assert_array_equal(np.float32(mono), left)
    np.testing.assert_allclose(mixed, (left + right) / 2, atol=1e-7)
    assert "holds NaN or infinite values" in infinite["refused"]


def test_hostile_samples_are_mixed_or_refused_as_in_python() -> None:
    cases = hostile_samples(noise(70_000), 22050)
    numbers = {name: case for name, case in cases.items() if np.isfinite(case.channels).all()}
    found = rules(*[("sound", list(case.channels), case.rate) for case in numbers.values()])
    for (name, (channels, hertz, words)), mono in zip(numbers.items(), found, strict=True):
        if words:
            assert words in mono["refused"], name
        else:
            expected = np.concatenate(list(opened(channels, hertz).blocks))
            np.testing.assert_allclose(mono, expected, rtol=1e-6, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("sr", [8000, 16000, 22050, 24000, 32000, 44100, 44101, 48000, 96000])
def test_resampling_is_exact_below_the_edge_and_soxrs_at_it(sr: int) -> None:
    """Two faded seconds of noise; up to 0.9 of the lower Nyquist frequency its spectrum says what is right."""
    rate, seconds = 22050, 2
    full = np.fft.rfft(noise(seconds * sr) * np.hanning(seconds * sr))
    limited = np.where(np.arange(len(full)) < 0.9 * min(sr, rate) / 2 * seconds, full, 0)
    exact = np.fft.irfft(limited[: seconds * rate // 2 + 1], seconds * rate) * rate / sr
    waves = [np.fft.irfft(spectrum, seconds * sr).astype(np.float32) for spectrum in (limited, full)]
    low, whole = rules(*[("resample", wave, sr, rate) for wave in waves])
    middle = slice(1000, -1000)  # The spectrum is that of an endless repetition.
    assert np.linalg.norm((low - exact)[middle]) < 2e-6 * np.linalg.norm(exact)
    expected = soxr.resample(waves[1], sr, rate, quality="HQ")
    assert len(whole) == len(expected)
    assert np.linalg.norm(whole - expected) < 3e-3 * np.linalg.norm(expected)


def test_resampling_lets_nothing_fold_back() -> None:
    sr, rate = 48000, 22050
    tone = np.sin(2 * np.pi * 11100 * np.arange(sr) / sr) * np.hanning(sr)
    (found,) = rules(("resample", tone, sr, rate))
    assert np.abs(found).max() < 2e-6


def test_hardly_any_sound_is_still_sound() -> None:
    lengths = [len(found) for found in rules(*[("resample", noise(n), 96000, 22050) for n in (1, 2, 3, 5)])]
    assert lengths == [1, 1, 1, 1]


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, int]:
    """Files of every kind that soundfile writes, with their rates."""
    folder = tmp_path_factory.mktemp("sounds")
    kinds = [("wav", None, 44100), ("wav", "FLOAT", 96000), ("flac", None, 48000), ("ogg", "VORBIS", 32000)]
    kinds += [
        ("ogg", "OPUS", 48000),
        ("mp3", None, 44100),
        ("mp3", None, 22050),
        ("mp3", None, 8000),
        ("rf64", None, 16000),
    ]
    paths = {}
    for i, (suffix, subtype, rate) in enumerate(kinds):
        path = folder / f"{i}.{suffix}"
        soundfile.write(
            path, np.stack([noise(rate), noise(rate)], axis=1), rate, subtype=subtype, format=suffix.upper()
        )
        paths[path] = rate
    tag = b"ID3\x04\x00\x00\x00\x00\x02\x01" + b"\xff\xfb\x90" * 85  # in 257 bytes, what could be a frame
    tagged = folder / "tagged.mp3"
    tagged.write_bytes(tag + bytes(267 - len(tag)) + (folder / "6.mp3").read_bytes())
    return {**paths, tagged: 22050}


def test_declared_rates(sounds: dict[Path, int]) -> None:
    assert rules(*[("declaredRate", str(path)) for path in sounds]) == list(sounds.values())


def test_m4a_declares_its_rate(tmp_path: Path) -> None:
    paths = [
        write_coded(tmp_path / f"sound.{suffix}", noise(32000), rate=32000, format=form)
        for suffix, form in (("m4a", "ipod"), ("aac", "adts"))
    ]
    assert rules(*[("declaredRate", str(path)) for path in paths]) == [32000, 32000]


def test_torn_and_foreign_files_declare_no_rate(sounds: dict[Path, int], tmp_path: Path) -> None:
    junk = tmp_path / "junk.mp3"
    junk.write_bytes(np.random.default_rng(5).integers(0, 256, 20000, dtype=np.uint8).tobytes())
    text = tmp_path / "text.wav"
    text.write_text("no sound " * 50)
    torn = [("declaredRate", str(path), size) for path in sounds for size in (1, 3, 9, 13, 21, 30)]
    found = rules(("declaredRate", str(text)), ("declaredRate", str(junk)), *torn)
    assert found[0] is None
    assert all(rate is None or rate > 0 for rate in found[1:])


def test_the_card_is_read_from_the_model_file(tmp_path: Path) -> None:
    path = find_model(None)
    garbage, other = tmp_path / "garbage.onnx", tmp_path / "other.onnx"
    garbage.write_bytes(b"\x0a\xff\xff\xff\xff\x0f no model")
    other.write_bytes(path.read_bytes().replace(b"\x12\x01" + b"1", b"\x12\x01" + b"7"))
    size = path.stat().st_size
    card, torn, torn_late, foreign, newer = rules(
        ("readCard", str(path)), ("readCard", str(path), size // 2), ("readCard", str(path), size - 1),
        ("readCard", str(garbage)), ("readCard", str(other)),
    )  # fmt: skip
    assert card.items() <= json.loads(json.dumps(asdict(Session(threads=1).card))).items()
    assert {"sample_rate", "window", "hop", "outputs", "labels", "weights_sha256"} <= set(card)
    for refusal in (torn, torn_late, foreign):
        assert "damaged, or not an ONNX file" in refusal["refused"]
    assert "contract 7, this page reads 1" in newer["refused"]


def test_outputs_are_left_out_as_the_runtime_leaves_them_out() -> None:
    path, names = find_model(None), {"embedding", "reversal"}
    (found,) = rules(("keepOutputs", str(path), sorted(names)))
    assert bytes(found) == keep_outputs(path.read_bytes(), names)


def test_halves_are_rounded_as_python_rounds_them() -> None:
    values = [0.5, 1.5, 2.5, 1102.5, 1103.5, 7.49999, 0.0, 3.0]
    assert rules(("round", values)) == [[round(value) for value in values]]


@pytest.mark.parametrize("pieces", [2, 3, 5, 8, 11])
def test_orders_are_weighed_exactly(pieces: int) -> None:
    scores = np.random.default_rng(pieces).normal(0, 3, (pieces, pieces))
    ((order, score, partition),) = rules(("order", scores))
    expected = best_order(scores)
    assert tuple(order) == expected
    assert score == pytest.approx(path_score(scores, expected))
    assert partition == pytest.approx(log_partition(scores, expected))


def test_many_pieces_are_searched() -> None:
    scores = np.random.default_rng(0).normal(0, 3, (20, 20))
    ((order, score, partition),) = rules(("order", scores))
    expected = best_order(scores)
    assert tuple(order) == expected
    assert score == pytest.approx(path_score(scores, expected))
    assert partition == pytest.approx(log_partition(scores, expected), abs=0.3)  # Both estimate it from draws.


def test_orders_over_several_gaps() -> None:
    tables = [np.random.default_rng(seed).normal(0, 2, (4, 4)) for seed in (1, 2, 3)]
    gaps = [0.0, 0.05, 0.1]
    (found,) = rules(("mostProbable", gaps, tables))
    expected = most_probable(gaps, tables)
    assert (tuple(found["permutation"]), found["gap"]) == (expected.permutation, expected.gap)
    assert found["probability"] == pytest.approx(expected.probability)
    assert found["shuffled"] == pytest.approx(expected.shuffled)


def test_the_picture_shows_a_tone_where_its_axis_says() -> None:
    rate, rows = 22050, 160
    time = np.arange(3 * rate) / rate
    low, high = np.sin(2 * np.pi * 1000 * time), np.sin(2 * np.pi * 4000 * time)
    tone = np.select([time < 1, time < 2], [low, 1e-3 * low], high)
    waves = (tone, np.zeros(rate), [1])
    picture, silence, brief = rules(*[("spectrogram", wave, rate, 60, rows) for wave in waves])
    levels = np.reshape(picture["levels"], (rows, picture["columns"]))
    places = {mark["hertz"]: mark["place"] for mark in picture["marks"]}
    for column, hertz in ((10, 1000), (30, 1000), (50, 4000)):
        assert 1 - levels[:, column].argmax() / rows == pytest.approx(places[hertz], abs=0.02)
    assert levels[:, 10].max() == 255
    assert levels[:, 30].max() == pytest.approx(255 * (1 - 60 / 80), abs=2)
    assert not any(silence["levels"])
    assert len(brief["levels"]) == rows


def test_modules_stay_readable() -> None:
    for path in (*WEB.glob("*.js"), *WEB.glob("lib/*.js"), *WEB.glob("test/*.js")):
        lines = path.read_text().splitlines()
        assert len(lines) <= 250, path
        assert max(map(len, lines)) <= 120, path
