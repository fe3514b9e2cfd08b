"""Catalogs hold what the extractor finds, and a second run adds only what is missing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest
import soundfile

from musicfeat import Extractor, InputError
from musicfeat.catalog import Catalog, CatalogError, Summary, embed_catalog
from musicfeat.catalog import parts as parts_module
from musicfeat.catalog.listing import find
from musicfeat.catalog.progress import Progress
from musicfeat.catalog.reader import vectors
from musicfeat.catalog.workers import open_pool
from musicfeat.cli import main
from musicfeat.features import Features, pool_probability

PROGRAM = (sys.executable, "-m", "musicfeat.cli")


@pytest.fixture(scope="module")
def pools() -> Iterator[Callable[..., Any]]:
    """Pools that stay open from test to test: to start processes and open a model takes a second."""
    with ExitStack() as held:
        started: dict[tuple[object, ...], Any] = {}

        def opened(*arguments: object) -> Any:
            if arguments not in started:
                started[arguments] = held.enter_context(open_pool(*arguments))  # type: ignore[arg-type]
            return started[arguments]

        yield opened


@pytest.fixture
def embed(pools: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Summary]:
    monkeypatch.setattr("musicfeat.catalog.run.open_pool", lambda *arguments: Lasting(pools(*arguments[:-1], 99)))
    return partial(embed_catalog, workers=2)


class Lasting:
    """A pool that does not end with the run."""

    def __init__(self, pool: Any) -> None:
        self.describe, self.map = pool.describe, pool.map

    def __enter__(self) -> Lasting:
        return self

    def __exit__(self, *error: object) -> None:
        pass


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
    folder = tmp_path_factory.mktemp("library")
    soundfile.write(folder / "long.flac", clip, rate)
    soundfile.write(folder / "stereo.wav", np.stack([clip, -0.3 * clip], axis=1)[: 12 * rate], rate)
    soundfile.write(folder / "short.ogg", clip[: rate // 2], rate)
    (folder / "inner").mkdir()
    soundfile.write(folder / "inner" / "silent.wav", np.zeros(11 * 8000), 8000)
    return folder


@pytest.fixture
def songs(library: Path, tmp_path: Path) -> Path:
    """The library, to be changed."""
    return Path(shutil.copytree(library, tmp_path / "songs"))


def rows(folder: Path, where: object = None) -> list[dict[str, Any]]:
    return Catalog(folder).table(where=where).to_pylist()


def files(folder: Path) -> list[str]:
    """The name of each row's file."""
    return [Path(row["path"]).name for row in rows(folder)]


def parts(folder: Path) -> dict[str, bytes]:
    return {part.name: part.read_bytes() for part in folder.glob("part-*.parquet")}


def write_noise(path: Path, seconds: float = 1) -> None:
    sound = np.random.default_rng(path.name.encode()[0]).uniform(-0.5, 0.5, int(8000 * seconds))
    soundfile.write(path, sound, 8000)


def assert_rows_of(found: pa.Table, path: Path, features: Features, extractor: Extractor) -> None:
    columns = found.to_pydict()
    state, count = path.stat(), len(features)
    expected = {
        "path": str(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "size": state.st_size,
        "sample_rate": soundfile.info(path).samplerate,
        "model_sha256": extractor.card.weights_sha256,
        "status": "ok",
        "error": None,
    }
    for name, value in expected.items():
        assert columns[name] == [value] * count, name
    assert found.column("mtime").cast("int64").to_pylist() == [state.st_mtime_ns // 1000] * count
    assert columns["duration"] == pytest.approx([soundfile.info(path).duration] * count, abs=1e-3)
    assert columns["window"] == list(range(count))
    centres = (np.array(columns["start"]) + np.array(columns["end"])) / 2
    np.testing.assert_allclose(centres, features.times, atol=1e-9)
    np.testing.assert_allclose(vectors(found), features.embeddings, atol=1e-5)
    np.testing.assert_array_equal(columns["silent"], features.silent)
    for name in ("weight", "reversal", "jigsaw"):
        own = features.weights if name == "weight" else getattr(features, name)
        np.testing.assert_allclose(columns[name], own, atol=1e-5)
    tags = [[row[label] for label in features.labels] for row in columns["tags"]]
    np.testing.assert_allclose(tags, features.tag_curve, atol=1e-5)


def test_rows_are_what_the_extractor_finds(
    embed: Callable[..., Summary], library: Path, tmp_path: Path, extractor: Extractor
) -> None:
    summary = embed([library], tmp_path / "out")
    table = Catalog(tmp_path / "out").table()
    paths = sorted(library.rglob("*.*"))
    for path in paths:
        own = table.filter(pc.equal(table.column("path"), str(path)))
        assert_rows_of(own, path, extractor(path), extractor)
    assert len(table) == len(Catalog(tmp_path / "out")) == summary.rows == sum(len(extractor(path)) for path in paths)


def test_a_row_for_each_track(
    embed: Callable[..., Summary], library: Path, tmp_path: Path, extractor: Extractor
) -> None:
    embed([library], tmp_path / "out", rows="track")
    table = Catalog(tmp_path / "out").table()
    assert len(table) == 4
    for row, vector in zip(table.to_pylist(), vectors(table), strict=True):
        features = extractor(row["path"])
        np.testing.assert_allclose(vector, features.embedding, atol=1e-5)
        assert (row["window"], row["start"], row["end"]) == (0, 0, pytest.approx(features.ends[-1]))
        assert row["reversal"] == pytest.approx(features.reversed, abs=1e-5)
        assert row["jigsaw"] == pytest.approx(pool_probability(features.jigsaw, features.weights), abs=1e-5)
        assert row["tags"] == pytest.approx(features.tags, abs=1e-5)
        assert row["silent"] == features.silent.all()


def test_hop_outputs_and_half_precision(embed: Callable[..., Summary], library: Path, tmp_path: Path) -> None:
    embed([library / "long.flac"], tmp_path / "out", hop=5, outputs=("reversal",), precision="float16")
    table = Catalog(tmp_path / "out").table()
    features = Extractor(hop=5)(library / "long.flac")
    assert table.schema.field("embedding").type.value_type == pa.float16()
    assert not {"jigsaw", "tags"} & set(table.column_names)
    np.testing.assert_allclose(vectors(table), features.embeddings, atol=2e-3)
    np.testing.assert_allclose(table.column("reversal").to_numpy(), features.reversal, atol=1e-5)


def test_rows_stand_in_the_order_of_the_list_and_no_file_twice(embed: Callable[..., Summary], tmp_path: Path) -> None:
    names = [f"{number:02}.wav" for number in range(40)]
    for number, name in enumerate(names):
        write_noise(tmp_path / name, 12 if number % 7 == 0 else 0.2)
    mixed = [names[(number * 11) % 40] for number in range(40)]
    listed = [*mixed, *mixed[:5], mixed[0]]
    embed([*(tmp_path / name for name in listed), tmp_path], tmp_path / "out")
    found = files(tmp_path / "out")
    assert list(dict.fromkeys(found)) == mixed
    assert len(found) == 40 + 6


def test_a_second_run_does_nothing(embed: Callable[..., Summary], library: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = embed([library], out)
    written = parts(out)
    second = embed([library], out)
    assert (first.embedded, first.unchanged, first.failed, first.rows) == (4, 0, 0, 3 + 2 + 1 + 2)
    assert first.audio_seconds == pytest.approx(24 + 12 + 0.5 + 11, abs=0.01)
    assert (second.embedded, second.unchanged, second.failed, second.rows) == (0, 4, 0, 0)
    assert str(first).startswith("4 files embedded (0.01 h, 8 rows) in ")
    assert parts(out) == written
    assert (out / "failures.jsonl").read_text() == ""


def test_changed_new_and_vanished_files(embed: Callable[..., Summary], songs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    embed([songs], out)
    write_noise(songs / "stereo.wav", 25)
    write_noise(songs / "new.wav")
    shutil.move(songs / "long.flac", tmp_path / "kept.flac")
    summary = embed([songs, songs / "long.flac"], out)
    assert (summary.embedded, summary.unchanged, summary.failed) == (2, 3, 0)
    assert sorted(files(out)) == sorted(
        ["long.flac"] * 3 + ["new.wav", "short.ogg"] + ["silent.wav"] * 2 + ["stereo.wav"] * 3
    )
    assert {row["sample_rate"] for row in rows(out) if row["path"].endswith("stereo.wav")} == {8000}


@pytest.mark.parametrize("seconds", [-1e6, 1e6, 1e11], ids=["back", "ahead", "beyond all dates"])
def test_any_other_time_of_change_counts(
    embed: Callable[..., Summary], library: Path, tmp_path: Path, seconds: float
) -> None:
    path = Path(shutil.copy2(library / "short.ogg", tmp_path))
    embed([path], tmp_path / "out")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + int(seconds * 1e9)))
    assert embed([path], tmp_path / "out").embedded == 1
    assert embed([path], tmp_path / "out").unchanged == 1
    assert files(tmp_path / "out") == ["short.ogg"]


def test_a_clock_set_back_disturbs_no_run(
    embed: Callable[..., Summary], songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    embed([songs], out)
    for path in out.iterdir():
        os.utime(path, (4e9, 4e9))
    write_noise(songs / "new.wav")
    os.utime(songs / "new.wav", (0, 0))
    monkeypatch.setattr(time, "time", lambda: 0.0)
    summary = embed([songs], out)
    assert (summary.embedded, summary.unchanged, summary.failed) == (1, 4, 0)
    assert embed([songs], out).unchanged == 5


def test_all_rows_of_a_part_replaced(embed: Callable[..., Summary], songs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    embed([songs / "short.ogg"], out)
    os.utime(songs / "short.ogg", (0, 0))
    embed([songs / "short.ogg"], out)
    embed([songs], out)
    assert len(parts(out)) == 2
    assert sorted(set(files(out))) == ["long.flac", "short.ogg", "silent.wav", "stereo.wav"]


def test_a_file_that_fails_is_a_row_and_a_line(
    embed: Callable[..., Summary], songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    (songs / "broken.wav").write_bytes(b"RIFF")
    os.mkfifo(songs / "pipe.wav")
    command = ["embed", str(songs), str(songs / "missing.wav"), "-o", str(out), "--workers", "2"]
    for number in range(3):
        assert main(command) == 1
        said, errors = capsys.readouterr()
        assert f"{'4 files embedded' if number == 0 else '0 files embedded'}" in said
        assert "3 failed" in said
        assert errors == f"musicfeat: 3 files failed, see {out / 'failures.jsonl'}\n"
    lines = [json.loads(line) for line in (out / "failures.jsonl").read_text().splitlines()]
    assert {Path(line["path"]).name for line in lines} == {"broken.wav", "missing.wav", "pipe.wav"}
    assert all(line["path"] in line["error"] for line in lines)
    failed = [row for row in rows(out) if row["status"] == "error"]
    assert [row["error"] for row in failed] == [line["error"] for line in lines]
    assert all(row["embedding"] is None and row["reversal"] is None and row["window"] == 0 for row in failed)
    assert Catalog(out).failures().num_rows == 3

    write_noise(songs / "missing.wav")
    assert (embed([songs], out).embedded, embed([songs], out, retry_failed=True).embedded) == (1, 0)
    write_noise(songs / "broken.wav")
    (songs / "pipe.wav").unlink()
    assert main(["embed", str(songs), "-o", str(out), "--workers", "2"]) == 0
    assert Catalog(out).failures().column("path").to_pylist() == [str(songs / "pipe.wav")]


def test_failures_are_tried_again_if_asked(embed: Callable[..., Summary], songs: Path, tmp_path: Path) -> None:
    out, path = tmp_path / "out", songs / "broken.wav"
    path.write_bytes(b"RIFF")
    assert embed([songs], out).failed == 1
    state = path.stat()
    good = songs / "inner" / "silent.wav"
    path.write_bytes(good.read_bytes()[: state.st_size])
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert embed([songs], out).failed == 1
    again = embed([songs], out, retry_failed=True)
    assert (again.embedded, again.failed, again.unchanged) == (0, 1, 4)
    assert sum(row["status"] == "error" for row in rows(out)) == 1


@pytest.mark.usefixtures("embed")
def test_an_existing_catalog_is_resumed_only_if_allowed(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["embed", str(library / "short.ogg"), "-o", str(tmp_path / "out"), "--workers", "2", "--no-resume"]
    assert main(command) == 0
    assert main(command) == 1
    assert "is a catalog already" in capsys.readouterr().err


OTHERS = {
    "hop": ({"hop": 5}, "hop 10.0 (asked for 5.0)"),
    "rows": ({"rows": "track"}, "rows 'window' (asked for 'track')"),
    "precision": ({"precision": "float16"}, "precision 'float32' (asked for 'float16')"),
    "outputs": ({"outputs": ("tags",)}, "outputs ("),
}


@pytest.mark.parametrize("other", OTHERS)
def test_rows_of_two_kinds_do_not_mix(embed: Callable[..., Summary], library: Path, tmp_path: Path, other: str) -> None:
    embed([library / "short.ogg"], tmp_path / "out")
    options, words = OTHERS[other]
    before = parts(tmp_path / "out")
    with pytest.raises(CatalogError) as found:
        embed([library], tmp_path / "out", **options)
    assert words in str(found.value)
    assert parts(tmp_path / "out") == before


def test_rows_of_two_models_do_not_mix(embed: Callable[..., Summary], library: Path, tmp_path: Path) -> None:
    embed([library / "short.ogg"], tmp_path / "out")
    settings = json.loads((tmp_path / "out" / "catalog.json").read_text())
    (tmp_path / "out" / "catalog.json").write_text(json.dumps(settings | {"model_sha256": "0" * 64}))
    with pytest.raises(CatalogError, match="model_sha256"):
        embed([library], tmp_path / "out")


def test_a_folder_of_other_things_is_left_alone(embed: Callable[..., Summary], songs: Path, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="not empty and not a catalog"):
        embed([songs], songs)
    assert not list(songs.glob(".*"))
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogError, match="cannot be made"):
        embed([songs], tmp_path / "file")


def test_arguments_out_of_range(embed: Callable[..., Summary], library: Path, tmp_path: Path) -> None:
    wrong: list[dict[str, Any]] = [
        {"rows": "song"}, {"precision": "int8"}, {"workers": 0}, {"engine": "none"}, {"time_limit": 0},
        {"time_limit": float("nan")}, {"shard": (3, 3)}, {"hop": 0},
    ]  # fmt: skip
    for arguments in wrong:
        with pytest.raises(InputError):
            embed([library], tmp_path / "out", **arguments)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no audio file"):
        embed([tmp_path / "empty"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert embed(library / "short.ogg", str(tmp_path / "out"), time_limit=float("inf")).embedded == 1


def test_shares_together_are_the_whole(embed: Callable[..., Summary], tmp_path: Path) -> None:
    for number in range(12):
        write_noise(tmp_path / f"{number:02}.wav")
    (tmp_path / "broken.wav").write_bytes(b"")
    whole, shared = tmp_path / "whole", tmp_path / "shared"
    embed([tmp_path], whole)
    summaries = [embed([tmp_path], shared, shard=(share, 3)) for share in range(3)]
    assert sum(summary.embedded for summary in summaries) == 12
    assert {row["path"]: row for row in rows(whole)} == {row["path"]: row for row in rows(shared)}
    assert len(rows(shared)) == 13
    last = embed([tmp_path], shared)
    assert (last.embedded, last.unchanged, last.failed) == (0, 13, 1)


@pytest.mark.slow
def test_shares_run_at_the_same_time(tmp_path: Path) -> None:
    for number in range(12):
        write_noise(tmp_path / f"{number:02}.wav", 12)
    (tmp_path / "broken.wav").write_bytes(b"")
    command = [*PROGRAM, "embed", str(tmp_path), "-o", str(tmp_path / "out"), "--workers", "1"]
    runs = [subprocess.Popen([*command, "--shard", f"{share}/3"], stderr=subprocess.PIPE) for share in range(3)]
    codes = [(run.communicate()[1].decode(), run.returncode) for run in runs]
    assert sorted(code for _, code in codes) == [0, 0, 1], codes
    found = files(tmp_path / "out")
    assert sorted(found) == sorted([f"{number:02}.wav" for number in range(12)] * 2 + ["broken.wav"])
    assert len((tmp_path / "out" / "failures.jsonl").read_text().splitlines()) == 1


def test_full_journals_become_parts(
    embed: Callable[..., Summary], library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts_module, "PART_ROWS", 3)
    monkeypatch.setattr(parts_module, "GROUP_ROWS", 2)
    embed([library], tmp_path / "out")
    assert sorted(parts(tmp_path / "out")) == [f"part-0of1-{number:06}.parquet" for number in (1, 2)]
    assert list(dict.fromkeys(files(tmp_path / "out"))) == ["silent.wav", "long.flac", "short.ogg", "stereo.wav"]
    assert len(files(tmp_path / "out")) == 8


def test_an_interrupted_run_keeps_what_it_finished(
    embed: Callable[..., Summary], library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(progress: Progress, *arguments: Any) -> None:
        del progress, arguments
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Progress, "add", interrupted)
        with pytest.raises(KeyboardInterrupt):
            embed([library], tmp_path / "out")
    assert set(files(tmp_path / "out")) == {"silent.wav"}
    assert embed([library], tmp_path / "out").embedded == 3
    assert len(rows(tmp_path / "out")) == 8
    assert {path.name for path in (tmp_path / "out").iterdir() if ".lock" not in path.name} == {
        "catalog.json", "failures.jsonl", "part-0of1-000001.parquet", "part-0of1-000002.parquet",
    }  # fmt: skip


def test_parts_are_plain_parquet(embed: Callable[..., Summary], library: Path, tmp_path: Path) -> None:
    embed([library], tmp_path / "out")
    table = ds.dataset(tmp_path / "out", format="parquet", exclude_invalid_files=True).to_table()
    assert table.num_rows == 8
    assert table.equals(Catalog(tmp_path / "out").table())
    assert table.schema.names[:6] == ["path", "sha256", "size", "mtime", "duration", "sample_rate"]
    assert {str(field.type) for field in table.schema if field.name in ("reversal", "jigsaw")} == {"float"}


def test_pandas_and_duckdb_read_parts(embed: Callable[..., Summary], library: Path, tmp_path: Path) -> None:
    embed([library], tmp_path / "out")
    (part,) = (tmp_path / "out").glob("*.parquet")
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(part)
    assert np.stack(frame.embedding).shape == (8, Catalog(tmp_path / "out").settings.dimension)
    duckdb = pytest.importorskip("duckdb")
    ((count,),) = duckdb.sql(f"SELECT count(tags.piano) FROM '{tmp_path}/out/*.parquet'").fetchall()
    assert count == 8


def test_a_script_without_a_guard_is_told_so(library: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from musicfeat.catalog import embed_catalog\n"
        f"embed_catalog([{str(library)!r}], {str(tmp_path / 'out')!r}, workers=2)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("musicfeat.errors.CatalogError: worker processes cannot start")
    assert '`if __name__ == "__main__":`' in last
    assert not (tmp_path / "out").exists()


def test_a_model_that_cannot_be_opened_is_told_before_anything_is_made(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["embed", str(library), "-o", str(tmp_path / "out"), "--model", "nope"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [["--threads", "2"], ["--workers", "0"], ["--time-limit", "-1"]])
def test_the_command_refuses_what_cannot_be(
    library: Path, tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["embed", str(library), "-o", str(tmp_path / "out"), *options]) == 1
    assert capsys.readouterr().err.startswith("musicfeat: ")


@pytest.mark.parametrize("share", ["3/3", "1", "-1/3", "a/b", "1/0"])
def test_a_share_that_is_none(share: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["embed", "a", "-o", "b", f"--shard={share}"])
    assert "must be I/N" in capsys.readouterr().err


LISTED = ["a.wav", "#b.wav", "sub dir/c.wav", "d.wav"]
LISTS = {
    "plain.txt": b"a.wav\n#b.wav\nsub dir/c.wav\n\nd.wav",
    "windows.lst": b"\xef\xbb\xbfa.wav\r\n#b.wav\r\nsub dir/c.wav\r\nd.wav\r\n",
    "zeros.list": b"a.wav\0#b.wav\0sub dir/c.wav\0d.wav\0",
    "plain.m3u": b"#\na.wav\n./#b.wav\nsub dir/c.wav\n#EXTINF\nd.wav\n",
    "comments.m3u": b"#EXTM3U\n#EXTINF:1,a\na.wav\n./#b.wav\n#\nsub dir/c.wav\nd.wav\n",
    "COMMENTS.M3U8": b"\xef\xbb\xbf#EXTM3U\r\na.wav\r\n./#b.wav\r\nsub dir/c.wav\r\nd.wav\r\n",
}


@pytest.mark.parametrize("name", LISTS)
def test_lists(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(LISTS[name])
    assert find([tmp_path / name]) == [str(tmp_path / listed) for listed in LISTED]


@pytest.mark.parametrize("name", sorted(set(LISTS) - {"plain.m3u"}))
def test_a_list_on_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(LISTS[name])))
    assert find(["-"]) == [str(tmp_path / listed) for listed in LISTED]


def test_names_on_standard_input_may_hold_anything(tmp_path: Path) -> None:
    names = [b"line\nbreak.wav", b"caf\xe9.wav", b" spaces .wav"]
    for name in names:
        write_noise(tmp_path / "a.wav")
        os.rename(tmp_path / "a.wav", os.path.join(os.fsencode(tmp_path), name))
    command = [*PROGRAM, "embed", "-", "-o", str(tmp_path / "out"), "--workers", "1"]
    done = subprocess.run(command, input=b"\0".join(names), cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    texts = [row["path"] for row in rows(tmp_path / "out")]
    assert [text.replace(str(tmp_path), "") for text in texts] == [
        "/line\nbreak.wav",
        "file:///caf%E9.wav",
        "/ spaces .wav",
    ]


def test_patterns(library: Path) -> None:
    assert find([library / "*.wav"]) == [str(library / "stereo.wav")]
    assert find([library / "**" / "*.wav"]) == [str(library / "inner" / "silent.wav"), str(library / "stereo.wav")]
    assert find([library / "**"]) == find([library / "inner" / "*", library / "*"])
    with pytest.raises(InputError, match="no file matches"):
        find([library / "*.mp3"])


def test_a_name_with_magic_is_a_name_where_it_exists(tmp_path: Path) -> None:
    (tmp_path / "[a].wav").touch()
    assert find([tmp_path / "[a].wav"]) == [str(tmp_path / "[a].wav")]


def test_folders(tmp_path: Path) -> None:
    inner = tmp_path / "b" / "inner"
    inner.mkdir(parents=True)
    for path in (tmp_path / "z.MP3", tmp_path / "a.wav", inner / "c.flac", tmp_path / "cover.jpg", tmp_path / ".b.wav"):
        path.touch()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "a.wav").touch()
    (inner / "loop").symlink_to(tmp_path)
    (inner / "self.wav").symlink_to("self.wav")
    (tmp_path / "y").symlink_to(inner)
    expected = ["a.wav", "b/inner/c.flac", "b/inner/self.wav", "y/c.flac", "y/self.wav", "z.MP3"]
    assert find([tmp_path]) == [str(tmp_path / name) for name in expected]
    assert find([tmp_path, f"{tmp_path}/b/..", f"{tmp_path}/./a.wav"]) == find([tmp_path])


def test_folders_within_folders_without_end(tmp_path: Path) -> None:
    deepest = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1010):
        os.mkdir("d", dir_fd=deepest)
        above, deepest = deepest, os.open("d", os.O_RDONLY, dir_fd=deepest)
        os.close(above)
    os.close(os.open("a.wav", os.O_CREAT, dir_fd=deepest))
    os.close(deepest)
    found = find([tmp_path])
    subprocess.run(["rm", "-r", tmp_path / "d"], check=True)  # pytest's own way to remove it is recursive
    assert found == [f"{tmp_path}{'/d' * 1010}/a.wav"]


@pytest.mark.slow
def test_a_share_depends_on_the_path_alone() -> None:
    names = [f"/music/{number}.wav" for number in range(100)]
    shares = [find(names, (share, 3)) for share in range(3)]
    assert sorted(name for share in shares for name in share) == sorted(names)
    assert min(map(len, shares)) > 20
    assert find(names[50:], (1, 3)) == [name for name in shares[1] if name in names[50:]]
