"""Sounds that broke decoders, heard or refused in words; C and JavaScript are given the same list."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from musicfeat import Extractor, MusicfeatError
from musicfeat.sound.audio import decoded, opened
from support.hostile import hostile_coded, hostile_samples, hostile_wavs


@pytest.fixture(scope="module")
def sound(clip: np.ndarray, rate: int) -> np.ndarray:
    return clip[: 3 * rate]


def test_samples_are_heard_or_refused_in_words(sound: np.ndarray, rate: int, extractor: Extractor) -> None:
    for name, (channels, hertz, words) in hostile_samples(sound, rate).items():
        if words:
            with pytest.raises(MusicfeatError, match=re.escape(words)):
                extractor(channels, hertz)
            continue
        mono = np.concatenate(list(opened(channels, hertz).blocks))
        assert len(mono) == channels.shape[1], name
        assert mono.any() == channels.any(), name
        assert np.isfinite(extractor(channels, hertz).embedding).all(), name


def test_files_are_heard_or_refused_in_words(sound: np.ndarray, rate: int, tmp_path: Path) -> None:
    guises = hostile_samples(sound, rate)
    for name, (suffix, data, words, _) in hostile_wavs(sound, rate).items():
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(data)
        if words:
            with pytest.raises(MusicfeatError, match=re.escape(words)):
                list(decoded(path).blocks)
            continue
        heard = np.concatenate(list(decoded(path).blocks))
        whole = opened(guises[name].channels, rate).blocks if name in guises else [sound] * (1 + ("joined" in name))
        np.testing.assert_allclose(heard, np.concatenate(list(whole)), atol=1 / 32767, err_msg=name)


def test_coded_files_are_heard_or_refused_in_words(sound: np.ndarray, rate: int, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="the codecs extra is not installed")
    for suffix, data, words, _ in hostile_coded(sound, rate).values():
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(data)
        if words:
            with pytest.raises(MusicfeatError, match=re.escape(words)):
                list(decoded(path).blocks)
        else:
            assert sum(map(len, decoded(path).blocks)) == pytest.approx(2 * len(sound), abs=0.2 * rate)
