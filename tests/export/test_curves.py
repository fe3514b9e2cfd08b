"""Curves of cuts and of backward music, by a tiny model that never trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from musicfeat import Extractor, ModelError
from musicfeat.catalog import Catalog, embed_catalog
from musicfeat.catalog.check import check
from musicfeat.catalog.schema import LEAST_EDIT
from musicfeat.cli import main
from musicfeat.suspicion import BACKWARDS_PRIOR, CUT_PRIOR, REVERSED_PRIOR

RATE = 22050


@pytest.fixture(scope="module")
def curved(exported: Path) -> Extractor:
    return Extractor(exported, threads=1)


def test_curves_cover_a_recording(curved: Extractor, clip: np.ndarray) -> None:
    features = curved(clip[: 7 * RATE], sr=RATE)
    step, first = curved.card.curves["cut"]
    assert features.cut_times[0] == pytest.approx(first)  # type: ignore[index]
    np.testing.assert_allclose(np.diff(features.cut_times), step)  # type: ignore[arg-type]
    assert 7 - step < features.cut_times[-1] < 7  # type: ignore[index]
    assert features.cut_curve.shape == features.cut_times.shape  # type: ignore[union-attr]
    assert features.reversal_curve.shape == features.reversal_times.shape  # type: ignore[union-attr]
    assert np.diff(features.reversal_times).max() <= 0.4  # type: ignore[arg-type]
    window = clip[None, : curved.card.window]
    values = curved.session.run(window, ("cut", "backwards"))
    np.testing.assert_allclose(features.cut_curve[: values["cut"].shape[1]], values["cut"][0], atol=1e-5)  # type: ignore[index]


def test_curves_begin_where_a_file_with_late_sound_does(curved: Extractor, clip: np.ndarray) -> None:
    whole, later = (
        curved.continuity(clip[: 6 * RATE], sr=RATE),
        curved.continuity(clip[: 6 * RATE], sr=RATE).later(2.0),
    )
    np.testing.assert_allclose(later.times, whole.times + 2.0)


def test_overlapping_windows_make_a_curve_without_gaps(exported: Path, clip: np.ndarray) -> None:
    features = Extractor(exported, threads=1, hop=1.0)(clip[: 8 * RATE], sr=RATE)
    gaps = np.diff(features.cut_times)  # type: ignore[arg-type]
    assert gaps.min() > 0
    assert gaps.max() < 0.1


def test_nothing_is_found_in_digital_silence(curved: Extractor, clip: np.ndarray) -> None:
    sound = np.concatenate([clip[: 2 * RATE], np.zeros(6 * RATE, np.float32), clip[: 2 * RATE]])
    features = curved(sound, sr=RATE)
    times, curve = features.cut_times, features.cut_curve
    assert times is not None
    assert curve is not None
    assert curve[(times > 2.1) & (times < 7.9)].max() == 0
    assert curve[(times < 2.0) | (times > 8.1)].min() > 0
    assert not [edit for edit in features.edits(0.01) if edit.kind == "spliced" and 2.2 < edit.start < 7.8]


def test_streams_deliver_the_curves_of_each_window(curved: Extractor, clip: np.ndarray) -> None:
    parts = list(curved.stream([clip[: 4 * RATE], clip[4 * RATE : 6 * RATE]], sr=RATE))
    whole = curved(clip[: 6 * RATE], sr=RATE)
    np.testing.assert_allclose(np.concatenate([p.cut_times for p in parts]), whole.cut_times)  # type: ignore[misc]
    np.testing.assert_allclose(np.concatenate([p.cut_curve for p in parts]), whole.cut_curve, atol=1e-5)  # type: ignore[misc]


def test_continuity_answers_from_the_curves(curved: Extractor, clip: np.ndarray) -> None:
    found = curved.continuity(clip[: 7 * RATE], sr=RATE)
    assert found.backwards is not None
    assert np.diff(found.times).max() < 0.1
    assert found.times[-1] > 6.9
    assert (found.probability < 1).all()
    middle = curved(clip[: curved.card.window], sr=RATE)
    at = len(middle.cut_times) // 2  # type: ignore[arg-type]
    near = np.abs(found.times - middle.cut_times[at]).argmin()  # type: ignore[index]
    assert 1 - found.probability[near] == pytest.approx(middle.cut_curve[at], abs=0.02)  # type: ignore[index]
    assert len(curved.continuity(clip[:RATE], sr=RATE).times) > 10  # shorter than a window


def test_outputs_left_out_have_no_curve(exported: Path, clip: np.ndarray) -> None:
    extractor = Extractor(exported, threads=1, outputs=["reversal"])
    features = extractor(clip[: 3 * RATE], sr=RATE)
    assert features.cut_curve is features.cut_times is features.reversal_curve is features.reversal_times is None
    assert features.edits(0.0) == []
    with pytest.raises(ModelError, match="successor"):
        extractor.continuity(clip, sr=RATE)


@pytest.mark.parametrize("rows", ["window", "track"])
def test_catalogs_hold_the_edits_so_that_no_file_is_decoded_again(
    exported: Path, curved: Extractor, clip: np.ndarray, tmp_path: Path, rows: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "music").mkdir()
    for number in range(2):
        soundfile.write(tmp_path / "music" / f"{number}.wav", clip[number * RATE :][: 8 * RATE], RATE)
    embed_catalog([tmp_path / "music"], tmp_path / "catalog", model=exported, workers=1, rows=rows)  # type: ignore[arg-type]
    (tmp_path / "music" / "0.wav").unlink()
    catalog = Catalog(tmp_path / "catalog")
    assert catalog.settings.edits
    expected = curved(tmp_path / "music" / "1.wav").edits(LEAST_EDIT)
    table = catalog.table(["path", "start", "edits"]).to_pylist()
    stored = [edit for row in table if row["path"].endswith("1.wav") for edit in row["edits"]]
    assert [(edit["kind"], edit["start"]) for edit in stored] == [
        (edit.kind, pytest.approx(edit.start)) for edit in sorted(expected, key=lambda edit: edit.start)
    ]
    verdicts = list(check(catalog, curved, least=0.0))
    assert [verdict.error for verdict in verdicts] == [None, None]
    found = [finding for finding in verdicts[1].findings if finding.kind == "spliced"]
    spliced = [edit for edit in expected if edit.kind == "spliced"]
    assert len(found) == len(spliced)
    assert max(BACKWARDS_PRIOR, CUT_PRIOR) < REVERSED_PRIOR < 0
    assert all(now.probability < then.probability for now, then in zip(found, spliced, strict=True))
    assert main(["check", str(tmp_path / "catalog")]) == 0
    assert "not searched for" not in capsys.readouterr().out
