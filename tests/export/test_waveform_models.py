"""Encoders of raw waveforms, exported like the model with its spectrogram."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from musicfeat.model.ort import onnxruntime
from musicfeat_export.graph import check_graph
from musicfeat_export.onnx_file import to_onnx
from musicfeat_trainer.encoders.sample_cnn import WINDOW, SampleCNN


@pytest.mark.slow
def test_sample_cnn_is_the_same_in_torch_and_in_the_file() -> None:
    torch.manual_seed(0)
    net = SampleCNN()
    for layer in net.layers:
        if isinstance(layer, torch.nn.BatchNorm1d):
            layer.momentum = 1.0
    with torch.no_grad():
        net(torch.randn(4, WINDOW))  # every layer's statistics are those of what it gets
    proto = to_onnx(net, WINDOW, ["embedding"])
    check_graph(proto)
    assert {node.op_type for node in proto.graph.node} == {"Conv", "MaxPool", "Relu", "Squeeze", "Unsqueeze"}
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    exact = net.eval().double()  # in single precision torch's own error is the larger one
    for batch, level in ((1, 1.0), (2, 0.01), (5, 0.3)):
        waves = level * torch.randn(batch, WINDOW)
        (found,) = session.run(["embedding"], {"waveform": waves.numpy()})
        with torch.no_grad():
            expected = exact(waves.double()).numpy()
        assert found.shape == (batch, 512)
        assert np.ptp(expected) > 1
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)
