"""Spectrograms as graphs of their own: what ONNX Runtime computes is what torch does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from musicfeat.model.ort import onnxruntime
from musicfeat_export.graph import check_graph
from musicfeat_export.onnx_file import to_onnx
from musicfeat_trainer.frontends.cqt import CQT, CQTSpec
from musicfeat_trainer.frontends.log_mel_stack import LogMelStack


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(CQT, id="cqt"),
        pytest.param(lambda: CQT(CQTSpec(centred=True)), id="centred", marks=pytest.mark.slow),
        pytest.param(LogMelStack, id="mel", marks=pytest.mark.slow),
    ],
)
def test_frontends_as_graphs_are_held_to_torch(make: Callable[[], nn.Module]) -> None:
    """To 1e-3 (dB; nepers for log-mel) above a floor of -60 dB."""
    module = make()
    window = 63000
    proto = to_onnx(module, window, ["spectrogram"])
    check_graph(proto)
    assert proto.opset_import[0].version <= 18
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    waves = np.random.default_rng(0).standard_normal((3, window)).astype(np.float32)
    waves[1] *= np.linspace(0, 1e-2, window, dtype=np.float32)
    waves[2, window // 2 :] = 0
    for batch in (waves, waves[:1]):
        (found,) = session.run(["spectrogram"], {"waveform": batch})
        expected = module(torch.from_numpy(batch)).numpy()
        assert found.shape == expected.shape
        heard = expected > expected.max() - 60
        assert np.abs(found - expected)[heard].max() <= 1e-3
