from __future__ import annotations

import numpy as np
import pytest

from musicfeat import Extractor, InputError, ModelError
from musicfeat.errors import AudioError
from musicfeat.model.card import ModelCard
from musicfeat.sequence.continuity import STEPS, Continuity, continuity

CARD = ModelCard("m", "1", 100, 1260, 1260, ("embedding", "successor"), pieces=3, piece_distance=40)
PIECE = 420


def first_jump(windows: np.ndarray) -> dict[str, np.ndarray]:
    """A stand-in scorer: -1 where a join's two sides differ, else 1."""
    scores = np.zeros((len(windows), 3, 3), dtype=np.float32)
    for join in (1, 2):
        level = windows[:, join * PIECE + np.array([-1, 1])]
        scores[:, join - 1, join] = np.where(np.ptp(level, axis=1) > 0.5, -1, 1)
    return {"successor": scores}


@pytest.mark.parametrize("batch", [1, 3, 50])
def test_every_time_is_judged_by_all_windows_with_a_join_there(batch: int) -> None:
    sound = np.zeros(6000, dtype=np.float32)
    sound[3000:] = 1.0  # 3000 samples is 100 steps
    found = continuity(np.split(sound, 7 * [0] + [100, 4000]), CARD, first_jump, batch)
    np.testing.assert_allclose(np.diff(found.times), PIECE / STEPS / 100)
    assert found.times[0] == PIECE / 100
    assert found.times[-1] <= 60 - PIECE / 100
    jump = found.times[found.evidence < 0]
    assert jump == pytest.approx([30.0])
    assert set(np.abs(found.evidence)) == {1.0}


def test_sound_shorter_than_a_window_is_an_error() -> None:
    with pytest.raises(AudioError, match="at least a window"):
        continuity([np.zeros(1000, dtype=np.float32)], CARD, first_jump, 4)


def test_edits_are_the_likeliest_places_some_way_apart() -> None:
    times = np.arange(5.0, 25.0, 0.5)
    evidence = np.full(len(times), 4.0)
    evidence[[10, 11, 12, 30]] = [-1.0, -3.0, -2.0, -0.5]
    found = Continuity(times, evidence)
    assert [time for time, _ in found.edits()] == [times[11], times[30]]
    assert found.edits(0.9) == [(times[11], pytest.approx(1 / (1 + np.exp(-3))))]
    assert ((found.probability > 0) & (found.probability < 1)).all()
    assert Continuity(times, np.full(len(times), 900.0)).edits() == []


def test_a_cut_is_found_in_synthesised_music(extractor: Extractor, clip: np.ndarray, rate: int) -> None:
    """The bundled model, on a strict rhythm from which a third of a beat is taken out."""
    edited = np.concatenate([clip[: 11 * rate], clip[round(11.7 * rate) :]])
    found = extractor.continuity(edited, sr=rate)
    assert abs(found.times[np.argmin(found.evidence)] - 11.0) < 0.6
    assert found.evidence.min() < extractor.continuity(clip, sr=rate).evidence.min()


def test_continuity_is_the_same_however_it_is_handed_over(extractor: Extractor, clip: np.ndarray, rate: int) -> None:
    once = extractor.continuity(clip[: 12 * rate], sr=rate)
    stereo = extractor.continuity(np.stack([clip[: 12 * rate]] * 2), sr=rate)
    np.testing.assert_allclose(once.evidence, stereo.evidence, atol=1e-4)


def test_continuity_needs_successor_and_sound(clip: np.ndarray, rate: int) -> None:
    with pytest.raises(ModelError, match="successor"):
        Extractor(outputs=["reversal"], threads=1).continuity(clip, sr=rate)
    with pytest.raises(InputError):
        Extractor(threads=1).continuity(np.zeros(0), sr=rate)
