"""Whatever is listed, and whatever happens to a run: each file has one status, and no row is lost or torn."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
import soundfile

psutil = pytest.importorskip("psutil", reason="psutil is not installed")

# ruff: noqa: E402
import pyarrow.parquet as pq
from hypothesis import example, given, settings
from hypothesis import strategies as st

from musicfeat import Extractor, MusicfeatError
from musicfeat.catalog import Catalog, CatalogError, embed_catalog
from musicfeat.catalog.locks import starting
from musicfeat.catalog.names import to_path, to_text
from musicfeat.catalog.parts import Writer, seal
from musicfeat.catalog.reader import vectors
from musicfeat.catalog.schema import to_batch
from musicfeat.catalog.settings import Settings, settings_of, write_or_check
from musicfeat.catalog.workers.file_embedder import FileEmbedder
from musicfeat.catalog.workers.local import GROUP_FILES, LocalPool
from musicfeat.catalog.workers.options import Description, ModelOptions
from musicfeat.catalog.workers.result import FileResult
from musicfeat.cli import main
from support.mutants import write_mutants

MUTANTS = 216
"""Eight of every format; ``benchmarks/catalog/robustness.py`` embeds more."""
NOBODY = 65534
PATIENCE = 900
"""Seconds that no machine is too slow for."""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals, pipes and names as POSIX has them")


def after(code: str, *arguments: str) -> list[str]:
    """The command that embeds, in a process that has run some code first."""
    return [sys.executable, "-c", f"{code}; from musicfeat.cli import main; exit(main())", "embed", *arguments]


def write_noise(path: Path | bytes, seconds: float = 0.3) -> None:
    sound = np.random.default_rng(len(os.fspath(path))).uniform(-0.5, 0.5, int(8000 * seconds))
    soundfile.write(os.fspath(path), sound, 8000, format="WAV")


@pytest.fixture(scope="module")
def long_flac(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of few bytes, and so with little time allowed, that keeps a worker busy for seconds."""
    path = tmp_path_factory.mktemp("long") / "long.flac"
    soundfile.write(path, np.zeros(1800 * 8000, np.float32), 8000)
    return path


@pytest.fixture(scope="module")
def embedder() -> FileEmbedder:
    return FileEmbedder(ModelOptions())


class Inline:
    """A pool without worker processes."""

    def __init__(self, embedder: FileEmbedder) -> None:
        self._embedder = embedder

    def describe(self) -> Description:
        return self._embedder.describe()

    def map(self, paths: Iterable[str], expected: int) -> Iterable[FileResult]:
        del expected
        return (result for path in paths for result in self._embedder([path]))

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *error: object) -> None:
        pass


@pytest.fixture
def inline(embedder: FileEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("musicfeat.catalog.run.open_pool", lambda *_: Inline(embedder))


def statuses(folder: Path) -> dict[str, str]:
    """Path -> "ok" or the error; no path may have two."""
    table = Catalog(folder).table(["path", "window", "status", "error"], None)
    firsts = [row for row in table.to_pylist() if row["window"] == 0]
    assert len({row["path"] for row in firsts}) == len(firsts)
    assert len({(row["path"], row["window"]) for row in table.to_pylist()}) == len(table)
    return {to_path(row["path"]): row["error"] or row["status"] for row in firsts}


def workers() -> list[Any]:
    """Worker processes of this one."""
    return [child for child in psutil.Process().children() if _works(child)]


def _works(child: Any) -> bool:
    with suppress(psutil.Error):  # it has just ended
        return "spawn_main" in " ".join(child.cmdline())
    return False


@contextmanager
def when_opened(actions: dict[Path, Callable[[Any], object]]) -> Iterator[None]:
    """As long as a descendant of this process has a file open, do something to it again and again."""
    done = Event()
    thread = Thread(target=_watch, args=({str(path): action for path, action in actions.items()}, done))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _watch(actions: dict[str, Callable[[Any], object]], done: Event) -> None:
    while not done.wait(0.01):
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error, OSError):
                for file in child.open_files():
                    actions.get(file.path, lambda _: None)(child)


@contextmanager
def as_nobody() -> Iterator[Path]:
    """Without the rights of root, in an empty folder that anybody may enter."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        user = os.geteuid()
        if user == 0:
            os.chown(name, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            os.seteuid(user)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


@pytest.mark.slow
def test_damaged_files_of_every_format_have_one_status_each(tmp_path: Path, extractor: Extractor) -> None:
    mutants = [str(path) for path in write_mutants(tmp_path / "files", MUTANTS, seed=1)]
    seeds = [str(path) for path in sorted((tmp_path / "files" / "seeds").iterdir())]
    mixed = [path for pair in zip(mutants, seeds * 2, strict=False) for path in pair]
    summary = embed_catalog([*mixed, *mutants], tmp_path / "out", workers=2)
    found = statuses(tmp_path / "out")
    assert found.keys() == {*mutants, *seeds}
    assert summary.embedded + summary.failed == len(found)
    assert {path: found[path] for path in seeds if found[path] != "ok"} == {}
    assert not [error for error in found.values() if "worker process" in error or "time limit" in error]
    assert_same_as_alone(tmp_path / "out", extractor)


def assert_same_as_alone(out: Path, extractor: Extractor) -> None:
    """Each file's rows are those that the extractor finds in it."""
    table = Catalog(out).table()
    held = dict.fromkeys(table.column("path").to_pylist())
    features = list(extractor.map([to_path(text) for text in held]))
    assert not [found for found in features if isinstance(found, MusicfeatError)]
    assert table.column("window").to_pylist() == [number for found in features for number in range(len(found))]
    expected = np.concatenate([found.embeddings for found in features])
    np.testing.assert_allclose(vectors(table), expected, atol=1e-5)


@pytest.mark.slow
def test_files_that_crash_grow_and_vanish_cost_only_themselves(tmp_path: Path, long_flac: Path) -> None:
    killed_once: list[int] = []

    def kill_once(worker: Any) -> None:
        if not killed_once:
            killed_once.append(worker.pid)
            worker.kill()

    actions: dict[str, tuple[Callable[[Any], object], str]] = {
        "crashes": (
            lambda worker: worker.send_signal(signal.SIGSEGV),
            "crashed its worker process twice (exit code -11)",
        ),
        "killed": (kill_once, "ok"),
        "grows": (lambda _: grow(tmp_path / "grows.flac"), "changed while it was read"),
        "vanishes": (lambda _: (tmp_path / "vanishes.flac").unlink(missing_ok=True), "vanished while it was read"),
    }
    for name in actions:
        shutil.copy(long_flac, tmp_path / f"{name}.flac")
        write_noise(tmp_path / f"{name}-good.wav")
    with when_opened({tmp_path / f"{name}.flac": action for name, (action, _) in actions.items()}):
        summary = embed_catalog([tmp_path], tmp_path / "out", workers=2, time_limit=PATIENCE)
    found = statuses(tmp_path / "out")
    for name, (_, words) in actions.items():
        assert words in found.pop(str(tmp_path / f"{name}.flac"))
    assert found == {str(tmp_path / f"{name}-good.wav"): "ok" for name in actions}
    assert (summary.embedded, summary.failed, len(killed_once)) == (5, 3, 1)
    assert workers() == []


@pytest.mark.slow
def test_a_file_that_hangs_costs_only_itself(tmp_path: Path, long_flac: Path) -> None:
    """The limit grows with a file's size: the good file carries so much padding that any machine is fast enough."""
    hangs, good = tmp_path / "hangs.flac", tmp_path / "good.wav"
    shutil.copy(long_flac, hangs)
    write_noise(good)
    os.truncate(good, 1_000_000 * PATIENCE // 10)
    with when_opened({hangs: lambda worker: worker.suspend()}):
        summary = embed_catalog([tmp_path], tmp_path / "out", workers=2, time_limit=4)
    found = statuses(tmp_path / "out")
    assert "was given up: not finished within the time limit" in found[str(hangs)]
    assert found[str(good)] == "ok"
    assert (summary.embedded, summary.failed) == (1, 1)
    assert workers() == []


def test_a_crash_within_a_group_costs_only_its_file(tmp_path: Path, long_flac: Path) -> None:
    paths = [tmp_path / f"{number:02}.wav" for number in range(GROUP_FILES)]
    for path in paths:
        write_noise(path)
    paths[7] = Path(shutil.copy(long_flac, tmp_path))
    with when_opened({paths[7]: lambda worker: worker.kill()}), LocalPool(ModelOptions(), 1, 60) as pool:
        results = list(pool.map(map(str, paths), 10**6))
    assert [result.path for result in results] == list(map(str, paths))
    assert [number for number, result in enumerate(results) if result.error] == [7]
    assert "crashed" in str(results[7].error)


@pytest.mark.usefixtures("inline")
def test_names_of_every_kind(tmp_path: Path) -> None:
    here = os.fsencode(tmp_path)
    names = [
        b" ",
        b"a b",
        b"line\nbreak",
        b"tab\t",
        b"caf\xe9",
        b"\xff\xfe",
        "日本語".encode(),
        b"x" * 251,
        b"'\"\\",
        b"-o",
        b"%41",
    ]
    good = [os.path.join(here, name + b".wav") for name in names]
    for number, path in enumerate(good):
        write_noise(path, 0.1 + number / 100)
    broken = os.path.join(here, b"broken \xe9\n.wav")
    Path(os.fsdecode(broken)).write_bytes(b"RIFF")
    impossible = [f"/{'x' * 5000}", f"/{'x/' * 4000}y", f"{tmp_path}/zero\0byte.wav", f"{tmp_path}/missing.wav"]
    (tmp_path / "self.wav").symlink_to("self.wav")
    (tmp_path / "dangling.wav").symlink_to("nothing")
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    odd = [str(tmp_path / name) for name in ("self.wav", "dangling.wav", "folder.wav/", "pipe.wav")]
    sources = [*map(os.fsdecode, good), os.fsdecode(broken), *impossible, *odd[:2], *odd[3:], "/dev/zero", "/proc"]
    for _ in range(2):
        embed_catalog([source for source in sources if source != "/proc"], tmp_path / "out")
    found = statuses(tmp_path / "out")
    assert [path for path, status in found.items() if status == "ok"] == [os.fsdecode(path) for path in good]
    assert "File name too long" in found[impossible[0]]
    assert "File name too long" in found[impossible[1]]
    assert "embedded null byte" in found[impossible[2]]
    assert "Too many levels of symbolic links" in found[odd[0]]
    assert "not a regular file" in found[odd[3]]
    assert "not a regular file" in found["/dev/zero"]
    lines = [json.loads(line) for line in (tmp_path / "out" / "failures.jsonl").read_text().splitlines()]
    assert {line["path"] for line in lines} == {path for path, status in found.items() if status != "ok"}
    assert embed_catalog([tmp_path], tmp_path / "out").embedded == 0


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_every_name_is_text_and_comes_back(name: bytes) -> None:
    path = "/" + os.fsdecode(name)
    text = to_text(path)
    assert text.encode()
    assert to_path(text) == path


@pytest.mark.usefixtures("inline")
def test_what_may_not_be_read_is_told() -> None:
    with as_nobody() as folder:
        for name in ("secret.wav", "good.wav"):
            write_noise(folder / name)
        (folder / "closed").mkdir()
        write_noise(folder / "closed" / "a.wav")
        (folder / "secret.wav").chmod(0)
        (folder / "closed").chmod(0)
        try:
            for _ in range(2):
                summary = embed_catalog([folder], folder / "out")
            found = statuses(folder / "out")
            with pytest.raises(MusicfeatError, match="cannot be read"):
                embed_catalog([folder / "closed"], folder / "out")
        finally:
            (folder / "closed").chmod(0o755)
    assert (summary.embedded, summary.unchanged, summary.failed) == (0, 3, 2)
    assert found[str(folder / "good.wav")] == "ok"
    assert "Permission denied" in found[str(folder / "secret.wav")]
    assert "a folder: one that may not be searched" in found[str(folder / "closed")]


@pytest.mark.usefixtures("inline")
def test_what_may_not_be_written_is_told() -> None:
    with as_nobody() as folder:
        write_noise(folder / "a.wav")
        (folder / "out").mkdir()
        (folder / "out").chmod(0o555)
        for output in (folder / "out", folder / "out" / "inner"):
            with pytest.raises(CatalogError, match="Permission denied"):
                embed_catalog([folder / "a.wav"], output)
        (folder / "out").chmod(0o755)
        embed_catalog([folder / "a.wav"], folder / "out")
        (folder / "out").chmod(0o555)
        write_noise(folder / "b.wav")
        with pytest.raises(CatalogError, match="Permission denied"):
            embed_catalog([folder], folder / "out")
        (folder / "out").chmod(0o755)
        assert embed_catalog([folder], folder / "out").embedded == 1


def test_a_limit_on_the_size_of_files_loses_nothing(tmp_path: Path) -> None:
    for number in range(40):
        write_noise(tmp_path / f"{number:02}.wav", 0.3 + number / 100)

    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))"
    command = after(limit, str(tmp_path), "-o", str(tmp_path / "out"), "--workers", "1")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"musicfeat: {tmp_path}/out cannot be written ([Errno 27]")
    assert len(done.stderr.splitlines()) == 1
    kept = len(statuses(tmp_path / "out"))
    assert kept > 10
    summary = embed_catalog([tmp_path], tmp_path / "out", workers=1)
    assert (summary.embedded, summary.unchanged) == (40 - kept, kept)
    assert list(statuses(tmp_path / "out").values()) == ["ok"] * 40


FULL_DISK = """
set -e
mount -t tmpfs -o size=200k none "$1/disk"
embed() { "$2" -m musicfeat.cli embed "$1/files" -o "$1/disk/out" --workers 1; }
for try in 1 2; do embed "$@" 2>> "$1/errors" && exit 3 || true; done
mount -o remount,size=20m "$1/disk"
embed "$@"
cp -r "$1/disk/out" "$1/out"
"""


@pytest.mark.slow
def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    (tmp_path / "disk").mkdir()
    (tmp_path / "files").mkdir()
    for number in range(90):
        write_noise(tmp_path / "files" / f"{number:02}.wav", 0.1 + number / 1000)
    command = ["unshare", "-rm", "sh", "-c", FULL_DISK, "sh", str(tmp_path), sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + (tmp_path / "errors").read_text()
    errors = (tmp_path / "errors").read_text().splitlines()
    assert len(errors) == 2
    assert all("No space left on device" in error for error in errors)
    assert list(statuses(tmp_path / "out").values()) == ["ok"] * 90


def started(*arguments: str) -> subprocess.Popen[bytes]:
    """A run in a process group of its own, that Ctrl-C reaches even if it does not reach this one."""
    command = after("import signal; signal.signal(signal.SIGINT, signal.default_int_handler)", *arguments)
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)


def wait_for(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.usefixtures("inline")
def test_a_second_run_stops_and_the_first_goes_on(
    tmp_path: Path, long_flac: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    first = started(str(long_flac), "-o", str(out), "--workers", "1")
    try:
        wait_for((out / ".lock-0of1").exists)
        with starting(out):  # the first run has done so
            pass
        psutil.Process(first.pid).suspend()  # whatever the other run takes, this one is at work
        write_noise(tmp_path / "a.wav")
        assert main(["embed", str(tmp_path / "a.wav"), "-o", str(out)]) == 1
        assert main(["embed", str(tmp_path / "a.wav"), "-o", str(out), "--shard", "0/2"]) == 1
        assert capsys.readouterr().err.count("another run is at work on") == 2
        psutil.Process(first.pid).resume()
        assert first.wait(PATIENCE) == 0
    finally:
        first.kill()
    assert statuses(out) == {str(long_flac): "ok"}
    assert embed_catalog([tmp_path / "a.wav", long_flac], out).unchanged == 1


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(tmp_path: Path, long_flac: Path) -> None:
    run = started(str(long_flac), "-o", str(tmp_path / "out"), "--workers", "1")
    watched = psutil.Process(run.pid)
    opened: list[Any] = []

    def busy() -> bool:
        with suppress(psutil.Error):
            opened.extend(
                child for child in watched.children() if str(long_flac) in {f.path for f in child.open_files()}
            )
        return bool(opened)

    wait_for(busy)
    run.kill()
    run.wait()
    assert psutil.wait_procs(opened, timeout=PATIENCE)[1] == []
    assert not list((tmp_path / "out").glob("part-*"))


def test_ctrl_c_ends_a_run_at_once_and_keeps_what_is_finished(tmp_path: Path, long_flac: Path) -> None:
    write_noise(tmp_path / "a.wav")
    run = started(str(tmp_path / "a.wav"), str(long_flac), "-o", str(tmp_path / "out"), "--workers", "1")
    wait_for(lambda: [path for path in tmp_path.glob("out/.part-*.arrows") if path.stat().st_size > 2000])
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait(PATIENCE) != 0
    assert statuses(tmp_path / "out") == {str(tmp_path / "a.wav"): "ok"}


class Torn:
    """A real journal, where its batches end, and a folder to try pieces of it in."""

    def __init__(self, folder: Path, embedder: FileEmbedder, clip: np.ndarray, rate: int) -> None:
        self.settings: Settings = settings_of(*embedder.describe(), "window", "float32")
        self.folder = folder / "catalog"
        self.folder.mkdir()
        write_or_check(self.folder, self.settings)
        self.path = self.folder / ".part-0of1-000001.arrows"
        writer, self.ends, self.rows = Writer(self.folder, self.settings, "0of1"), [0], [0]
        for number, samples in enumerate([3 * rate, 24 * rate, rate, 0, 12 * rate]):
            path = folder / f"{number}.wav"
            soundfile.write(path, clip[:samples], rate)
            for result in embedder([str(path)]):
                batch = to_batch(result, self.settings)
                writer.append(batch)
                self.ends.append(self.path.stat().st_size)
                self.rows.append(self.rows[-1] + batch.num_rows)
        self.data = self.path.read_bytes()
        self.whole = self.recovered(self.data)

    def recovered(self, journal: bytes) -> Any:
        """The rows that are saved of a journal, None if there are none."""
        self.path.write_bytes(journal)
        seal(self.path, self.settings)
        part = self.folder / "part-0of1-000001.parquet"
        table = pq.read_table(part, partitioning=None) if part.exists() else None
        part.unlink(missing_ok=True)
        assert {path.name for path in self.folder.iterdir()} == {"catalog.json"}
        return table

    def finished(self, size: int) -> int:
        """Rows of the files that are whole in so many bytes."""
        return max(rows for rows, end in zip(self.rows, self.ends, strict=True) if end <= size)


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory, embedder: FileEmbedder, clip: np.ndarray, rate: int) -> Torn:
    return Torn(tmp_path_factory.mktemp("torn"), embedder, clip, rate)


def shared_bytes(a: bytes, b: bytes) -> int:
    """Bytes before the first difference."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


@settings(deadline=None, derandomize=True, database=None, max_examples=60)
@given(st.floats(0, 1), st.integers(0, 9000), st.binary(max_size=16))
@example(1, 0, b"")
@example(1, 0, b"\xff\xff\xff\xff\0\0\0\0")
@example(1, 1, b"")
@example(0, 0, b"")
def test_of_a_torn_journal_all_whole_files_are_saved(torn: Torn, place: float, zeros: int, tail: bytes) -> None:
    size = round(place * len(torn.data))
    for end in ("", "zeros", "tail"):
        journal = torn.data[:size] + {"": b"", "zeros": bytes(zeros), "tail": tail}[end]
        found = torn.recovered(journal)
        count = 0 if found is None else found.num_rows
        assert count == torn.finished(shared_bytes(journal, torn.data))
        whole = found is None or found.equals(torn.whole.slice(0, count))
        assert whole  # tables in words would take minutes to compare


def test_a_journal_of_anything_is_dropped(torn: Torn) -> None:
    generator = np.random.default_rng(0)
    for size in (1, 7, 8, 9, 100, 10_000):
        assert torn.recovered(generator.bytes(size)) is None


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize("name", ["0of1", "1of3"])
def test_a_run_goes_on_behind_a_torn_journal(torn: Torn, tmp_path: Path, name: str) -> None:
    paths = sorted({to_path(path) for path in torn.whole.column("path").to_pylist()})
    for number, size in enumerate([0, 9, torn.ends[1], torn.ends[2] - 1, len(torn.data)]):
        out = tmp_path / str(number)
        out.mkdir()
        write_or_check(out, torn.settings)
        (out / f".part-{name}-000001.arrows").write_bytes(torn.data[:size])
        (out / f".lock-{name}").touch()
        (out / f".part-{name}-000001.parquet.tmp").write_bytes(b"half")
        embed_catalog(paths, out)
        assert_whole(out, torn)


@pytest.mark.usefixtures("inline")
def test_a_journal_that_is_a_part_already_adds_nothing(torn: Torn, tmp_path: Path) -> None:
    paths = sorted({to_path(path) for path in torn.whole.column("path").to_pylist()})
    embed_catalog(paths, tmp_path)
    (tmp_path / ".part-0of1-000001.arrows").write_bytes(torn.data)
    assert embed_catalog(paths, tmp_path).embedded == 0
    assert_whole(tmp_path, torn)


def assert_whole(out: Path, torn: Torn) -> None:
    found = Catalog(out).table(where=None).sort_by([("path", "ascending"), ("window", "ascending")])
    assert found.equals(torn.whole)
    assert not list(out.glob(".part*"))


@pytest.mark.usefixtures("inline")
def test_a_damaged_catalog_is_refused_and_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_noise(tmp_path / "a.wav", 25)
    embed_catalog([tmp_path / "a.wav"], out)
    (part,) = out.glob("part-*")
    for path in (out / "catalog.json", part):
        whole = path.read_bytes()
        damaged = [whole[:size] for size in (0, 1, len(whole) // 2, len(whole) - 1)] + [b"[]", b"null", b"\xff" * 99]
        for data in damaged:
            path.write_bytes(data)
            with pytest.raises(CatalogError, match=path.name if path == out / "catalog.json" else "cannot be read"):
                embed_catalog([tmp_path / "a.wav"], out)
            assert path.read_bytes() == data
        path.write_bytes(whole)
    settings_ahead = json.loads((out / "catalog.json").read_text()) | {"format": 2}
    (out / "catalog.json").write_text(json.dumps(settings_ahead))
    with pytest.raises(CatalogError, match="install a newer one"):
        embed_catalog([tmp_path / "a.wav"], out)


def test_workers_that_are_killed_while_they_wait_cost_nothing(tmp_path: Path) -> None:
    for number in range(4):
        write_noise(tmp_path / f"{number}.wav")
    paths = [str(path) for path in sorted(tmp_path.iterdir())]
    with LocalPool(ModelOptions(), 2, 60) as pool:
        for _ in range(2):
            assert Counter(result.error for result in pool.map(paths, 4)) == {None: 4}
            for worker in workers():
                worker.kill()
    assert workers() == []
