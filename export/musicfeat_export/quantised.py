"""Static 8-bit quantisation of the graph's convolutions, calibrated on real clips.

Weights are quantised per output channel, activations per tensor (QDQ form, for every engine that knows
QuantizeLinear and DequantizeLinear). The spectrogram stays in single precision, and so do the first
convolutions, which read it, and all other products: they are small, and scores are sensitive to them.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from musicfeat.errors import InputError
from musicfeat.model.ort import quantization
from musicfeat_export.graph import before_convolutions, first_convolutions, replace, shared

Windows = npt.NDArray[np.float32]
LEAST_CLIPS = 8
"""Fewest clips that show the range of activations."""


def to_int8(proto: onnx.ModelProto, clips: Windows, *, signed: bool = False) -> onnx.ModelProto:
    """Quantise the convolutions of a copy of a single-precision model.

    Args:
        proto: the model.
        clips: [clips, window] of real sound, at least ``LEAST_CLIPS``.
        signed: activations as symmetric int8, which TensorRT demands, instead of uint8, which x86 multiplies faster.

    Raises:
        InputError: too few clips.
    """
    if len(clips) < LEAST_CLIPS:
        raise InputError(f"int8 needs at least {LEAST_CLIPS} clips to calibrate on, got {len(clips)}: name more music")
    tools, source = quantization(), onnx.ModelProto()
    source.CopyFrom(proto)  # quantize_static moves the weights of its input
    kept = first_convolutions(proto.graph) | before_convolutions(proto.graph)
    convolutions = [node.name for node in proto.graph.node if node.op_type == "Conv" and node.name not in kept]
    logging.getLogger().addFilter(_not_preprocessed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quantised.onnx"
        try:
            tools.quantize_static(
                source,
                path,
                _Clips(clips),
                quant_format=tools.QuantFormat.QDQ,
                per_channel=True,
                activation_type=tools.QuantType.QInt8 if signed else tools.QuantType.QUInt8,
                weight_type=tools.QuantType.QInt8,
                nodes_to_quantize=convolutions,
                # TensorRT adds a convolution's bias in single precision and reads no int32 bias.
                extra_options={"ActivationSymmetric": signed, "QuantizeBias": not signed},
            )
        finally:
            logging.getLogger().removeFilter(_not_preprocessed)
        return _cleaned(onnx.load(path), proto)


def _cleaned(quantised: onnx.ModelProto, original: onnx.ModelProto) -> onnx.ModelProto:
    """The model without the tools' traces: value_info, unused operator sets, duplicate scales."""
    quantised.graph.ClearField("value_info")
    replace(quantised.opset_import, original.opset_import)
    replace(quantised.metadata_props, original.metadata_props)
    return shared(quantised)


def _not_preprocessed(record: logging.LogRecord) -> bool:
    """A filter for the advice to pre-process, which the exporter has done already."""
    return "pre-processing" not in record.getMessage()


class _Clips:
    """A reader that hands clips to the calibration one by one."""

    def __init__(self, clips: Windows) -> None:
        self._rest: Iterator[Windows] = iter(clips[:, None])

    def get_next(self) -> dict[str, Windows] | None:
        """The next clip as inputs; None after the last."""
        clip = next(self._rest, None)
        return None if clip is None else {"waveform": clip}
