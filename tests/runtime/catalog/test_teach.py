"""Teaching a tag: what examples teach, what is told of it, and where the head may be used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("sklearn", reason="the extra musicfeat[teach] is not installed")

from musicfeat import Extractor
from musicfeat.catalog import Catalog, embed_catalog
from musicfeat.catalog.taught import FOLDER, UNFINISHED, fill
from musicfeat.catalog.teach import Teacher, read_examples
from musicfeat.cli import main
from musicfeat.errors import CatalogError, InputError, ModelError
from musicfeat.heads import Head, load_head
from support.made import made_catalog, made_settings, made_track

D = 10


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 tracks; a direction of the embedding tells calm ones from wild ones, and a weaker one a third kind."""
    draw = np.random.default_rng(0)
    tracks = []
    for number in range(240):
        own = draw.standard_normal(D)
        own[0] += 6.0 * (number % 2)
        own[1] += 6.0 * (number % 3 == 0)
        who = {"title": f"Song {number}", "artist": f"Artist {number // 4}"}
        windows = own + 0.5 * draw.standard_normal((3, D))
        windows[2] *= number % 5 > 0  # some end in silence
        tracks.append(made_track(f"/m/{number:03}.ogg", windows, **who))
    tracks.append(made_track("/m/silent.ogg", np.zeros((2, D)), title="Silence"))
    return made_catalog(tmp_path_factory.mktemp("teach") / "c", [tracks[:100], tracks[100:]], made_settings(D)).folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "c"))


def mood(count: int, first: int = 0) -> dict[int, str]:
    return {number: ("calm", "wild")[number % 2] for number in range(first, first + count)}


def test_ten_examples_a_label_teach(made: Path) -> None:
    teacher = Teacher(made)
    head, judged = teacher.teach(mood(20), "mood")
    assert judged.taught
    assert judged.chance == 0.5
    assert "% of tracks that are not among the examples, and by other artists, get the right label" in str(judged)
    rows = teacher._vectors.embedding[:240]
    right = (head(rows).argmax(axis=1) == np.arange(240) % 2)[20:]
    assert right.mean() > 0.85
    assert abs(right.mean() - judged.right) < 0.15  # what is told is what other tracks show
    assert head.examples == {"calm": 10, "wild": 10}
    np.testing.assert_allclose(head(rows).sum(axis=1), 1, atol=1e-6)


def test_labels_that_mean_nothing_are_told(made: Path) -> None:
    draw = np.random.default_rng(5)
    nothing = {number: "ab"[int(draw.integers(2))] for number in range(40)}
    _, judged = Teacher(made).teach(nothing, "nothing")
    assert not judged.taught
    assert "have not taught anything yet: add more" in str(judged)


def test_three_labels_are_told_apart(made: Path) -> None:
    examples = {number: "abc"[number % 2 + (number % 3 == 0) * (2 - number % 2)] for number in range(60)}
    head, judged = Teacher(made).teach(examples, "kind")
    assert head.labels == ("a", "b", "c")
    assert head.matrix.shape == (D, 3)
    assert judged.chance == pytest.approx(1 / 3)
    assert judged.taught


def test_the_least_sure_tracks_come_first(made: Path) -> None:
    teacher = Teacher(made)
    head, _ = teacher.teach(mood(20), "mood")
    order = teacher.unsure(head, list(range(20)))
    margins = np.abs(np.diff(head(teacher._vectors.embedding[order]), axis=1))[:, 0]
    assert (np.diff(margins) >= -1e-6).all()
    assert len(order) == 220
    assert not {*range(20), teacher.tracks.find("Silence")} & set(order.tolist())
    assert set(teacher.mixed([3]).tolist()) == set(range(240)) - {3}


def test_a_column_is_filled_from_stored_embeddings(folder: Path) -> None:
    head, _ = Teacher(folder).teach(mood(20), "mood")
    before = Catalog(folder).table()
    catalog = fill(Catalog(folder), [head])
    table = catalog.table()
    assert table.drop_columns(["mood"]) == before
    rows = table.to_pylist()
    for row in rows[::7]:
        expected = np.zeros(2) if row["silent"] else head([row["embedding"]])[0]
        np.testing.assert_allclose(list(row["mood"].values()), expected, atol=1e-6)
    assert load_head(folder / FOLDER / "mood.json").labels == ("calm", "wild")
    again, _ = Teacher(folder).teach(mood(20, 50), "mood")
    assert fill(catalog, [again]).table(["mood"]) != table.select(["mood"])


def test_what_a_kill_left_is_done_to_its_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head, _ = Teacher(folder).teach(mood(20), "mood")
    monkeypatch.setattr("musicfeat.catalog.rewriting.write_part", _stopping_after(1))
    with pytest.raises(KeyboardInterrupt):
        fill(Catalog(folder), [head])
    monkeypatch.undo()
    held = Catalog(folder).table(["status", "mood"]).column("mood")
    assert 0 < held.null_count < len(held)
    assert (folder / FOLDER / f"{UNFINISHED}mood.json").exists()
    assert main(["fill", str(folder)]) == 0
    assert Catalog(folder).table(["mood"]).column("mood").null_count == 0
    assert not (folder / FOLDER / f"{UNFINISHED}mood.json").exists()


def _stopping_after(count: int) -> object:
    from musicfeat.catalog.parts import write_part

    done: list[object] = []

    def stopping(*arguments: object) -> None:
        if len(done) == count:
            raise KeyboardInterrupt
        done.append(arguments)
        write_part(*arguments)  # type: ignore[arg-type]

    return stopping


def test_heads_that_do_not_fit_are_refused(folder: Path, tmp_path: Path) -> None:
    head, _ = Teacher(folder).teach(mood(20), "mood")
    fill(Catalog(folder), [head])
    other = Head("mood", ("x", "y"), head.matrix, head.bias, "made", "1", "abc")
    with pytest.raises(CatalogError, match=r"has a head mood with the labels calm, wild: teach this one, with x, y"):
        fill(Catalog(folder), [other])
    taken = Head("title", ("x", "y"), head.matrix, head.bias, "made", "1", "abc")
    with pytest.raises(CatalogError, match="have a column title already"):
        fill(Catalog(folder), [taken])
    foreign = Head("tone", ("x", "y"), head.matrix, head.bias, "made", "2", "def")
    with pytest.raises(ModelError, match=r"taught with made 2 \(def\), not with made 1 \(abc\).*: teach it again"):
        fill(Catalog(folder), [foreign])
    with pytest.raises(InputError, match="small letters, digits and _"):
        Head("My Tag", ("x", "y"), head.matrix, head.bias, "made", "1", "abc")
    (tmp_path / "broken.json").write_text('{"format": 1, "name": "a"}')
    (tmp_path / "newer.json").write_text('{"format": 99}')
    for file, message in (("broken", "is no head"), ("newer", "has format 99"), ("none", "is no head")):
        with pytest.raises(ModelError, match=message):
            load_head(tmp_path / f"{file}.json")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("track,label\nSong 1,wild\nSong 2,\n", "line 3: Song 2 has no label"),
        ("track,label\nNobody,wild\n", "line 2: .* has no track 'Nobody'"),
        ("track,label\nSong 1,wild\n/m/001.ogg,calm\n", "line 3: /m/001.ogg is calm here and wild before"),
        ("one,two\nSong 1,wild\n", "needs a first line with the columns track and label"),
        ("track,label\n", "holds no example"),
        ("track,label\nSong 1,wild\nSong 3,wild\n", "at least two different labels"),
        ("track,label\nSong 1,wild\nSong 3,wild\nSong 2,calm\n", r"needs 2 examples .*'calm \(1\)'"),
        ("track,label\nSong 1,wild\nSong 3,wild\nSong 2,calm\nSilence,calm\n", "silent.ogg is silent"),
    ],
)
def test_bad_examples_are_one_line(
    made: Path, tmp_path: Path, lines: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "examples.csv").write_text(lines)
    assert main(["teach", str(made), str(tmp_path / "examples.csv"), "-o", str(tmp_path / "mood.json")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert __import__("re").search(message, line), line
    assert not (tmp_path / "mood.json").exists()


def test_the_commands_teach_and_fill(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples, head = tmp_path / "examples.csv", tmp_path / "mood.json"
    examples.write_text("Path,Tag\n" + "".join(f"Song {n},{label}\n" for n, label in mood(24).items()))
    assert main(["teach", str(folder), str(examples), "-o", str(head), "--unsure", "2", "--fill"]) == 0
    printed = capsys.readouterr().out
    assert "24 examples (calm 12, wild 12)" in printed
    assert printed.count("unsure: /m/") == 2
    assert "column mood filled" in printed
    assert json.loads(head.read_text())["examples"] == {"calm": 12, "wild": 12}
    assert read_examples(examples, Teacher(folder).tracks) == mood(24)


def test_the_extractor_and_embed_use_heads(tmp_path: Path, clip: np.ndarray, rate: int) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for number in range(6):
        sound = (
            clip[number * rate : (number + 6) * rate]
            if number % 2
            else np.random.default_rng(number).normal(0, 0.1, rate * 6)
        )
        soundfile.write(music / f"{number}.flac", sound, rate)
    folder = tmp_path / "c"
    embed_catalog([music / f"{number}.flac" for number in range(5)], folder, workers=1)
    teacher = Teacher(folder)
    examples = {teacher.tracks.find(music / f"{n}.flac"): ("noise", "music")[n % 2] for n in range(4)}
    head, _ = teacher.teach(examples, "sort")
    head.save(tmp_path / "sort.json")
    found = Extractor(threads=1, heads=[tmp_path / "sort.json"])(str(music / "4.flac"))
    assert found.heads["sort"]["noise"] > 0.5 > found.heads["sort"]["music"]
    assert found.head_curves["sort"].shape == (1, 2)
    embed_catalog([music], folder, workers=1, heads=[tmp_path / "sort.json"])
    embed_catalog(
        [shutil.copy(music / "5.flac", tmp_path / "6.flac")], folder, workers=1
    )  # the catalog knows its heads
    rows = {Path(row["path"]).stem: row["sort"] for row in Catalog(folder).table(["path", "sort"]).to_pylist()}
    assert len(rows) == 7
    assert rows["4"]["noise"] == pytest.approx(found.heads["sort"]["noise"], abs=1e-4)
    assert rows["6"] == rows["5"]
    with pytest.raises(InputError, match="need names of their own"):
        Extractor(threads=1, heads=[head, head])
    with pytest.raises(InputError, match="heads and shares"):
        embed_catalog([music], folder, shard=(0, 2), heads=[head])
