from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from musicfeat import Extractor
from musicfeat.catalog import Catalog, CatalogError
from musicfeat.catalog.check import Finding, Track, check, reversals
from musicfeat.catalog.schema import to_batch
from musicfeat.catalog.settings import Rows, settings_of
from musicfeat.catalog.workers.file_embedder import FileEmbedder
from musicfeat.catalog.workers.options import ModelOptions
from musicfeat.cli import main
from musicfeat.extractor import Audio
from musicfeat.sequence.continuity import Continuity

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def embedder() -> FileEmbedder:
    """Writes no curves, so that cuts are looked for in the files."""
    return FileEmbedder(ModelOptions(outputs=("embedding", "reversal", "jigsaw", "tags")))


@pytest.fixture(scope="module")
def waves(clip: np.ndarray, rate: int) -> dict[str, np.ndarray]:
    """Tracks of 48 s, by names of which two differ by their folder only."""
    song = np.tile(clip, 2)
    middle = [song[: 15 * rate], song[15 * rate : 35 * rate][::-1], song[35 * rate :]]
    return {"a/song.flac": song, "b/song.flac": song[::-1], "part.flac": np.concatenate(middle)}


@pytest.fixture
def make(tmp_path: Path, embedder: FileEmbedder, rate: int) -> Make:
    """Writes tracks and a catalog of them; ``split`` are the slices of the rows that each part holds."""

    def made(waves: dict[str, np.ndarray], rows: Rows = "window", split: list[list[slice]] | None = None) -> Path:
        folder = tmp_path / "catalog"
        folder.mkdir()
        settings = settings_of(*embedder.describe(), rows, "float32")
        (folder / "catalog.json").write_text(settings.to_json())
        for name, wave in waves.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            soundfile.write(tmp_path / name, wave, rate)
        results = embedder([str(tmp_path / name) for name in waves])
        table = pa.Table.from_batches([to_batch(result, settings) for result in results])
        for number, slices in enumerate(split or [[slice(None)]]):
            part = pa.concat_tables([table.slice(*_bounds(piece, len(table))) for piece in slices])
            pq.write_table(part, folder / f"part-0-{number:06d}.parquet", row_group_size=2)
        return folder

    return made


def _bounds(piece: slice, size: int) -> tuple[int, int]:
    start, stop, _ = piece.indices(size)
    return start, stop - start


def found(folder: Path) -> dict[str, tuple[Finding, ...]]:
    verdicts = list(check(Catalog(folder)))
    assert all(verdict.error is None for verdict in verdicts)
    found = {Path(verdict.path).relative_to(folder.parent).as_posix(): verdict.findings for verdict in verdicts}
    assert len(found) == len(verdicts)
    return found


def test_backward_tracks_and_stretches_are_found_with_their_times(make: Make, waves: dict[str, np.ndarray]) -> None:
    verdicts = found(make(waves))
    assert verdicts["a/song.flac"] == ()
    (whole,) = verdicts["b/song.flac"]
    assert (whole.kind, whole.start, whole.end) == ("reversed", 0.0, pytest.approx(48.0, abs=1e-3))
    assert whole.probability > 0.9
    (part,) = verdicts["part.flac"]
    assert part.start == pytest.approx(15, abs=6)
    assert part.end == pytest.approx(35, abs=6)


def test_pooled_rows_tell_whole_tracks(make: Make, waves: dict[str, np.ndarray]) -> None:
    verdicts = found(make(waves, "track"))
    assert [len(verdicts[name]) for name in ("a/song.flac", "b/song.flac")] == [0, 1]
    assert verdicts["b/song.flac"][0].end == pytest.approx(48.0, abs=1e-3)


def test_rows_of_a_file_may_lie_apart_and_in_any_order(make: Make, waves: dict[str, np.ndarray]) -> None:
    split = [[slice(7, 12), slice(0, 3)], [slice(5, 7), slice(12, 15), slice(3, 5)]]  # five rows each
    verdicts = found(make(waves, split=split))
    assert [len(verdicts[name]) for name in waves] == [0, 1, 1]
    assert verdicts["b/song.flac"][0].end == pytest.approx(48.0, abs=1e-3)
    assert verdicts["part.flac"][0].start == pytest.approx(15, abs=6)


def test_rows_that_are_missing_do_no_harm(make: Make, waves: dict[str, np.ndarray]) -> None:
    verdicts = found(make(waves, split=[[slice(0, 8), slice(9, 15)]]))
    assert [len(verdicts[name]) for name in waves] == [0, 1, 1]


def test_silence_and_brief_sound_are_not_suspicious(make: Make, rate: int) -> None:
    folder = make({"silent.flac": np.zeros(25 * rate), "brief.flac": np.full(rate // 2, 0.1)})
    assert set(found(folder).values()) == {()}


def track(reversal: list[float], hop: float = 10.0, *edits: Finding) -> Track:
    starts = hop * np.arange(len(reversal))
    rows = np.stack([np.arange(len(reversal)), starts, starts + 10, reversal], axis=1)
    return Track("t", float(starts[-1] + 10), rows, edits)


def test_one_doubtful_window_is_not_enough() -> None:
    forwards = [0.02] * 10
    assert reversals(track([*forwards, 0.8, *forwards]), 10, 0.5) == []
    (sure,) = reversals(track([*forwards, 0.99, *forwards]), 10, 0.5)
    assert (sure.start, sure.end) == (100, 110)
    (longer,) = reversals(track([*forwards, 0.99, 0.99, 0.45, 0.99, *forwards]), 10, 0.5)
    assert (longer.start, longer.end) == (100, 140)
    assert longer.probability > sure.probability


def test_many_windows_that_hardly_lean_prove_nothing() -> None:
    assert reversals(track([0.6] * 500), 10, 0.5) == []


def test_two_stretches_are_two_findings() -> None:
    both = reversals(track([0.01, 0.99, 0.01, 0.01, 0.99, 0.99, 0.01]), 10, 0.5)
    assert [(finding.start, finding.end) for finding in both] == [(10, 20), (40, 60)]


def test_a_stretch_begins_and_ends_where_the_curves_heard_it() -> None:
    windows = [0.01, 0.01, 0.99, 0.99, 0.01, 0.01]
    heard = Finding("reversed", 17.2, 41.3, 0.9), Finding("spliced", 21.0, 21.0, 0.9)
    (stretch,) = reversals(track(windows, 10, *heard), 10, 0.5)
    assert (stretch.start, stretch.end) == (17.2, 41.3)
    (other,) = reversals(track(windows, 10, Finding("reversed", 4.0, 39.0, 0.9)), 10, 0.5)
    assert (other.start, other.end) == (20, 39.0)  # 4 s would be more than half a window away


def test_windows_that_overlap_speak_for_their_middle() -> None:
    (stretch,) = reversals(track([0.01] * 8 + [0.99] * 8 + [0.01] * 8, hop=2.5), 10, 0.5)
    assert (stretch.start, stretch.end) == (20 + 3.75, 20 + 3.75 + 20)


class Spliced(Extractor):
    """Hears cuts at 9 s and 20 s in every file that can be read, with 8 and 5 nats, as a model without curves does."""

    def __init__(self) -> None:
        super().__init__(threads=1, outputs=["reversal", "successor"])

    def continuity(self, audio: Audio, sr: float | None = None) -> Continuity:
        self(audio, sr)
        times = np.arange(4.0, 30.0, 0.5)
        evidence = np.where(times == 9, -8.0, np.where(times == 20, -5.0, 2.0))
        return Continuity(times, evidence)


def test_cuts_are_weighed_with_how_rare_they_are(make: Make, waves: dict[str, np.ndarray], rate: int) -> None:
    song = waves["a/song.flac"]
    folder = make({"song.flac": song, "brief.flac": song[: 9 * rate]})
    song_verdict, brief = check(Catalog(folder), Spliced())
    (cut,) = song_verdict.findings
    assert (cut.kind, cut.start, cut.end, cut.probability) == ("spliced", 9, 9, pytest.approx(1 / (1 + np.exp(-1.5))))
    assert brief.findings == ()
    both = next(check(Catalog(folder), Spliced(), least=0.1)).findings
    assert [finding.start for finding in both] == [9, 20]


def test_a_cut_is_found_in_the_file(make: Make, extractor: Extractor, clip: np.ndarray, rate: int) -> None:
    """The bundled model, on a strict rhythm from which a third of a beat is taken out."""
    folder = make({"cut.flac": np.concatenate([clip[: 11 * rate], clip[round(11.7 * rate) :]])})
    (verdict,) = check(Catalog(folder), extractor, least=0.01)
    places = [finding for finding in verdict.findings if finding.kind == "spliced"]
    assert abs(max(places, key=lambda finding: finding.probability).start - 11) < 0.6


def test_a_catalog_without_reversal_is_refused(make: Make, waves: dict[str, np.ndarray]) -> None:
    catalog = Catalog(make({"song.flac": waves["a/song.flac"]}))
    catalog.settings = replace(catalog.settings, outputs=("embedding",))
    with pytest.raises(CatalogError, match="no reversal"):
        next(check(catalog))


@pytest.fixture
def folder(make: Make, waves: dict[str, np.ndarray]) -> Path:
    return make({**waves, "c/song.flac": waves["b/song.flac"]})


def test_the_command_prints_the_surest_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(folder)]) == 0
    *rows, summary = capsys.readouterr().out.splitlines()[1:]
    values = [float(row.split()[0]) for row in rows]
    assert values == sorted(values, reverse=True)
    assert len(rows) == 3
    assert "0:00.0 - 0:48.0" in rows[0]
    assert summary.startswith("4 tracks, 3 suspicious")
    assert "--edits" in summary


def test_the_command_can_fail_on_findings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(folder), "--fail"]) == 3
    capsys.readouterr()
    assert main(["check", str(folder), "--fail", "--least", "1"]) == 0
    assert capsys.readouterr().out.startswith("4 tracks, 0 suspicious")


def test_the_command_as_json_with_a_file_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder.parent / "part.flac").unlink()
    monkeypatch.setattr("musicfeat.cli.check.extractor", lambda _: Spliced())
    assert main(["check", str(folder), "--edits", "--json", "--fail"]) == 1
    out, err = capsys.readouterr()
    values = json.loads(out)
    assert values["tracks"] == 4
    assert {Path(finding["path"]).parent.name for finding in values["findings"]} >= {"b", "c", folder.parent.name}
    (failure,) = values["failures"]
    assert failure["path"].endswith("part.flac")
    assert len(err.splitlines()) == 1
    assert "does not exist" in err


@pytest.fixture
def labels(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("musicfeat.cli.check.extractor", lambda _: Spliced())
    assert main(["check", str(folder), "--edits", "--labels", str(tmp_path / "labels")]) == 0
    return tmp_path / "labels"


def test_label_tracks_have_names_of_their_own(labels: Path) -> None:
    assert sorted(path.name for path in labels.iterdir()) == [
        "part.txt", "song (2).txt", "song (3).txt", "song.txt",
    ]  # fmt: skip
    assert [line.split("\t") for line in (labels / "song.txt").read_text().splitlines()] == [
        ["9.000000", "9.000000", "spliced 0.82"]
    ]
    lines = [line.split("\t") for line in (labels / "song (2).txt").read_text().splitlines()]
    assert [line[2].split()[0] for line in lines] == ["reversed", "spliced"]
    assert all(float(start) <= float(end) for start, end, _ in lines)
    assert not any("," in path.read_text() for path in labels.iterdir())


def test_label_tracks_replace_nothing(labels: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["check", str(folder), "--labels", str(labels)]) == 1
    assert "new or empty folder" in capsys.readouterr().err


def test_the_command_refuses_what_is_no_catalog(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path)]) == 1
    assert "is not a catalog" in capsys.readouterr().err


def test_a_probability_is_a_share(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for value in ("1.5", "nan", "high"):
        with pytest.raises(SystemExit):
            main(["check", str(tmp_path), "--least", value])
        assert "from 0 to 1" in capsys.readouterr().err
