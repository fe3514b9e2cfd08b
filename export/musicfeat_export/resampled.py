"""A model file for samples at another rate: a resampler becomes the first stage of its graph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import onnx
import torch
from torch import Tensor, nn

from musicfeat.errors import ModelError
from musicfeat.model.card import ModelCard
from musicfeat.model.session import Session
from musicfeat_export.graph import BATCH
from musicfeat_export.model_file import write
from musicfeat_export.onnx_file import to_onnx
from musicfeat_export.parity import check_parity
from musicfeat_trainer.frontends.resample import Resample


def resampled(source: Path, path: Path, rate: int) -> dict[str, float]:
    """Write a copy of a model file for samples at ``rate``.

    Each window is resampled as if silence surrounded it. The runtime resamples a whole recording before it
    cuts windows, so that the first and last 2 ms of a window differ.

    Args:
        source: the model file, its batch open.
        path: the file to write, with its sidecar ``path``.json. Nothing is written unless every check passes.
        rate: Hz of the samples that the new file takes.

    Returns:
        The greatest difference of each output between the new file and the source behind a resampler in torch.

    Raises:
        InputError: the rate cannot be resampled inside a graph, see ``Resample``.
        ModelError: the source is no model with an open batch, or the result breaks the contract or differs.
    """
    session = Session(source, threads=1)
    card = resampled_card(session.card, rate)
    stage = _Stage(session.card, rate)
    proto = joined(to_onnx(stage, card.window, ["resampled"]), onnx.load(source), source)
    return write(proto, card, path, lambda written: check_parity(_Reference(stage, session), written))


def resampled_card(card: ModelCard, rate: int) -> ModelCard:
    """The card with times counted in samples of ``rate``, without scores, which hold for the source only.

    A window that is not a whole number of samples is rounded up; the graph cuts the surplus.
    """

    def samples(count: int) -> int:
        return -(-count * rate // card.sample_rate)

    return replace(
        card,
        sample_rate=rate,
        window=samples(card.window),
        hop=samples(card.hop),
        piece_distance=round(card.piece_distance * rate / card.sample_rate),
        frame_hop=card.frame_hop * rate / card.sample_rate,
        scores={},
    )


def joined(stage: onnx.ModelProto, model: onnx.ModelProto, where: Path) -> onnx.ModelProto:
    """The model behind the stage, as one graph; ``where`` names the model in errors."""
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    if batch.dim_param != BATCH:
        raise ModelError(f"{where} takes batches of {batch.dim_value} only: resample the file with an open batch")
    if list(stage.opset_import) != list(model.opset_import):
        raise ModelError(f"{where} is written for opset {model.opset_import[0].version}: export its run anew")
    stage.ir_version = model.ir_version
    whole = onnx.compose.merge_models(stage, model, [("resampled", "waveform")], prefix1="resample/")
    (entry,) = whole.graph.input
    for node in whole.graph.node:
        node.input[:] = ["waveform" if name == entry.name else name for name in node.input]
    entry.name = "waveform"
    return whole


class _Stage(nn.Module):
    """[batch, window at ``rate``] -> [batch, window of the model]."""

    def __init__(self, card: ModelCard, rate: int) -> None:
        super().__init__()
        self.resample, self.window = Resample(rate, card.sample_rate), card.window

    def forward(self, waveform: Tensor) -> Tensor:
        resampled: Tensor = self.resample(waveform)
        return resampled[:, : self.window]


class _Reference(nn.Module):
    """The stage in torch followed by the source file: the reference for the new file."""

    def __init__(self, stage: _Stage, session: Session) -> None:
        super().__init__()
        self.stage, self.session = stage, session

    def forward(self, waveform: Tensor) -> SimpleNamespace:
        outputs = self.session.run(self.stage(waveform).numpy(), self.session.outputs)
        return SimpleNamespace(**{name: torch.from_numpy(value) for name, value in outputs.items()})
