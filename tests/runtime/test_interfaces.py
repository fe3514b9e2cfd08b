"""Interfaces of the field: HEAR, mteb, the Hugging Face Hub, data sets."""

from __future__ import annotations

import hashlib
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType

import numpy as np
import pytest

from musicfeat import Extractor, ModelError
from musicfeat.model.session import MODELS

CARD = MODELS / "music-small.md"


@pytest.fixture(scope="module")
def hear() -> ModuleType:
    pytest.importorskip("torch", reason="torch is not installed")
    return importlib.import_module("musicfeat.hear")


def test_hear_embeds_scenes_and_timestamps(hear: ModuleType, clip: np.ndarray, rate: int) -> None:
    import torch

    model = hear.load_model()
    assert model.sample_rate in (16000, 22050, 44100, 48000)
    waves = torch.from_numpy(np.stack([clip[: 3 * rate], clip[3 * rate : 6 * rate]]).astype(np.float32))
    scenes = hear.get_scene_embeddings(waves, model)
    assert scenes.dtype == torch.float32
    assert scenes.shape == (2, model.scene_embedding_size)
    expected = Extractor(outputs=(), threads=1)(waves[1].numpy(), model.sample_rate).embedding
    np.testing.assert_allclose(scenes[1], expected, atol=1e-4)
    embeddings, times = hear.get_timestamp_embeddings(waves, model)
    assert embeddings.shape == (*times.shape, model.timestamp_embedding_size)
    assert 0 < times.min() < times.max() < 1000 * waves.shape[1] / model.sample_rate
    steps = np.diff(times.numpy())
    np.testing.assert_allclose(steps, steps.mean(), atol=1)


def test_hears_own_validator_passes(hear: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """It imports TensorFlow for models of TensorFlow alone: where that is missing, an empty module stands for it."""
    assert hear
    try:
        import tensorflow  # noqa: F401
    except ImportError:
        empty = ModuleType("tensorflow")
        empty.Module = type("Module", (), {})  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "tensorflow", empty)
    validate = pytest.importorskip("hearvalidator.validate", reason="hearvalidator is not installed: pip install it")
    validate.ValidateModel("musicfeat.hear", "", "cpu")()


@pytest.mark.slow
def test_mteb_encodes_sounds(clip: np.ndarray, rate: int) -> None:
    pytest.importorskip("mteb", reason="the extra musicfeat[maeb] is not installed")
    from musicfeat import maeb

    model = maeb.model()
    batch = {
        "audio": [{"array": clip[: 3 * rate], "sampling_rate": rate}, {"array": clip[rate:], "sampling_rate": rate}]
    }
    found = model.encode([batch, batch])
    extractor = Extractor(outputs=(), threads=1)
    assert found.shape == (4, extractor.dimension)
    np.testing.assert_allclose(found[3], extractor(clip[rate:], rate).embedding, atol=1e-4)
    meta = model.mteb_model_meta
    assert (meta.embed_dim, meta.modalities) == (extractor.dimension, ["audio"])
    assert meta.name.endswith(extractor.card.name)
    with pytest.raises(ValueError, match="only audio"):
        model.encode([{"text": ["words"]}])


@pytest.mark.slow
def test_mteb_evaluates_the_model_on_a_task(rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything but the sounds of GTZAN is mteb's own."""
    pytest.importorskip("mteb", reason="the extra musicfeat[maeb] is not installed")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import mteb
    from datasets import Dataset

    from musicfeat import maeb

    (task,) = mteb.get_tasks(tasks=["GTZANGenre"])
    generator, time = np.random.default_rng(0), np.arange(2 * rate) / rate
    beats = [generator.standard_normal(len(time)) * np.exp(-5 * (tempo * time % 1)) for tempo in np.linspace(2, 4, 20)]
    tones = [np.sign(np.sin(2 * np.pi * pitch * time)) for pitch in np.linspace(200, 400, 20)]
    sounds = [{"array": wave.astype(np.float32) / 10, "sampling_rate": rate} for wave in (*beats, *tones)]
    task.dataset = {"train": Dataset.from_dict({"audio": sounds, "label": [0] * 20 + [1] * 20})}
    task.data_loaded = True
    (result,) = mteb.evaluate(maeb.model(), task, cache=None, co2_tracker=False).task_results
    assert result.scores["train"][0]["accuracy"] == 1.0


@pytest.fixture
def hub() -> Iterator[str]:
    """A server that answers as the Hub does for one public file and one that needs a token."""
    data = (MODELS / "music-small.onnx").read_bytes()

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            known = self.path == "/owner/music/resolve/main/model.onnx"
            self.send_response(200 if known else 401 if "secret" in self.path else 404)
            if known:
                self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
                self.send_header("X-Repo-Commit", "a" * 40)
                self.send_header("Content-Length", str(len(data)))
            else:
                self.send_header("X-Error-Code", "GatedRepo" if "secret" in self.path else "RepoNotFound")
                self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            if "/owner/music/" in self.path:
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def asked(name: str, endpoint: str, home: Path, **more: str) -> str:
    """Result of opening a model, in a process of its own, as the Hub's library reads its settings once."""
    code = f"""
from musicfeat import Extractor, MusicfeatError
try:
    print("opened", Extractor({name!r}, threads=1).card.name)
except MusicfeatError as error:
    print("refused", error)
"""
    settings = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", **more}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | settings, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_models_come_from_the_hub_when_asked(hub: str, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="the extra musicfeat[hub] is not installed")
    assert asked("hf:owner/music", hub, tmp_path) == "opened music-small"
    assert asked("hf:owner/music", hub, tmp_path, HF_HUB_OFFLINE="1") == "opened music-small"
    assert "refused hf:owner/other cannot be had: no such model" in asked("hf:owner/other", hub, tmp_path)
    assert "it needs a token" in asked("hf:owner/secret", hub, tmp_path)
    assert "Hub cannot be reached" in asked("hf:owner/new", "http://127.0.0.1:1", tmp_path, HF_HUB_OFFLINE="1")
    with pytest.raises(ModelError, match="a model of the Hub is hf:owner/name"):
        Extractor("hf:nobody")


def test_the_card_has_the_header_of_the_hub() -> None:
    cards = pytest.importorskip("huggingface_hub", reason="the extra musicfeat[hub] is not installed")
    header = cards.ModelCard(CARD.read_text("utf-8")).data
    card = Extractor(threads=1).card
    assert (header.license, header.library_name) == (card.licence.lower(), "musicfeat")


def test_a_catalog_is_a_data_set(tmp_path: Path) -> None:
    for name in ("pyarrow", "portalocker", "mediafile"):
        pytest.importorskip(name, reason="the catalog extra is not installed")
    from musicfeat.catalog.dataset import CatalogDataset
    from musicfeat.errors import InputError
    from support.made import made_catalog, made_settings, made_track

    rows = np.random.default_rng(0).standard_normal((6, 2, 5))
    rows[5] = 0
    genres = ["jazz", "rock", "jazz", None, "rock", "jazz"]
    tracks = [made_track(f"/m/{i}.ogg", rows[i], genre=genres[i], year=1990 + i) for i in range(6)]
    catalog = made_catalog(tmp_path / "c", [tracks], made_settings(5))
    found = CatalogDataset(catalog, "genre")
    assert (len(found), found.classes) == (4, ["jazz", "rock"])
    embedding, label = found[1]
    assert label == 1
    np.testing.assert_allclose(embedding, rows[1].mean(axis=0), atol=1e-5)
    x, y = CatalogDataset(catalog, lambda row: row["year"] > 1992).arrays()
    assert x.shape == (5, 5)
    assert y.tolist() == [False, False, False, True, True]
    assert len(CatalogDataset(catalog)) == 5
    with pytest.raises(InputError, match="one of the columns"):
        CatalogDataset(catalog, "mood")
    torch = pytest.importorskip("torch", reason="torch is not installed")
    (batch, labels), *_ = torch.utils.data.DataLoader(found, batch_size=4)
    assert batch.shape == (4, 5)
    assert labels.tolist() == [0, 1, 0, 1]
