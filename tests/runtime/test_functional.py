from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

import musicfeat
from musicfeat import AudioError, Extractor, InputError, ModelError
from musicfeat.functional import shared_extractor
from musicfeat.model.session import find_model


@pytest.fixture(scope="module")
def file(clip: np.ndarray, rate: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("functional") / "clip.wav"
    soundfile.write(path, np.stack([clip, 0.5 * clip], axis=1), rate, subtype="FLOAT")
    return path


def test_load_keeps_the_files_own_rate(file: Path, clip: np.ndarray, rate: int) -> None:
    y, sr = musicfeat.load(file)
    assert sr == rate
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, 0.75 * clip, atol=1e-6)


def test_load_resamples_on_request(file: Path, clip: np.ndarray, rate: int) -> None:
    y, sr = musicfeat.load(str(file), sr=22050)
    assert (sr, y.ndim) == (22050, 1)
    np.testing.assert_allclose(y, soxr.resample(0.75 * clip, rate, 22050, quality="HQ"), atol=1e-4)


def test_load_refuses_what_it_cannot_read(file: Path, clip: np.ndarray) -> None:
    with pytest.raises(AudioError, match=r"missing\.wav does not exist"):
        musicfeat.load("missing.wav")
    with pytest.raises(InputError, match="sr must be"):
        musicfeat.load(file, sr=0)
    with pytest.raises(InputError, match="path of a file or an open file, got ndarray"):
        musicfeat.load(clip)  # type: ignore[arg-type]


def test_embed_puts_time_last(extractor: Extractor, clip: np.ndarray, rate: int) -> None:
    expected = extractor(clip, sr=rate)
    found = musicfeat.embed(y=clip, sr=rate)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected.embeddings.T, atol=1e-5)
    np.testing.assert_allclose(musicfeat.embed(y=clip, sr=rate, pooled=True), expected.embedding, atol=1e-5)


def test_embed_takes_a_hop(clip: np.ndarray, rate: int) -> None:
    expected = Extractor(hop=2.5, threads=1)(clip, sr=rate)
    np.testing.assert_allclose(musicfeat.embed(clip, rate, hop=2.5), expected.embeddings.T, atol=1e-5)


def test_loading_and_embedding_is_embedding_the_file(file: Path) -> None:
    y, sr = musicfeat.load(file)
    np.testing.assert_allclose(musicfeat.embed(y=y, sr=sr), musicfeat.embed(file), atol=1e-5)


def test_embed_says_what_is_wrong(clip: np.ndarray) -> None:
    with pytest.raises(InputError, match="sr is missing"):
        musicfeat.embed(y=clip)
    for hop in (-1, [2.5], True):
        with pytest.raises(InputError, match="hop must be"):
            musicfeat.embed(y=clip, sr=44100, hop=hop)  # type: ignore[arg-type]


def test_threads_share_one_model(clip: np.ndarray, rate: int) -> None:
    parts = [clip[start * rate : (start + 3) * rate] for start in range(8)]
    alone = [musicfeat.embed(part, rate) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda part: musicfeat.embed(part, rate), parts))
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert shared_extractor() is shared_extractor()
    assert shared_extractor(hop=5) is not shared_extractor()


def test_another_model_at_the_same_path_is_opened_anew(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(find_model(None).read_bytes())
    first = shared_extractor(model)
    assert shared_extractor(model) is first
    os.utime(model, ns=(1, 1))
    assert shared_extractor(model) is not first
    with pytest.raises(ModelError, match="no model"):
        shared_extractor(tmp_path / "missing.onnx")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_opens_its_own() -> None:
    code = """
import os, numpy, musicfeat
from musicfeat.functional import shared_extractor
noise = numpy.random.default_rng(0).standard_normal(22050)
before, expected = shared_extractor(), musicfeat.embed(noise, 22050)
child = os.fork()
if not child:
    same = numpy.allclose(musicfeat.embed(noise, 22050), expected, atol=1e-5)
    os._exit(0 if same and shared_extractor() is not before else 1)
assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)
