"""Catalogs that keep up with folders and with models."""

from __future__ import annotations

import shutil
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
import soundfile

pytest.importorskip("watchfiles", reason="the extra musicfeat[watch] is not installed")
pytest.importorskip("pathspec", reason="the extra musicfeat[watch] is not installed")

from musicfeat.catalog import Catalog, embed_catalog
from musicfeat.catalog.listing import find
from musicfeat.catalog.reader import SWITCHING
from musicfeat.catalog.upgrade import UPGRADED, upgrade_catalog
from musicfeat.catalog.watch import Round, keep_up, watch_catalog
from musicfeat.cli import main
from musicfeat.errors import CatalogError, InputError
from musicfeat.model.session import find_model


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(3):
        write(folder / f"{number}.wav", number)
    return folder


def write(path: Path, seed: int) -> None:
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.5, 0.5, 8000), 8000)


def names(folder: Path) -> list[str]:
    return sorted(Path(row["path"]).name for row in Catalog(folder).table(["path"]).to_pylist())


def test_a_round_follows_what_moved_and_went(music: Path, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    assert keep_up([str(music)], folder, workers=1).embedded.embedded == 3
    before = {Path(row["path"]).name: row["embedding"] for row in Catalog(folder).table().to_pylist()}
    (music / "sub").mkdir()
    (music / "0.wav").rename(music / "sub" / "zero.wav")
    (music / "1.wav").unlink()
    done = keep_up([str(music)], folder, workers=1)
    assert (done.moved, done.removed, done.embedded.embedded) == (1, 1, 0)
    assert "1 moved, 1 removed, 0 files embedded" in str(done)
    after = {Path(row["path"]).name: row["embedding"] for row in Catalog(folder).table().to_pylist()}
    assert after == {"zero.wav": before["0.wav"], "2.wav": before["2.wav"]}


def test_an_unplugged_disk_removes_nothing(music: Path, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    keep_up([str(music)], folder, workers=1)
    music.rename(tmp_path / "away")
    music.mkdir()
    assert keep_up([str(music)], folder, workers=1) == Round(0, 0, None)
    assert len(names(folder)) == 3


def test_ignore_files_leave_out(music: Path) -> None:
    (music / "drafts").mkdir()
    shutil.copy(music / "0.wav", music / "drafts" / "0.wav")
    (music / ".musicfeatignore").write_text("# not these\ndrafts/\n1.*\n")
    assert [Path(path).name for path in find([music])] == ["0.wav", "2.wav"]


@pytest.mark.slow
def test_changes_are_seen(music: Path, tmp_path: Path) -> None:
    stop, folder, rounds = Event(), tmp_path / "c", list[Round]()
    changed = Event()

    def watching() -> None:
        for done in watch_catalog([music], folder, stop, workers=1):
            rounds.append(done)
            changed.set()

    thread = Thread(target=watching)
    thread.start()
    try:
        assert changed.wait(120)
        changed.clear()
        write(music / "new.wav", 9)
        (music / "2.wav").unlink()
        assert changed.wait(120)
        assert names(folder) == ["0.wav", "1.wav", "new.wav"]
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()


def test_only_folders_are_watched(music: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only folders can be watched"):
        next(watch_catalog([music / "0.wav"], tmp_path / "c"))


def test_an_upgrade_switches_at_the_end(music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "c"
    embed_catalog([music], folder, workers=1)
    old = Catalog(folder).table()
    seen = []

    def watched(paths: object, output: Path, **options: object) -> object:
        done = embed_catalog(paths, output, **options)  # type: ignore[arg-type]
        seen.append((Catalog(folder).table() == old, len(Catalog(output))))  # both answer
        return done

    monkeypatch.setattr("musicfeat.catalog.upgrade.embed_catalog", watched)
    (music / "2.wav").unlink()
    upgrade_catalog(folder, outputs=("reversal",), workers=1)
    assert seen == [(True, 2)]
    assert names(folder) == ["0.wav", "1.wav"]
    assert Catalog(folder).settings.outputs == ("embedding", "reversal")
    assert sorted(path.name for path in folder.iterdir() if path.name in (UPGRADED, SWITCHING)) == []
    assert embed_catalog([music], folder, outputs=("reversal",), workers=1).unchanged == 2


def test_an_upgrade_to_another_model_changes_its_vectors_alone(music: Path, tmp_path: Path) -> None:
    folder, width = tmp_path / "c", 100
    embed_catalog([music], folder, workers=1)
    before = vectors(folder)
    upgrade_catalog(folder, model=str(narrower(tmp_path / "narrow.onnx", width)), workers=1)
    settings, after = Catalog(folder).settings, vectors(folder)
    assert (settings.model, settings.dimension, after.keys()) == ("narrow", width, before.keys())
    for path, vector in after.items():
        assert vector == pytest.approx(before[path][:width], abs=1e-3)


def test_an_upgrade_to_the_same_model_keeps_what_did_not_change(music: Path, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    embed_catalog([music], folder, workers=1)
    before = vectors(folder)
    write(music / "1.wav", 7)
    summary = upgrade_catalog(folder, workers=1)
    assert (summary.embedded, summary.unchanged) == (1, 2)
    changed = {path for path, vector in vectors(folder).items() if vector != before[path]}
    assert {Path(path).name for path in changed} == {"1.wav"}
    assert main(["embed", "--upgrade", "-o", str(folder), "--workers", "1"]) == 0
    assert upgrade_catalog(folder, workers=1, hop=5.0).embedded == 3  # rows of another kind


def vectors(folder: Path) -> dict[str, list[float]]:
    """Path -> embedding of each file of a catalog of one window a file."""
    return {row["path"]: row["embedding"] for row in Catalog(folder).table(["path", "embedding"]).to_pylist()}


def narrower(path: Path, width: int) -> Path:
    """A model of its own whose embedding has the first ``width`` numbers of the bundled one."""
    onnx = pytest.importorskip("onnx", reason="the export extra is not installed")
    proto = onnx.load(find_model("music-small"))
    for node in proto.graph.node:
        node.output[:] = ["whole" if name == "embedding" else name for name in node.output]
        node.input[:] = ["whole" if name == "embedding" else name for name in node.input]
    bounds = [onnx.numpy_helper.from_array(np.array([number]), f"bound{i}") for i, number in enumerate((0, width, 1))]
    proto.graph.initializer.extend(bounds)
    proto.graph.node.append(onnx.helper.make_node("Slice", ["whole", "bound0", "bound1", "bound2"], ["embedding"]))
    (output,) = (output for output in proto.graph.output if output.name == "embedding")
    output.type.tensor_type.shape.dim[1].dim_value = width
    for pair in proto.metadata_props:
        pair.value = {"name": '"narrow"', "weights_sha256": f'"{"1" * 64}"'}.get(pair.key, pair.value)
    onnx.save(proto, path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_a_killed_switch_is_brought_to_its_end(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    folder = tmp_path / "c"
    embed_catalog([music], folder, workers=1)
    import os

    calls, replace, unlink = [], os.replace, Path.unlink

    def dying(work: object) -> object:
        def call(*arguments: object, **more: object) -> None:
            if (folder / SWITCHING).exists():
                calls.append(arguments)
                if len(calls) == step:
                    raise KeyboardInterrupt
            work(*arguments, **more)  # type: ignore[operator]

        return call

    monkeypatch.setattr("os.replace", dying(replace))
    monkeypatch.setattr(Path, "unlink", dying(unlink))
    with pytest.raises(KeyboardInterrupt):
        upgrade_catalog(folder, outputs=(), workers=1)
    monkeypatch.undo()
    monkeypatch.setattr("musicfeat.catalog.reader.SWITCH_SECONDS", 0.1)
    with pytest.raises(CatalogError, match="was stopped: `musicfeat embed --upgrade"):
        Catalog(folder)
    assert main(["embed", "--upgrade", "-o", str(folder), "--outputs", "--workers", "1"]) == 0
    assert names(folder) == ["0.wav", "1.wav", "2.wav"]
    assert Catalog(folder).settings.outputs == ("embedding",)


def test_sources_and_upgrades_do_not_mix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["embed", "x", "--upgrade", "-o", str(tmp_path / "c")]) == 1
    assert main(["embed", "-o", str(tmp_path / "c")]) == 1
    assert capsys.readouterr().err.count("name what to embed") == 2
