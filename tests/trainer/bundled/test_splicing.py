from __future__ import annotations

import numpy as np
import pytest

from musicfeat_trainer.bundled.cut_marks import (
    backwards_marks,
    calibration,
    calibration_error,
    cut_marks,
    judged,
    threshold,
)
from musicfeat_trainer.bundled.splices import KINDS, STYLES, Splicer, levels_of, matched, transposed
from musicfeat_trainer.bundled.splicing import Edited, Join, Stretch, Strip, level, spliced
from musicfeat_trainer.bundled.wear import coded, crackled, mixed

RATE = 22050


@pytest.fixture(scope="module")
def ramp() -> np.ndarray:
    """A recording whose samples tell their own places."""
    return np.linspace(0.1, 0.9, 8001).astype(np.float32)


def test_strips_lie_where_they_should(ramp: np.ndarray) -> None:
    strips = [Strip(ramp, 0, 2000), Strip(ramp, 5000, 7000, backwards=True), Strip(ramp, 2000, 4000)]
    found = spliced(strips, [Join(), Join()], 5500)
    np.testing.assert_allclose(found.wave[:2000], ramp[:2000])
    np.testing.assert_allclose(found.wave[2000:4000], ramp[5000:7000][::-1])
    np.testing.assert_allclose(found.wave[4000:], ramp[2000:3500])
    assert found.cuts == [(2000, 2000), (4000, 4000)]
    assert found.backwards == [(2000, 4000)]


@pytest.mark.parametrize("shape", ["linear", "power", "dip"])
def test_a_fade_changes_sound_around_the_cut_alone(ramp: np.ndarray, shape: str) -> None:
    strips = [Strip(ramp, 0, 2000), Strip(ramp, 3000, 6000)]
    hard, soft = (spliced(strips, [join], 5000) for join in (Join(), Join(400, shape)))  # type: ignore[arg-type]
    different = np.flatnonzero(np.abs(hard.wave - soft.wave) > 1e-6)
    assert 1800 <= different.min() < 1900
    assert 2100 < different.max() < 2200
    assert soft.cuts == [(1800, 2200)]


def test_a_linear_crossfade_of_a_recording_with_itself_is_the_recording(ramp: np.ndarray) -> None:
    found = spliced([Strip(ramp, 100, 2000), Strip(ramp, 2000, 5000)], [Join(300, "linear")], 4000)
    np.testing.assert_allclose(found.wave, ramp[100:4100], atol=1e-6)


def test_joins_of_silence_are_no_cuts_and_joins_of_music_and_silence_are_unsure(ramp: np.ndarray) -> None:
    silence = np.zeros(9000, np.float32)
    strips = [Strip(silence, 0, 2000), Strip(silence, 4000, 6000), Strip(ramp, 2000, 4000)]
    found = spliced(strips, [Join(), Join()], 6000)
    assert (found.cuts, found.unsure) == ([], [(4000, 4000)])


def test_whole_numbers_and_places_outside_a_recording_are_read() -> None:
    recording = np.full(100, 32767, np.int16)
    wave = Strip(recording, -10, 120).wave()
    np.testing.assert_array_equal(wave, np.pad(np.ones(100, np.float32), (10, 20)))


def test_a_window_turned_twice_is_itself(ramp: np.ndarray) -> None:
    once = spliced([Strip(ramp, 0, 2000), Strip(ramp, 5000, 7000, backwards=True)], [Join(200)], 3000)
    twice = once.reversed().reversed()
    np.testing.assert_array_equal(once.wave, twice.wave)
    assert (once.cuts, once.backwards) == (twice.cuts, twice.backwards)
    assert once.reversed().backwards == [(1000, 3000)]
    assert once.reversed().cuts == [(900, 1100)]


def test_marks_name_the_place_of_a_cut_and_leave_out_its_neighbours() -> None:
    edited = Edited(np.ones(1000, np.float32), [Stretch(250, 250)], [Stretch(800, 810)], [Stretch(500, 1000)])
    there, counts = cut_marks(edited, 100)
    assert np.flatnonzero(there).tolist() == [25]
    assert np.flatnonzero(counts == 0).tolist() == [24, 26, 79, 80, 81, 82]
    backwards, clear = backwards_marks(edited, 4)
    assert backwards.tolist() == [0, 0, 1, 1]
    assert clear.tolist() == [1, 1, 1, 1]
    assert backwards_marks(edited, 3)[1].tolist() == [1, 0, 1]


def test_peaks_and_what_they_find() -> None:
    curve = np.zeros(60, np.float32)
    curve[[20, 22, 45]] = [3.0, 2.0, 1.0]
    curves = np.stack([np.zeros(60, np.float32), curve])
    found = judged(curves, [[], [21, 35]])
    heights = found.heights(curves)
    highest = np.argsort(-heights)[:2]
    assert heights[highest].tolist() == [3.0, 1.0]  # 22 is too near to 20
    assert found.windows[highest].tolist() == [1, 1]
    assert found.places[highest].tolist() == [20, 45]
    assert found.true[highest].tolist() == [True, False]
    assert found.found[0] == 3.0
    assert found.found[1] <= 0.0
    assert threshold(np.array([5.0, 1.0, 3.0], np.float32), 1) == 3.0


def test_calibration_undoes_scale_and_offset() -> None:
    generator = np.random.default_rng(0)
    logits, others = generator.normal(-1, 3, (2, 20000)).astype(np.float32)
    true = generator.random(20000) < 1 / (1 + np.exp(-(0.5 * logits + 1)))
    assert calibration(logits[:, None], true) == pytest.approx([0.5, 1.0], abs=0.1)
    assert calibration(np.stack([logits, others], 1), true) == pytest.approx([0.5, 0.0, 1.0], abs=0.1)
    assert calibration(logits[:, None], np.zeros(20000)) == [1.0, 0.0]
    right, wrong = 1 / (1 + np.exp(-(0.5 * logits + 1))), 1 / (1 + np.exp(-logits))
    assert calibration_error(right, true) < 0.02
    assert calibration_error(wrong, true) > 0.1


@pytest.fixture(scope="module")
def splicer() -> Splicer:
    time = np.arange(30 * RATE) / RATE
    tones = [np.sin(2 * np.pi * pitch * time) * np.exp(-5 * (time % 0.5)) for pitch in (300, 500)]
    return Splicer([np.round(20000 * tone).astype(np.int16) for tone in tones], 3 * RATE, RATE)


def test_edits_of_all_kinds_are_made_and_known(splicer: Splicer) -> None:
    generator = np.random.default_rng(1)
    made = [splicer.edited(generator) for _ in range(60)]
    assert all(edited.wave.shape == (3 * RATE,) and np.isfinite(edited.wave).all() for edited in made)
    assert sum(bool(edited.cuts or edited.unsure) for edited in made) > 50  # a beat or pause may lie outside
    assert any(edited.backwards for edited in made)
    places = [stretch.start for edited in made for stretch in edited.cuts]
    assert min(places) < 0.5 * RATE  # anywhere in the window
    assert max(places) > 2.5 * RATE
    more = [splicer.edited(generator, 10) for _ in range(60)]
    assert sum(len(edited.cuts) for edited in more) > 1.3 * len(places)
    assert sum(KINDS.values()) == pytest.approx(1)
    assert sum(STYLES.values()) == pytest.approx(1)


def test_windows_without_edits_have_none(splicer: Splicer) -> None:
    generator = np.random.default_rng(2)
    for edited in (splicer.clean(generator), splicer.ended(generator), splicer.around(1, 9 * RATE, generator)):
        assert (edited.cuts, edited.unsure, edited.backwards) == ([], [], [])
        assert len(edited.wave) == 3 * RATE


def test_a_window_around_a_place_holds_it(splicer: Splicer) -> None:
    splicer.recordings[0][10 * RATE] = 32767
    for seed in range(5):
        assert splicer.around(0, 10 * RATE, np.random.default_rng(seed)).wave.max() == 1.0


def test_levels_are_matched_over_a_join() -> None:
    loud, quiet = np.full(4000, 0.8, np.float32), np.full(4000, 0.4, np.float32)
    first, second = matched([Strip(loud, 0, 2000), Strip(quiet, 0, 2000)])
    assert level(first.end()) == pytest.approx(level(second.beginning()))


def test_transposed_music_is_as_long_and_higher() -> None:
    tone = np.sin(2 * np.pi * 100 * np.arange(3 * RATE) / RATE).astype(np.float32)
    strip = transposed(Strip(tone, 0, RATE), 1.5)
    assert len(strip.wave()) == RATE
    assert np.abs(np.fft.rfft(strip.wave())).argmax() == 150


def test_wear_keeps_length_and_answers() -> None:
    generator = np.random.default_rng(3)
    wave = generator.normal(0, 0.1, RATE).astype(np.float32)
    assert len(crackled(wave, generator)) == RATE
    for seed in range(4):
        again = coded(wave, RATE, np.random.default_rng(seed))
        assert len(again) == RATE
        assert np.corrcoef(wave[2000:-2000], again[2000:-2000])[0, 1] > 0.3  # not shifted
    answers = [mixed(Edited(wave), wave[::-1].copy(), np.random.default_rng(seed)) for seed in range(20)]
    whole = [edited for edited in answers if edited.backwards]
    assert 0 < len(whole) < len(answers)
    assert any(edited.mixed for edited in whole)
    assert any(not edited.mixed for edited in whole)
    assert len(levels_of(wave)) == (RATE - 1) // 256
