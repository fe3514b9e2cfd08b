"""Models that resample inside their graph, beside the plain model behind the runtime's resampler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
import soxr

from musicfeat import Extractor, Features, ModelError
from musicfeat.model.card import ModelCard
from musicfeat.model.session import Session, find_model
from musicfeat_export.cli import main
from musicfeat_export.graph import check_graph, with_batch
from musicfeat_export.resampled import resampled, resampled_card

RATE = 48000


@pytest.fixture(scope="module")
def resampling(tmp_path_factory: pytest.TempPathFactory) -> Extractor:
    """The bundled model for 48 kHz."""
    path = tmp_path_factory.mktemp("resampled") / "music-48k.onnx"
    assert main(["music-small", "-o", str(path), "--resample", str(RATE)]) == 0
    return Extractor(path, threads=1)


@pytest.fixture(scope="module")
def wave(clip: np.ndarray, rate: int) -> np.ndarray:
    return soxr.resample(clip[: 23 * rate], rate, RATE, quality="VHQ")


def check_alike(found: Features, expected: Features) -> None:
    np.testing.assert_array_equal(found.starts, expected.starts)
    lengths = np.linalg.norm(found.embeddings, axis=1) * np.linalg.norm(expected.embeddings, axis=1)
    assert (np.sum(found.embeddings * expected.embeddings, axis=1) / lengths).min() > 0.9999
    for name in ("reversal", "jigsaw", "tag_curve"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=5e-3)


def test_features_are_those_of_the_plain_model(resampling: Extractor, extractor: Extractor, wave: np.ndarray) -> None:
    check_alike(resampling(wave, sr=RATE), extractor(wave, sr=RATE))


def test_features_of_real_music(resampling: Extractor, extractor: Extractor, music_folder: Path) -> None:
    for path in sorted(music_folder.rglob("*.opus"))[::60]:
        info = soundfile.info(path)
        sound, rate = soundfile.read(path, frames=min(info.frames, 30 * info.samplerate), dtype="float32")
        check_alike(resampling(sound.T, sr=rate), extractor(sound.T, sr=rate))


def test_pieces_are_ordered_alike(resampling: Extractor, extractor: Extractor, wave: np.ndarray) -> None:
    pieces = [wave[second * RATE : (second + 4) * RATE] for second in (9, 1, 5)]
    found, expected = (ex.order(pieces, sr=RATE, gap=0.1) for ex in (resampling, extractor))
    assert found.permutation == expected.permutation
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-2, rtol=2e-3)


def test_the_file_keeps_the_contract(resampling: Extractor, extractor: Extractor) -> None:
    proto, card = onnx.load(resampling.session.path), resampling.card
    check_graph(proto)
    assert [value.name for value in proto.graph.input] == ["waveform"]
    stage = {node.op_type for node in proto.graph.node if node.name.startswith("resample/")}
    assert stage <= {"Add", "Concat", "Expand", "MatMul", "Pad", "Reshape", "Shape", "Slice", "Squeeze"}
    assert (card.sample_rate, card.window, card.hop, card.frame_hop) == (RATE, 480000, 480000, 8400 * 320 / 147)
    assert card.piece_distance == round(12600 * 320 / 147)
    assert (resampling.window, resampling.hop) == (extractor.window, extractor.hop) == (10.0, 10.0)
    assert card.labels == extractor.card.labels
    assert card.weights_sha256 != extractor.card.weights_sha256
    assert not card.scores


def test_soxr_is_not_needed_at_the_file_s_own_rate(resampling: Extractor, wave: np.ndarray, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "song.flac", wave[: 5 * RATE], RATE)
    code = (
        "import sys; sys.modules['soxr'] = None; from musicfeat import Extractor; "
        f"print(Extractor({str(resampling.session.path)!r})({str(tmp_path / 'song.flac')!r}).reversed)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert float(done.stdout) == pytest.approx(resampling.reversed(tmp_path / "song.flac"), abs=1e-3)


@pytest.mark.parametrize("rate", [16000, 32000, 44100, 88200, 96000])
def test_cards_keep_their_times(rate: int) -> None:
    card = ModelCard("a", "1", 22050, 63001, 31500, ("embedding",), 3, 1000, 8400.0)
    other = resampled_card(card, rate)
    for name in ("window", "hop", "piece_distance", "frame_hop"):
        plain, found = getattr(card, name) / card.sample_rate, getattr(other, name) / rate
        assert found == pytest.approx(plain, abs=1 / rate)
    assert other.window / rate >= card.window / card.sample_rate


def test_a_batch_that_is_fixed_is_explained(tmp_path: Path) -> None:
    onnx.save(with_batch(onnx.load(find_model(None)), 2), tmp_path / "fixed.onnx")
    with pytest.raises(ModelError, match="batches of 2 only"):
        resampled(tmp_path / "fixed.onnx", tmp_path / "a.onnx", 44100)


def test_another_opset_is_explained(tmp_path: Path) -> None:
    proto = onnx.load(find_model(None))
    proto.opset_import[0].version = 19
    onnx.save(proto, tmp_path / "newer.onnx")
    with pytest.raises(ModelError, match="opset 19"):
        resampled(tmp_path / "newer.onnx", tmp_path / "a.onnx", 44100)


def test_rates_that_cannot_be_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for rate in ("22050", "44099"):
        assert main(["music-small", "-o", str(tmp_path / "a.onnx"), "--resample", rate]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert not list(tmp_path.iterdir())


def test_a_resampling_model_in_half_precision(resampling: Extractor, wave: np.ndarray, tmp_path: Path) -> None:
    """The stage belongs to what stays in single precision."""
    path = tmp_path / "half.onnx"
    assert main([str(resampling.session.path), "-o", str(path), "--precision", "fp16"]) == 0
    assert Session(path).card.window == resampling.card.window
    check_alike(Extractor(path)(wave, sr=RATE), resampling(wave, sr=RATE))
