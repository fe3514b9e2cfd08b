from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soxr

from musicfeat.errors import AudioError
from musicfeat.versions.detail import FRAME, SPEC, Detail, _powers, detail, detail_of
from musicfeat.versions.likeness import NOTHING, least_correlation, likeness
from support.coded import through

RATE = 44100
Change = Callable[[np.ndarray], np.ndarray]


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE)).astype(np.float32)


def notes(seconds: float, seed: int = 0) -> np.ndarray:
    """Decaying notes of drawn pitches, over a floor of noise."""
    draw = np.random.default_rng(seed)
    sound, time = 0.003 * draw.standard_normal(round(seconds * RATE)), np.arange(RATE) / RATE
    for start in range(0, len(sound) - RATE, RATE // 4):
        pitch = 110 * 2 ** (draw.integers(0, 24) / 12)
        sound[start : start + RATE] += np.exp(-4 * time) * sum(
            np.sin(2 * np.pi * pitch * h * time) / h for h in (1, 2, 3)
        )
    return (0.3 * sound).astype(np.float32)


CHANGES: dict[str, Change] = {
    "mp3": lambda sound: through(sound, RATE, "mp3"),
    "ogg": lambda sound: through(sound, RATE, "ogg"),
    "quieter": lambda sound: sound / 100,
    "polarity": lambda sound: -sound,
    "cut": lambda sound: sound[4321:-5000],
    "silence around it": lambda sound: np.pad(sound, (20000, 9000)),
    "low-passed": lambda sound: np.convolve(sound, np.hanning(9) / 4, "same").astype(np.float32),
    "8 bits": lambda sound: (np.round(sound / abs(sound).max() * 127) / 127).astype(np.float32),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("original", [noise(0.8), noise(6), notes(5)], ids=["hit", "noise", "notes"])
def test_a_copy_is_known_by_its_sound(original: np.ndarray, change: str) -> None:
    found = likeness(detail_of(original, RATE), detail_of(CHANGES[change](original), RATE))
    assert found.same
    offset = {"cut": 4321 / RATE, "silence around it": -20000 / RATE}.get(change, 0.0)
    assert found.offset == pytest.approx(offset, abs=0.06 if change in ("mp3", "ogg") else 0.006)
    assert found.share[1] > 0.9
    assert found.share[0] == pytest.approx(1.0 if change != "cut" else 1 - 9321 / len(original), abs=0.1)


def test_another_rate() -> None:
    sound = notes(4)
    other = soxr.resample(sound, RATE, 16000)
    found = likeness(detail_of(sound, RATE), detail_of(other, 16000))
    assert found.same
    assert found.correlation > 0.8


@pytest.mark.parametrize("seconds", [0.3, 1, 10])
def test_other_noise_is_another_sound(seconds: float) -> None:
    for seed in range(1, 6):
        found = likeness(detail_of(noise(seconds), RATE), detail_of(noise(seconds, seed), RATE))
        assert not found.same
        assert found.correlation < 0.5 * least_correlation(found.seconds)


def test_one_note_played_twice_is_not_one_recording() -> None:
    time = np.arange(RATE) / RATE
    takes = []
    for seed in range(2):
        bow = np.cumsum(np.random.default_rng(seed).standard_normal(RATE)) * 0.004
        tone = sum(np.sin(2 * np.pi * 440 * h * time + h * bow) / h for h in range(1, 8))
        takes.append(np.pad(tone * np.minimum(1, 20 * time) * np.exp(-2 * time) + 0.1 * noise(1, seed), 2000))
    assert not likeness(detail_of(takes[0], RATE), detail_of(takes[1], RATE)).same


def test_what_stands_still_and_what_is_silent_proves_nothing() -> None:
    time = np.arange(5 * RATE) / RATE
    tone = detail_of(np.sin(2 * np.pi * 440 * time).astype(np.float32), RATE)
    assert not likeness(tone, detail_of(np.sin(2 * np.pi * 660 * time).astype(np.float32), RATE)).same
    beeps = [np.pad(0.3 * np.sin(2 * np.pi * pitch * time[:RATE]), 500) for pitch in (440, 466.2, 493.9)]
    assert not any(likeness(detail_of(beeps[0], RATE), detail_of(beep, RATE)).same for beep in beeps[1:])
    silent = detail_of(np.zeros(RATE, np.float32), RATE)
    assert likeness(silent, silent) == likeness(silent, tone) == NOTHING


def test_the_share_is_what_both_have() -> None:
    first, second = noise(12), noise(12)
    second[: 4 * RATE] = noise(4, 9)
    found = likeness(detail_of(first, RATE), detail_of(second, RATE))
    assert found.same
    assert found.share == pytest.approx((8 / 12, 8 / 12), abs=0.06)


def test_blocks_change_nothing() -> None:
    sound = np.random.default_rng(0).standard_normal(700_003).astype(np.float32)
    whole = np.concatenate(list(_powers([sound])))
    parts = np.concatenate(list(_powers(np.split(sound, [1, 5000, 5001, 300_000, 299_999 + 262_144]))))
    np.testing.assert_allclose(parts, whole, rtol=1e-6)
    assert len(whole) == -(-len(sound) // SPEC.step)
    assert len(detail_of(sound[:1], SPEC.sample_rate)) == 1
    assert detail(whole).seconds == pytest.approx(len(sound) / SPEC.sample_rate, abs=FRAME)


def test_symmetry_and_errors(tmp_path: Path) -> None:
    one, other = detail_of(notes(3), RATE), detail_of(notes(3)[30000:], RATE)
    there, back = likeness(one, other), likeness(other, one)
    assert there.offset == pytest.approx(-back.offset, abs=1e-3)
    assert there.share == pytest.approx(back.share[::-1], abs=0.02)
    assert likeness(one, Detail(one.values[:0], one.heard[:0])) == NOTHING
    with pytest.raises(AudioError, match="does not exist"):
        detail_of(tmp_path / "a.wav")


def test_a_loop_counts_once() -> None:
    """Two loops that share half of their bar agree at every bar, which is no more evidence than one bar is."""
    bar, other = notes(3)[: 2 * RATE], notes(3, seed=1)[: 2 * RATE]
    half = np.concatenate([bar[:RATE], other[RATE:]])
    loop, alike = (np.tile(some, 8) for some in (bar, half))
    found = likeness(detail_of(loop, RATE), detail_of(alike, RATE))
    assert found.correlation > least_correlation(found.seconds)
    assert found.before_repeat == pytest.approx(2, abs=0.05)
    assert not found.same
    for copy in (through(loop, RATE, "mp3"), loop[RATE // 3 :]):
        assert likeness(detail_of(loop, RATE), detail_of(copy, RATE)).same
