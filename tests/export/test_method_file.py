"""Every method, frontend and encoder that hears sound leaves a model file that the runtime works with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from musicfeat import Extractor
from musicfeat_export.cli import main
from musicfeat_export.method_file import MethodModel
from musicfeat_trainer.data.contents import Waveform
from musicfeat_trainer.method.method import Method
from musicfeat_trainer.method.part import load_method
from musicfeat_trainer.recipe.parse import parse_recipe
from support.runs import write_run

MEL = {"name": "log_mel", "spec": {"n_mels": 64}}
STACK = {"name": "log_mel_stack", "spec": {"base": {"n_fft": 1050, "hop": 525, "n_mels": 64, "fmax": 11025.0}}}
CQT = {"name": "cqt", "spec": {"centred": True}}
RESNET, CONVNET, STRIDED = {"name": "resnet"}, {"name": "convnet"}, {"name": "strided_conv", "width": 16}
PIECES = {"count": 3, "edge": 2}
MOCO = {"name": "moco", "queue": 16}
METHODS: dict[str, dict[str, Any]] = {
    "time_reversal": {"frontend": CQT, "encoder": CONVNET, "clips": {"seconds": 1.996961, "margin": 0.2}},
    "jigsaw": {"frontend": CQT, "encoder": {"name": "convnet_ext", "widths": [32, 16]}, "pieces": PIECES},
    "pirl": {"frontend": CQT, "encoder": RESNET, "pieces": PIECES | {"along": "time"}},
    "odd_one_out": {"frontend": CQT, "encoder": RESNET},
    "simclr": {"frontend": {"name": "waveform"}, "encoder": {"name": "sample_cnn"}, "clips": {"seconds": 2.67795918}},
    "byol": {"frontend": MEL, "encoder": {"name": "temporal_net"}, "objective": {"name": "byol", "hidden": 16}},
    "cpc": {"frontend": {"name": "waveform"}, "encoder": STRIDED, "objective": {"name": "cpc", "context": 8}},
    "inpainting": {"frontend": {"name": "waveform"}, "encoder": STRIDED},
    "moco": {"frontend": STACK, "encoder": {"name": "es_resnet"}, "objective": MOCO},
    "npid": {"frontend": STACK, "encoder": RESNET},
    "simsiam": {
        "frontend": {"name": "mel_decibels"},
        "encoder": RESNET,
        "objective": {"name": "simsiam", "width": 32, "bottleneck": 8, "reads": "projector"},
    },
    "semantic_relevance": {
        "frontend": MEL,
        "encoder": CONVNET,
        "second": {"frontend": {"name": "piano_roll"}, "encoder": CONVNET},
    },
}
"""Each objective once, each frontend and encoder at least once."""
LEVEL_MATTERS = {"simclr", "cpc", "inpainting", "simsiam"}
FAST = {"time_reversal"}


def method_run(folder: Path, name: str, changes: dict[str, Any]) -> Path:
    """A run whose network never trained, but for what batch normalisation has heard."""
    method = {"steps": 1, "batch": 4, "clips": {"seconds": 1.5}, "objective": {"name": name}, "bfloat16": False}
    data = {"set": {"name": "folder", "root": "nowhere"}, "store": "nowhere"}
    recipe = parse_recipe({"name": f"tiny-{name}", "data": data, "method": method | changes}, "test")
    torch.manual_seed(0)
    module = Method(recipe.method)
    frontend = module.frontend(0)
    if isinstance(frontend.contents, Waveform):
        sound = 0.1 * torch.randn(6, frontend.frames(recipe.method.clips.seconds))
        with torch.no_grad():
            for _ in range(20):
                module.train().embed(sound)
    return write_run(folder, recipe, method=module)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FAST else [pytest.mark.slow]) for name in METHODS]
)
def test_a_method_leaves_a_model(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, path = method_run(tmp_path / "run", name, METHODS[name]), tmp_path / "model.onnx"
    assert main([str(run), "-o", str(path)]) == 0, capsys.readouterr().err
    extractor = Extractor(path, threads=1)
    card = extractor.card
    judged = {"time_reversal": "reversal", "jigsaw": "jigsaw"}.get(name)
    assert card.outputs == ("embedding", *([judged] if judged else []))
    assert card.level_matters == (name in LEVEL_MATTERS)
    trained = MethodModel(load_method(run)[0])
    rate = card.sample_rate
    sound = 0.2 * np.random.default_rng(1).standard_normal(round(2.4 * card.window)).astype(np.float32)
    found = extractor(sound, sr=rate)
    starts = np.arange(len(found)) * card.hop
    windows = [np.pad(sound[start : start + card.window], (0, card.window))[: card.window] for start in starts]
    with torch.no_grad():
        expected = trained(torch.from_numpy(np.stack(windows)))
    scale = float(expected.embedding.abs().max())
    np.testing.assert_allclose(found.embeddings, expected.embedding, atol=2e-4 * max(1, scale))
    assert found.ends[-1] == pytest.approx(len(sound) / rate)
    brief = extractor(sound[: rate // 2], sr=rate)
    assert len(brief) == 1
    assert np.isfinite(brief.embedding).all()
    assert brief.reversal[0] == 0.5
    if judged == "reversal":
        np.testing.assert_allclose(found.reversal[:2], expected.reversal[:2], atol=1e-3)
    if judged == "jigsaw":
        np.testing.assert_allclose(found.jigsaw[:2], expected.jigsaw[:2], atol=1e-3)


@pytest.mark.slow
def test_quiet_sound_stays_quiet_where_levels_count(tmp_path: Path) -> None:
    """The runtime levels very quiet windows for spectrograms that care for ratios alone; raw samples it leaves."""
    run, path = method_run(tmp_path / "run", "cpc", METHODS["cpc"]), tmp_path / "model.onnx"
    assert main([str(run), "-o", str(path)]) == 0
    extractor = Extractor(path, threads=1)
    sound = 1e-3 * np.random.default_rng(1).standard_normal(extractor.card.window).astype(np.float32)
    with torch.no_grad():
        expected = MethodModel(load_method(run)[0])(torch.from_numpy(sound[None])).embedding[0]
    np.testing.assert_allclose(extractor(sound, sr=22050).embedding, expected, atol=1e-5)


def test_methods_that_hear_no_sound_cannot_be_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = {"frontend": {"name": "piano_roll"}, "encoder": CONVNET, "clips": {"seconds": 3.0}}
    run = method_run(tmp_path / "run", "semantic_relevance", changes)
    assert main([str(run), "-o", str(tmp_path / "model.onnx")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "reads MIDI" in line
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.slow
def test_catalogs_search_and_the_listening_page_work_with_a_method(tmp_path: Path, music: Path) -> None:
    """CLMR's listening experiment: the clips that excite each number of a run's embedding, and what is like a clip."""
    pytest.importorskip("pyarrow", reason="the catalog extra is not installed")
    pytest.importorskip("starlette", reason="the listen extra is not installed")
    from musicfeat.catalog import Catalog, embed_catalog
    from musicfeat.catalog.search.query import model_of
    from musicfeat.catalog.search.searcher import Searcher
    from musicfeat.listen.library import Library

    run, path = method_run(tmp_path / "run", "jigsaw", METHODS["jigsaw"]), tmp_path / "model.onnx"
    assert main([str(run), "-o", str(path)]) == 0
    summary = embed_catalog([music], tmp_path / "catalog", model=path, workers=1)
    assert summary.failed == 1  # what is no audio
    catalog = Catalog(tmp_path / "catalog")
    assert catalog.settings.outputs == ("embedding", "jigsaw")
    song = music / "03.wav"
    expected = Extractor(path, threads=1)(song)
    rows = catalog.table(["path", "start", "embedding", "jigsaw"]).to_pylist()
    own = sorted((row for row in rows if row["path"] == str(song)), key=lambda row: row["start"])
    assert len(own) == len(expected) == 8  # 12 s in windows of 1.5 s, longer than the model's
    np.testing.assert_allclose([row["embedding"] for row in own], expected.embeddings, atol=1e-5)
    np.testing.assert_allclose([row["jigsaw"] for row in own], expected.jigsaw, atol=1e-5)
    hits = Searcher(catalog, False, model_of(catalog, path))(song, 3)
    assert len(hits) == 3
    assert hits[0].similarity >= hits[-1].similarity
    library = Library(catalog)
    (excited,) = library.dimensions([2], 3, summed=False)
    first = excited["clips"][0]
    values = {(Path(row["path"]).stem, row["start"]): row["embedding"][2] for row in rows if row["embedding"]}
    (own_value,) = (v for (name, start), v in values.items() if name in first["name"] and start == first["start"])
    assert len(excited["clips"]) == 3
    assert own_value == pytest.approx(max(values.values()), rel=1e-2)  # the songs are one, rolled
    assert "jigsaw" in library.columns.values
    assert "reversal" not in library.columns.values
    assert library.summary(0)["reversed"] is None
