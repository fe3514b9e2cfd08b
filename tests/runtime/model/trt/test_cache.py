"""Engines' files and their cache, with real files and real processes; no TensorRT is needed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from musicfeat import InputError, ModelError
from musicfeat.model.trt import cache, sealed
from musicfeat.model.trt.recipe import Profile, Recipe, Target, from_header

HERE = Target("10.13.3", "NVIDIA H100", "9.0")
RECIPE = Recipe("ab" * 32, HERE)
WRITER = """
import sys
from pathlib import Path
from musicfeat.model.trt import sealed
letter = sys.argv[2]
for _ in range(60):
    sealed.write(Path(sys.argv[1]), {"of": letter}, letter.encode() * 300_000)
"""


class Maker:
    """Builds what it is told to, and counts."""

    def __init__(self, payload: bytes = b"engine") -> None:
        self.payload, self.built = payload, 0

    def __call__(self) -> bytes:
        self.built += 1
        return self.payload


def load(payload: bytes) -> bytes | None:
    """Takes engines, refuses anything else."""
    return payload if payload.startswith(b"engine") else None


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache.folder()


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    payload = bytes(range(256)) + b"\n" * 5
    sealed.write(tmp_path / "a", {"name": "ü\n"}, payload)
    assert sealed.is_sealed(tmp_path / "a")
    assert sealed.read(tmp_path / "a") == ({"name": "ü\n"}, payload)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_any_changed_bit_and_any_cut_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a"
    sealed.write(path, {"key": 1}, b"payload")
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ModelError, match="damaged"):
            sealed.read(path)
        path.write_bytes(whole[:place])
        with pytest.raises(ModelError, match="damaged"):
            sealed.read(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(ModelError, match="damaged"):
        sealed.read(path)
    assert not sealed.is_sealed(tmp_path / "missing")
    assert not sealed.is_sealed(tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    sealed.write(path, {}, b"old")

    def full(_: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        sealed.write(path, {}, b"new")
    assert sealed.read(path)[1] == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_two_processes_may_write_one_file_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "shared"
    sealed.write(path, {"of": "a"}, b"a")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), letter], env=environment) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        header, payload = sealed.read(path)
        assert set(payload) == {ord(header["of"])}
        seen.add(header["of"])
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen
    assert [file.name for file in tmp_path.iterdir()] == ["shared"]


def test_the_key_differs_whenever_the_recipe_does() -> None:
    others = [
        replace(RECIPE, onnx_sha256="cd" * 32),
        replace(RECIPE, target=replace(HERE, tensorrt="11.4.0")),
        replace(RECIPE, target=replace(HERE, gpu="NVIDIA H200")),
        replace(RECIPE, target=replace(HERE, capability="8.9")),
        replace(RECIPE, profile=Profile(1, 64, 65)),
        replace(RECIPE, profile=Profile(1, 63, 64)),
        replace(RECIPE, workspace=2**20),
        replace(RECIPE, builder=RECIPE.builder + 1),
    ]
    assert len({recipe.key for recipe in [RECIPE, *others]}) == len(others) + 1
    assert Recipe("ab" * 32, Target("10.13.3", "NVIDIA H100", "9.0")).key == RECIPE.key


def test_recipes_survive_the_header(tmp_path: Path) -> None:
    sealed.write(tmp_path / "a", RECIPE.header({"name": '"x"'}), b"")
    header, _ = sealed.read(tmp_path / "a")
    assert from_header(header, "a") == (RECIPE, {"name": '"x"'})


def test_an_engine_is_built_once_and_then_kept(folder: Path) -> None:
    make = Maker()
    for _ in range(3):
        assert cache.cached(folder / "e", RECIPE.header({}), make, load) == b"engine"
    assert make.built == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-3]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"engine"),
        lambda path: sealed.write(path, RECIPE.header({}), b"refused by the library"),
        lambda path: sealed.write(path, replace(RECIPE, target=replace(HERE, gpu="T4")).header({}), b"engine of T4"),
        lambda path: sealed.write(path, {}, b"engine of nothing"),
        lambda path: path.unlink(),
    ],
    ids=["cut", "empty", "unsealed", "refused", "other GPU", "no header", "gone"],
)
def test_what_is_wrong_in_the_cache_is_built_anew(folder: Path, spoil: object) -> None:
    make = Maker()
    cache.cached(folder / "e", RECIPE.header({}), make, load)
    spoil(folder / "e")  # type: ignore[operator]
    assert cache.cached(folder / "e", RECIPE.header({}), make, load) == b"engine"
    assert make.built == 2
    assert sealed.read(folder / "e") == (RECIPE.header({}), b"engine")


def test_an_engine_that_is_refused_at_once_is_not_built_for_ever(folder: Path) -> None:
    make = Maker(b"broken")
    assert cache.cached(folder / "e", {}, make, load) is None
    assert make.built == 1


def test_a_cache_that_cannot_be_written_warns_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="XDG_CACHE_HOME"):
        assert cache.cached(cache.folder() / "e", {}, Maker(), load) == b"engine"


def test_timings_belong_to_one_target_and_are_not_trusted(folder: Path) -> None:
    assert cache.timings(HERE) == b""
    cache.write_timings(HERE, b"measured")
    assert cache.timings(HERE) == b"measured"
    assert cache.timings(replace(HERE, tensorrt="11.4.0")) == b""
    (path,) = folder.glob("*.timings")
    path.write_bytes(path.read_bytes()[:-1])
    assert cache.timings(HERE) == b""
    sealed.write(path, asdict(replace(HERE, gpu="T4")), b"measured")
    assert cache.timings(HERE) == b""


@pytest.mark.parametrize("sizes", [(0, 1, 2), (2, 1, 3), (1, 5, 4), (1, 2, 2.5), (True, 2, 3)])
def test_unusable_profiles_are_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match="MIN <= OPT <= MAX"):
        Profile(*sizes)


@pytest.mark.parametrize("windows", [1, 7, 64, 65, 129, 1000])
def test_batches_are_cut_evenly_and_lose_nothing(windows: int) -> None:
    sizes = Profile(1, 32, 64).split(windows)
    assert sum(sizes) == windows
    assert len(sizes) == -(-windows // 64)
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("windows", [0, 1, 3, 9])
def test_batches_outside_the_profile_are_refused(windows: int) -> None:
    with pytest.raises(InputError, match="--batch MIN OPT MAX"):
        Profile(5, 6, 8).split(windows)


def test_the_digest_is_of_the_bytes() -> None:
    from musicfeat.model.trt.recipe import digest

    assert digest(b"abc") == hashlib.sha256(b"abc").hexdigest()
