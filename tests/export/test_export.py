from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from musicfeat import Extractor, ModelError
from musicfeat.cli import main as musicfeat_main
from musicfeat.model.session import Session, bundled_models, find_model
from musicfeat.sound.log_mel import LogMelSpec, log_mel
from musicfeat_export import onnx_file
from musicfeat_export.cli import main
from musicfeat_export.graph import FORBIDDEN_OPS, check_graph, weights_digest
from musicfeat_export.parity import check_parity
from musicfeat_trainer.bundled.model import fresh_model, load_model
from musicfeat_trainer.frontends.log_mel import LogMel


@pytest.mark.slow
def test_a_model_without_labels_has_no_tags(
    unlabelled_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(unlabelled_run), "-o", str(tmp_path / "a.onnx")]) == 0
    extractor = Extractor(tmp_path / "a.onnx")
    assert not {"tags", "cut", "backwards"} & set(extractor.card.outputs)
    assert extractor.card.curves == {}
    assert extractor(np.ones(9999), sr=22050).tags == {}
    with pytest.raises(ModelError, match="tags"):
        Extractor(tmp_path / "a.onnx", outputs=["tags"])
    assert musicfeat_main(["tag", "--model", str(tmp_path / "a.onnx"), "song.mp3"]) == 1
    assert "has no tags" in capsys.readouterr().err


def test_the_file_keeps_the_contract(exported: Path) -> None:
    proto = onnx.load(exported)
    check_graph(proto)
    assert [i.name for i in proto.graph.input] == ["waveform"]
    assert all(value.type.tensor_type.shape.dim[0].dim_param == "batch" for value in proto.graph.input)
    assert not {node.op_type for node in proto.graph.node} & FORBIDDEN_OPS
    assert {node.domain for node in proto.graph.node} <= {"", "ai.onnx"}
    assert proto.opset_import[0].version <= 18
    card = Session(exported, threads=1).card
    assert card.name == "tiny"
    assert card.labels == ("banjo", "cello")
    assert card.scores == {"reversal": 0.5}
    assert card.curves == {
        "cut": pytest.approx((1050 / 22050, 525 / 22050)),
        "backwards": pytest.approx((2 / 7, 1 / 7)),
    }
    assert card.weights_sha256 == weights_digest(proto)
    sidecar = json.loads(exported.with_suffix(".json").read_text())
    assert sidecar["weights_sha256"] == card.weights_sha256
    assert json.loads(sidecar["recipe"])["name"] == "tiny"


def test_no_weight_waits_to_be_transposed(exported: Path) -> None:
    graph = onnx.load(exported).graph
    weights = {tensor.name for tensor in graph.initializer}
    turned = [node.name for node in graph.node if node.op_type == "Transpose" and node.input[0] in weights]
    assert turned == []


def test_torch_and_the_file_agree(run: Path, exported: Path) -> None:
    model, _ = load_model(run)
    differences = check_parity(model, exported)
    assert set(differences) == {"embedding", "frames", "reversal", "successor", "jigsaw", "tags", "cut", "backwards"}
    assert max(differences.values()) <= 1e-4


def test_other_weights_do_not_pass_the_gate(run: Path, exported: Path) -> None:
    model, _ = load_model(run)
    with torch.no_grad():
        model.trunk.reversal.layers[1].bias += 0.01  # type: ignore[union-attr, operator]
    with pytest.raises(ModelError, match="differs from the model in torch"):
        check_parity(model, exported)


def test_a_file_that_fails_is_not_written(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other_model = onnx.load(find_model(None))
    del other_model.metadata_props[:]
    monkeypatch.setattr(onnx_file, "to_onnx", lambda *_: other_model)
    path = tmp_path / "model.onnx"
    path.write_bytes(b"precious")
    assert main([str(run), "-o", str(path)]) == 1
    assert path.read_bytes() == b"precious"
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("op", ["STFT", "If", "MyOwnOp"])
def test_graphs_with_operators_that_engines_lack_are_refused(exported: Path, op: str) -> None:
    proto = onnx.load(exported)
    proto.graph.node[0].op_type = op
    with pytest.raises(ModelError):
        check_graph(proto)


def test_an_exported_model_runs_in_the_extractor(exported: Path) -> None:
    extractor = Extractor(exported, threads=1)
    features = extractor(np.random.default_rng(0).standard_normal(22050 * 7), sr=22050)
    assert features.embeddings.shape[0] == -(-22050 * 7 // extractor.card.window)


@pytest.mark.slow
def test_a_run_is_exported_for_samples_at_another_rate(run: Path, exported: Path, tmp_path: Path) -> None:
    """Also where a window is no whole number of them."""
    path = tmp_path / "tiny-48k.onnx"
    assert main([str(run), "-o", str(path), "--resample", "48000"]) == 0
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["tiny-48k.json", "tiny-48k.onnx"]
    card, plain = Session(path, threads=1).card, Session(exported, threads=1).card
    assert (card.sample_rate, card.window) == (48000, -(-plain.window * 48000 // 22050))
    assert (card.name, card.labels, card.outputs) == (plain.name, plain.labels, plain.outputs)


def test_wrong_inputs_of_the_command_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "missing"), "-o", str(tmp_path / "a.onnx")]) == 1
    (tmp_path / "scores.json").write_text("[1]")
    scores = ["--scores", str(tmp_path / "scores.json")]
    assert main([str(tmp_path / "missing"), "-o", str(tmp_path / "a.onnx"), *scores]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_bundled_files_are_what_their_cards_say() -> None:
    for name in bundled_models():
        proto = onnx.load(find_model(name))
        check_graph(proto)
        assert Session(name, threads=1).card.weights_sha256 == weights_digest(proto)
        assert find_model(name).with_suffix(".md").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(("n_fft", "transforms"), [(1050, 1), (2100, 2)])
def test_joins_hear_in_the_trunks_spectrum_what_they_hear_in_their_own(
    unlabelled_run: Path, n_fft: int, transforms: int
) -> None:
    _, recipe = load_model(unlabelled_run)
    frontend = LogMelSpec(n_fft=n_fft, n_mels=64, pool=2)
    recipe = recipe.model_copy(update={"joins": recipe.joins.model_copy(update={"frontend": frontend})})
    torch.manual_seed(0)
    model = fresh_model(recipe)
    wave = torch.randn(2, recipe.window)
    torch.testing.assert_close(model(wave).successor, model.joins(wave), atol=1e-5, rtol=1e-4)
    graph = onnx_file.to_onnx(model, recipe.window, onnx_file.outputs_of(recipe)).graph
    assert sum("stage_one" in value.name for value in graph.initializer) == transforms


@pytest.mark.parametrize("spec", [LogMelSpec(), LogMelSpec(n_fft=1024, hop=512)], ids=["1050", "1024"])
def test_the_exported_spectrogram_is_held_to_the_numpy_reference(spec: LogMelSpec, tmp_path: Path) -> None:
    from musicfeat.model.ort import onnxruntime

    wave = np.random.default_rng(0).standard_normal((2, spec.hop * 30)).astype(np.float32)
    wave[1, spec.hop * 11 :] = 0
    torch.onnx.export(LogMel(spec).eval(), (torch.from_numpy(wave),), tmp_path / "a.onnx", dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: wave})
    np.testing.assert_allclose(found, log_mel(wave, spec), atol=1e-4)


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert {"onnx", "report", "tensorrt"} <= {*capsys.readouterr().out.split()}


def test_the_name_of_the_export_may_be_left_out(tmp_path: Path) -> None:
    short, long = tmp_path / "short.onnx", tmp_path / "long.onnx"
    assert main(["music-small", "-o", str(short), "--batch", "1"]) == 0
    assert main(["onnx", "--batch", "1", "music-small", "-o", str(long)]) == 0
    assert short.read_bytes() == long.read_bytes()
