from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from musicfeat import AudioError, Extractor, Features, InputError, ModelError, MusicfeatError
from musicfeat.extractor import AHEAD_WINDOWS
from musicfeat.sound.audio import blocks
from musicfeat.sound.windows import cut


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_shapes_and_ranges(extractor: Extractor, clip: np.ndarray, rate: int) -> None:
    features = extractor(clip, sr=rate)
    assert len(features) == 3
    assert features.embeddings.shape == (3, features.embedding.shape[0])
    assert features.embeddings.dtype == np.float32
    assert features.embedding.shape[0] <= 512
    np.testing.assert_allclose(features.times, [5, 15, 22], atol=1e-3)
    np.testing.assert_allclose(features.weights, np.array([10, 10, 4]) / 24, atol=1e-4)
    np.testing.assert_allclose(features.embedding, features.weights @ features.embeddings, atol=1e-5)
    for curve in (features.reversal, features.jigsaw):
        assert curve.shape == (3,)
        assert ((curve >= 0) & (curve <= 1)).all()
    assert features.jigsaw[-1] == 0.5  # padded: pieces are missing
    assert tuple(features.tags) == extractor.card.labels
    assert all(0 <= p <= 1 for p in features.tags.values())
    assert features.tag_curve.shape == (3, len(features.labels))
    assert not features.silent.any()
    assert "3 windows" in repr(features)


def test_it_knows_the_direction_of_time(extractor: Extractor, clip: np.ndarray, rate: int) -> None:
    assert extractor.reversed(clip, sr=rate) < 0.2
    assert extractor.reversed(clip[::-1], sr=rate) > 0.8
    assert (extractor(clip, sr=rate).reversal < 0.5).all()


def test_it_knows_a_shuffled_window(extractor: Extractor, clip: np.ndarray, rate: int) -> None:
    window = clip[: 10 * rate]
    first, second, third = np.array_split(window, 3)
    assert extractor(window, sr=rate).jigsaw[0] < 0.5
    assert extractor(np.concatenate([second, first, third]), sr=rate).jigsaw[0] > 0.5


@pytest.mark.parametrize("gap", [0.0, 0.232])
def test_it_orders_pieces(extractor: Extractor, clip: np.ndarray, rate: int, gap: float) -> None:
    edge = round(gap * rate / 2)
    pieces = [piece[edge : len(piece) - edge] for piece in np.array_split(clip[: 10 * rate], 3)]
    found = extractor.order([pieces[2], pieces[0], pieces[1]], sr=rate, gap=gap)
    assert found.permutation == (1, 2, 0)
    assert found.shuffled > 0.5
    assert 0 < found.probability <= 1
    assert [len(p) for p in found.apply(pieces)] == [len(pieces[i]) for i in found.permutation]
    straight = extractor.order(pieces, sr=rate, gap=gap)
    assert straight.permutation == (0, 1, 2)
    assert straight.shuffled < 0.5


def test_orders_of_other_sizes(extractor: Extractor, clip: np.ndarray, rate: int) -> None:
    assert extractor.order(np.array_split(clip[: 7 * rate], 2), sr=rate).scores.shape == (2, 2)
    five = np.array_split(clip[: int(50 / 3 * rate)], 5)
    shuffled = [five[i] for i in (3, 0, 4, 1, 2)]
    assert extractor.order(shuffled, sr=rate).permutation == (1, 3, 4, 0, 2)
    uneven = [clip[: 4 * rate], clip[4 * rate : 9 * rate], clip[9 * rate : 15 * rate]]
    assert sorted(extractor.order(uneven, sr=rate, gap=None).permutation) == [0, 1, 2]


def test_order_refuses_what_it_cannot_compare(extractor: Extractor, clip: np.ndarray, rate: int) -> None:
    stereo = np.stack([clip, clip])
    for pieces, words in (([clip], "at least 2"), (clip, "list"), (stereo, "list"), ("song.mp3", "list"), (5, "list")):
        with pytest.raises(InputError, match=words):
            extractor.order(pieces, sr=rate)
    with pytest.raises(InputError, match="piece 1 lasts"):
        extractor.order([clip, clip[:1000]], sr=rate)
    with pytest.raises(InputError, match="gap"):
        extractor.order([clip, clip], sr=rate, gap=2.0)


def test_same_audio_same_result(extractor: Extractor, clip: np.ndarray, rate: int, tmp_path: Path) -> None:
    """Whatever the batch, the threads, the cut of the blocks, or how samples are stored."""
    reference = extractor(clip, sr=rate)
    pcm = np.round(clip * 32767).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", pcm, rate)
    same = {
        "threads": (Extractor(threads=2)(clip, sr=rate), reference),
        "float32": (extractor((pcm / 32768).astype(np.float32), sr=rate), extractor(pcm, sr=rate)),
        "float64": (extractor(clip.astype(np.float64), sr=rate), reference),
        "stereo": (extractor(np.stack([clip, clip]), sr=rate), reference),
        "file": (extractor(tmp_path / "a.wav"), extractor(pcm, sr=rate)),
    }
    for name, (found, expected) in same.items():
        np.testing.assert_allclose(found.embeddings, expected.embeddings, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(found.reversal, expected.reversal, atol=1e-5, err_msg=name)
    windows = np.stack([window.samples for window in cut(blocks(clip, rate, rate=22050), 220500, 220500)])
    for row, window in enumerate(windows):
        alone = extractor.session.run(window[None], ("embedding",))["embedding"]
        np.testing.assert_allclose(alone[0], reference.embeddings[row], atol=1e-5)
    for size in (997, 44100, len(clip)):
        rows = list(extractor.stream((clip[i : i + size] for i in range(0, len(clip), size)), sr=rate))
        np.testing.assert_allclose(np.concatenate([row.embeddings for row in rows]), reference.embeddings, atol=1e-5)
        np.testing.assert_allclose([row.times[0] for row in rows], reference.times)
    assert cosine(extractor(pcm, sr=rate).embedding, reference.embedding) > 0.9999


@pytest.mark.parametrize("other", [16000, 22050, 48000])
def test_copies_at_other_rates_are_alike(extractor: Extractor, clip: np.ndarray, rate: int, other: int) -> None:
    copy = soxr.resample(clip, rate, other)
    assert cosine(extractor(copy, sr=other).embedding, extractor(clip, sr=rate).embedding) > 0.99


@pytest.mark.parametrize("gain", [1e-5, 1e-3, 0.1, 30.0, 1e20])
def test_level_does_not_matter(extractor: Extractor, clip: np.ndarray, rate: int, gain: float) -> None:
    np.testing.assert_allclose(
        extractor(gain * clip, sr=rate).embeddings, extractor(clip, sr=rate).embeddings, atol=2e-3
    )


def test_lead_in_silence_does_not_change_the_track(extractor: Extractor, clip: np.ndarray, rate: int) -> None:
    late = np.concatenate([np.zeros(int(1.2 * rate), dtype=np.float32), clip])
    assert cosine(extractor(late, sr=rate).embedding, extractor(clip, sr=rate).embedding) > 0.9


@pytest.mark.parametrize("samples", [1, 100, 22050, 3 * 44100])
def test_short_clips_are_one_row(extractor: Extractor, clip: np.ndarray, rate: int, samples: int) -> None:
    features = extractor(clip[1000 : 1000 + samples], sr=rate)
    assert len(features) == 1
    assert np.isfinite(features.embedding).all()
    assert features.jigsaw[0] == 0.5
    assert (features.reversal[0] == 0.5) == (samples < rate)


@pytest.mark.parametrize("level", [0.0, 0.25, 1e-7])
def test_silence_is_a_documented_result(extractor: Extractor, level: float) -> None:
    features = extractor(np.full(22050 * 12, level), sr=22050)
    assert features.silent.all()
    assert (features.embedding == 0).all()
    assert (features.reversal == 0.5).all()
    assert features.reversed == pytest.approx(0.5)


def test_silence_beside_music_does_not_count(extractor: Extractor, clip: np.ndarray, rate: int) -> None:
    music = clip[: 10 * rate].copy()
    music[-rate // 20 :] = 0  # room for the resampler to ring
    features = extractor(np.concatenate([music, np.zeros(10 * rate, dtype=np.float32)]), sr=rate)
    np.testing.assert_array_equal(features.silent, [False, True])
    np.testing.assert_allclose(features.weights, [1, 0])
    assert features.reversed == pytest.approx(extractor.reversed(music, sr=rate), abs=1e-3)


def test_overlapping_windows(clip: np.ndarray, rate: int) -> None:
    features = Extractor(hop=2.5, threads=1)(clip, sr=rate)
    np.testing.assert_allclose(np.diff(features.starts), 2.5)
    assert features.ends[-1] == pytest.approx(24, abs=1e-3)
    assert features.weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("hop", [0, -1, 11, np.nan, "1", True])
def test_hops_out_of_range_are_refused(hop: object) -> None:
    with pytest.raises(InputError, match="hop"):
        Extractor(hop=hop)  # type: ignore[arg-type]


def test_frames_on_request(clip: np.ndarray, rate: int) -> None:
    extractor = Extractor(outputs=["frames"], threads=1)
    features = extractor(clip, sr=rate)
    assert features.frames is not None
    assert features.frames.shape[0] == 3
    step = extractor.card.frame_hop / extractor.card.sample_rate
    assert features.frames.shape[1] == pytest.approx(extractor.window / step, abs=1)


def test_outputs_that_are_left_out_are_undecided(extractor: Extractor, clip: np.ndarray, rate: int) -> None:
    light, full = Extractor(outputs=["reversal"], threads=1)(clip, sr=rate), extractor(clip, sr=rate)
    np.testing.assert_allclose(light.embeddings, full.embeddings, atol=1e-5)
    np.testing.assert_allclose(light.reversal, full.reversal, atol=1e-5)
    assert (light.jigsaw == 0.5).all()
    with pytest.raises(ModelError, match="no successor"):
        Extractor(outputs=["reversal"]).order([clip, clip], sr=rate)
    with pytest.raises(ModelError, match="no reversal"):
        Extractor(outputs=[]).reversed(clip, sr=rate)
    for wrong in (["rhythm"], "reversal"):
        with pytest.raises(InputError, match="outputs"):
            Extractor(outputs=wrong)


def test_map_keeps_order_and_survives_bad_files(
    extractor: Extractor, clip: np.ndarray, rate: int, tmp_path: Path
) -> None:
    good = tmp_path / "good.wav"
    soundfile.write(good, clip, rate)
    (tmp_path / "bad.wav").write_text("no sound")
    paths = [tmp_path / "missing.wav", good, tmp_path / "bad.wav", str(good)]
    results = list(extractor.map(paths))
    assert [isinstance(result, Features) for result in results] == [False, True, False, True]
    assert [result.path for result in results] == [str(path) for path in paths]
    for result in (results[0], results[2]):
        assert isinstance(result, AudioError)
    assert all(isinstance(result, InputError) for result in extractor.map([None, np.zeros(5)]))
    direct = extractor(good)
    np.testing.assert_array_equal(results[1].embeddings, direct.embeddings)


def test_map_is_lazy(extractor: Extractor, clip: np.ndarray, rate: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", clip, rate)
    asked = []

    def endless() -> Iterator[Path]:
        while True:
            asked.append(1)
            yield tmp_path / "a.wav"

    results = extractor.map(endless())
    assert isinstance(next(results), Features)
    assert len(asked) <= AHEAD_WINDOWS
    results.close()


def test_live_sound_may_pause(extractor: Extractor, clip: np.ndarray, rate: int) -> None:
    blocks = [clip[:1000], clip[:0], clip[1000 : 11 * rate]]
    rows = list(extractor.stream(blocks, sr=rate))
    np.testing.assert_allclose(rows[0].embeddings, extractor(clip, sr=rate).embeddings[:1], atol=1e-5)


def test_bad_arguments_are_refused(extractor: Extractor) -> None:
    noise = np.random.default_rng(0).standard_normal(22050 * 2)
    for call in (
        lambda: extractor(noise, sr=10**400),
        lambda: extractor.order([noise, noise], sr=22050, gap="0.2"),
        lambda: extractor.order([noise, noise], sr=22050, gap=True),
        lambda: Extractor(model=5),
        lambda: Extractor(outputs=["loudness"]),
        lambda: next(extractor.map("song.mp3")),
        lambda: next(extractor.map(Path("song.mp3"))),
        lambda: next(extractor.stream(noise, sr=22050)),
        lambda: next(extractor.stream("song.mp3", sr=22050)),
        lambda: extractor(np.zeros(100)),
        lambda: extractor(np.zeros(0), sr=44100),
        lambda: extractor(np.full(100, np.nan), sr=44100),
        lambda: extractor(np.zeros((2, 2, 100)), sr=44100),
        lambda: extractor(None, sr=44100),
        lambda: extractor("missing.wav"),
        lambda: next(extractor.stream([np.zeros(100)])),
    ):
        with pytest.raises(MusicfeatError):
            call()
