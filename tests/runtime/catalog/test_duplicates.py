from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.run import embed_catalog
from musicfeat.catalog.search.comparable import Track
from musicfeat.catalog.search.duplicates import Found, duplicates, find
from musicfeat.catalog.search.evidence import bounds, needed, needed_pooled
from musicfeat.catalog.search.keeping import quality, rank, spare
from musicfeat.catalog.settings import Rows
from musicfeat.catalog.workers.file_state import state
from musicfeat.catalog.workers.result import FileResult
from musicfeat.errors import InputError
from musicfeat.versions.likeness import Likeness
from support.made import made_catalog, made_settings, made_track

D, RATE = 128, 22050
RANDOM = np.random.default_rng(0).standard_normal((40, 6, D)) * np.exp(-np.arange(D) / 60)


def track(path: Path, embeddings: np.ndarray, content: str = "") -> FileResult:
    """A file on disk, and what a catalog would hold of it had its windows these embeddings."""
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(content or str(path))
    features = made_track(str(path), embeddings).features
    return FileResult(str(path), *state(str(path)), f"digest of {content or path}", features)


def write(folder: Path, tracks: list[FileResult], rows: Rows = "window") -> Catalog:
    return made_catalog(folder, [tracks], made_settings(D, rows))


def names(found: Found) -> list[list[str]]:
    return [[Path(copy.path).name for copy in group] for group in found.groups]


def near(rows: np.ndarray, noise: float) -> np.ndarray:
    return rows + noise * np.random.default_rng(1).standard_normal(rows.shape) * np.exp(-np.arange(D) / 60)


@pytest.mark.parametrize("rows", ["window", "track"])
def test_duplicates_are_grouped(tmp_path: Path, rows: Rows) -> None:
    tracks = [track(tmp_path / f"{i:02d}.wav", RANDOM[i]) for i in range(40)]
    twin = track(tmp_path / "a" / "same.wav", RANDOM[5], content=str(tmp_path / "05.wav"))
    coded = track(tmp_path / "z" / "coded.mp3", near(RANDOM[5], 0.1))
    catalog = write(tmp_path / "c", [*tracks, twin, coded], rows)
    (group,) = duplicates(catalog)
    assert [Path(copy.path).name for copy in group] == ["05.wav", "same.wav", "coded.mp3"]
    assert [copy.identical for copy in group] == [True, True, False]
    assert [copy.spare for copy in group] == [False, True, False]  # what nobody heard is not to spare
    assert group[0].similarity == group[1].similarity == 1
    assert 0.8 < group[2].similarity < 1
    assert duplicates(catalog, least=1.0)[0][:2] == group[:2]
    for wrong in (0, -1, 1.5, float("nan")):
        with pytest.raises(InputError, match="above 0"):
            duplicates(catalog, least=wrong)


def test_all_are_alike_to_the_first(tmp_path: Path) -> None:
    """Each step of a chain is alike to the next, its ends are not."""
    steps = [np.cos(angle) * RANDOM[0] + np.sin(angle) * RANDOM[1] for angle in (0, 0.6, 1.2, 1.8)]
    chain = [track(tmp_path / f"{i}.mp3", step, content="x" * (400 - i)) for i, step in enumerate(steps)]
    found = names(find(write(tmp_path / "c", chain), least=0.7))
    assert found == [["0.mp3", "1.mp3"], ["2.mp3", "3.mp3"]]


def test_what_is_gone_changed_or_another_name_is_no_copy(tmp_path: Path) -> None:
    same = "one content"
    kept = track(tmp_path / "kept.mp3", RANDOM[0], same)
    gone, changed = (track(tmp_path / name, RANDOM[0], same) for name in ("gone.mp3", "changed.mp3"))
    hard, soft = tmp_path / "hard.mp3", tmp_path / "a-soft.mp3"
    os.link(kept.path, hard)
    soft.symlink_to(kept.path)
    links = [replace(kept, path=str(link)) for link in (hard, soft)]
    catalog = write(tmp_path / "c", [*links[::-1], kept, gone, changed])
    assert len(find(catalog).groups[0]) == 3
    Path(gone.path).unlink()
    Path(changed.path).write_text("another content")
    found = find(catalog)
    assert found.groups == []
    assert found.away == [changed.path, gone.path]
    second = track(tmp_path / "second.mp3", RANDOM[0], same)
    (group,) = find(write(tmp_path / "c2", [*links, kept, second])).groups
    assert {Path(copy.path).name for copy in group} == {"hard.mp3", "second.mp3"}
    assert sum(copy.spare for copy in group) == 1


def test_evidence_grows_with_length_and_variety() -> None:
    assert needed(1, 0.0) == needed(0, 0.0) == bounds().one
    for common in (0.1, 0.5, 0.9):
        asked = [needed(windows, common) for windows in (1, 2, 4, 20, 1000)]
        assert asked == sorted(asked, reverse=True)
        assert asked[-1] >= max(common, bounds().long) - 1e-9
    assert needed(10, 0.99) > 0.99
    assert needed(1000, 0.0) == bounds().long
    assert needed(6, 0.65) > 0.8  # slow noise
    assert needed_pooled(5, 10) == bounds().one > needed_pooled(60, 10) == bounds().track


def test_uniform_sounds_are_left_in_doubt(tmp_path: Path) -> None:
    """Windows of all tracks are as alike as those of each, as in noise."""
    tracks = [track(tmp_path / f"{i}.wav", RANDOM[:1, 0] + 0.05 * RANDOM[i]) for i in range(4)]
    found = find(write(tmp_path / "c", tracks))
    assert found.groups == []
    assert found.doubtful == 6


def test_what_is_kept_and_what_is_to_spare() -> None:
    flac, mp3 = Track("a.flac", "", 9_000_000, 44100, 100.0), Track("a.mp3", "", 1_600_000, 48000, 100.05)
    small, wide = replace(mp3, size=1_000_000), replace(flac, sample_rate=96000, size=20_000_000)
    part = replace(flac, length=97.0, size=8_730_000)
    assert sorted([small, mp3, part, flac, wide], key=rank) == [wide, flac, part, mp3, small]
    whole, half = (Likeness(0.9, 100, 100, 50, 0.0, share) for share in ((1.0, 1.0), (0.97, 0.97)))
    assert spare(flac, mp3, whole)
    assert not spare(mp3, flac, whole)  # better than what would be left
    assert not spare(flac, wide, whole)
    assert not spare(flac, mp3, half)  # 3 s that the other lacks
    assert not spare(flac, mp3, replace(whole, correlation=0.1))
    assert quality(mp3).sample_rate == 0


def hit(seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    count = int(RATE * draw.uniform(0.4, 1))
    sound = draw.standard_normal(count) * np.exp(-draw.uniform(5, 20) * np.arange(count) / RATE)
    return np.asarray(0.5 * sound / abs(sound).max(), np.float32)


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Real features of noise, of one-shots, and of copies of one of each."""
    folder = tmp_path_factory.mktemp("sounds")
    hiss = [0.1 * np.random.default_rng(seed).standard_normal(30 * RATE).astype(np.float32) for seed in range(3)]
    sounds = {f"hit{seed}.wav": hit(seed) for seed in range(5)} | {
        f"hiss{i}.wav": sound for i, sound in enumerate(hiss)
    }
    sounds |= {
        "copied hit.mp3": hit(3),
        "late hiss.flac": hiss[1][5000:],
        "hit with more.flac": np.append(hit(4), hit(3)),
    }
    for name, sound in sounds.items():
        soundfile.write(folder / name, sound, RATE)
    embed_catalog([folder], folder / "catalog", workers=1)
    return Catalog(folder / "catalog")


def test_without_listening_no_two_hits_or_noises_are_one(heard: Catalog) -> None:
    assert all(set(group) <= {"hit3.wav", "copied hit.mp3"} for group in names(find(heard)))
    assert all(not copy.spare for group in duplicates(heard) for copy in group)


def test_listening_decides(heard: Catalog) -> None:
    found = find(heard, verify=True)
    assert names(found) == [
        ["hiss1.wav", "late hiss.flac"], ["hit3.wav", "copied hit.mp3"], ["hit4.wav", "hit with more.flac"]
    ]  # fmt: skip
    late, copied, more = (group[1] for group in found.groups)
    assert late.shift == pytest.approx(5000 / RATE, abs=0.006)
    assert (late.share, copied.share) == pytest.approx((1.0, 1.0), abs=0.1)
    assert late.spare
    assert copied.spare
    assert not more.spare
    assert found.doubtful == 0


def test_the_command(main: Callable[..., int], heard: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("duplicates", heard.folder, "--verify") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "3 recordings in 6 files, 2 of them to spare"
    assert lines[1].split()[1:5] == ["+0.23", "s", "100%", "spare"]
    assert main("duplicates", heard.folder) == 0
    assert "doubtful pairs to be heard with --verify" in capsys.readouterr().out.splitlines()[-1]


def test_the_command_keeps_odd_names(
    main: Callable[..., int], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    try:
        odd = track(tmp_path / os.fsdecode(b"caf\xe9.wav"), RANDOM[0], "x")
    except OSError:
        pytest.skip("this file system has no names that are not Unicode")
    newline, gone = track(tmp_path / "a\nb.wav", RANDOM[0], "x"), track(tmp_path / "gone.wav", RANDOM[0], "x")
    Path(gone.path).unlink()
    write(tmp_path / "c", [odd, newline, gone])
    assert main("duplicates", tmp_path / "c", "--json") == 0
    out, err = capfdbinary.readouterr()
    (group,) = json.loads(out)
    assert [Path(copy["path"].removeprefix("file://")).name for copy in group] == ["a\nb.wav", "caf%E9.wav"]
    assert [copy["spare"] for copy in group] == [False, True]
    assert b"1 files are gone or were changed" in err
    assert main("duplicates", tmp_path / "c") == 0
    assert b"1 recordings in 2 files, 1 of them to spare" in capfdbinary.readouterr().out


def test_a_file_that_cannot_be_decoded_is_told(
    main: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = [track(tmp_path / f"{name}.wav", RANDOM[0]) for name in "ab"]
    write(tmp_path / "c", pair)
    assert main("duplicates", tmp_path / "c", "--verify") == 1
    out, err = capsys.readouterr()
    assert out.startswith("0 recordings")
    assert "a.wav" in err
