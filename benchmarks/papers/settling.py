"""Small experiments that settle what tables leave open, each kept as JSON: what is there is not done again.

    python benchmarks/papers/settling.py [--folder runs/settling] [--threads 1] [--tracks 371] [EXPERIMENT...]

    overfit     jigsaw by ResNet-18 over 64 clips, orders drawn anew in each step: can it learn at all?
    levels      how much of the signal's level five and seven strided convolutions keep, as drawn before and now
    cpc         CPC from both initialisations at a constant rate, 128 channels for 512: future steps told, and a probe
    mixed       mel and piano roll as the two halves: effective rank and neighbours found, plain and standardised
    npid        visits of each bank entry against the views told apart and a probe of instruments
    decibels    time reversal with decibels below the clip's maximum and below 1, at two learning rates
    labels      a probe behind jigsaw, behind the same steps with random labels, and behind no step at all

Each prints what it found with the seconds it took; the docs quote these.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

import numpy as np
import torch
from _table import data_folder
from plan import NO_PITCH, RESNET18, STACK
from torch import Tensor, nn
from trials import FEW_PERFORMANCES, FEW_TRACKS, few_performances, few_tracks, figure, instruments, opened, steps

from musicfeat_trainer.encoders.strided_conv import CLMR, PUBLISHED, StridedConv
from musicfeat_trainer.method.part import MethodPart
from musicfeat_trainer.objectives.jigsaw import Jigsaw
from musicfeat_trainer.objectives.objective import Views, effective_rank

Found = dict[str, Any]
VISITS = 100
"""Visits of each entry of NPID's bank."""


def overfit(folder: Path, count: int = 400) -> Found:
    part = opened("jigsaw/resnet18-3s", folder, FEW_TRACKS, "method.batch=64")
    method, objective = part.module, part.module.objective
    assert isinstance(objective, Jigsaw)
    with torch.no_grad():
        views = method.views(part.sampler.draw(64, np.random.default_rng(7)), None)
    optimizer = torch.optim.Adam(objective.parameters(), 1e-3)
    curve = []
    for number in range(count):
        torch.manual_seed(number)
        objective.train()
        rows = torch.randperm(64)[:16]
        loss = objective.losses(Views((views.features[0][rows],), views.instances[rows]))["jigsaw"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if number % 50 == 49 or number == count - 1:
            objective.eval()
            with torch.no_grad():
                torch.manual_seed(1)
                curve.append([number + 1, objective.figures(views)["jigsaw"], loss.item()])
            if curve[-1][1] == 1.0:
                break
    return {"steps, accuracy over both answers of the 64 clips, loss": curve}


def levels(_folder: Path, _count: int = 0) -> Found:
    def kept(layers: Any, scaled: bool) -> list[float]:
        torch.manual_seed(0)
        x, found = 0.14 * torch.randn(2, 1, 20480), []
        for layer in StridedConv(layers).layers:
            if isinstance(layer, nn.Conv1d) and not scaled:
                layer.reset_parameters()
            x = layer(x)
            found += [x.detach().square().mean().sqrt().item()] * isinstance(layer, nn.ReLU)
        return [round(value, 4) for value in found]

    return {
        f"{name}, {'He' if scaled else 'as PyTorch draws them'}": kept(layers, scaled)
        for name, layers in (("five layers", PUBLISHED), ("seven layers", CLMR))
        for scaled in (False, True)
    }


def cpc(folder: Path, count: int = 600) -> Found:
    found: Found = {"chance": 1 / 16}
    narrow = "method.batch=16", "method.validation_batches=4", "method.encoder.width=128"
    for scaled in (False, True):
        part = opened("cpc/magnatagatune", folder, FEW_TRACKS, *narrow)
        if not scaled:
            torch.manual_seed(7)
            for layer in part.module.objective.encoder.modules():
                if isinstance(layer, nn.Conv1d):
                    layer.reset_parameters()
        untrained, curve = instruments(part.module, folder), [[0, figure(part, "future")]]
        done = (number for number in steps(part, count, 1.5e-4) if number % 100 == 0 or number == count)
        curve += [[number, figure(part, "future")] for number in done]
        behind = {"untrained": untrained, "trained": instruments(part.module, folder)}
        found["scaled" if scaled else "as PyTorch draws them"] = {"step, future told": curve, "probe": behind}
    return found


def mixed(folder: Path, count: int = 300) -> Found:
    few_performances(folder)
    found = {}
    for name, row, standardised in (
        ("mel-sym, plain", "mel-sym", False),
        ("mel-sym, standardised", "mel-sym", True),
        ("mel-mel", "mel-mel", False),
    ):
        changes = (f"method.objective.standardised={str(standardised).lower()}", "method.batch=32")
        changes += (FEW_PERFORMANCES, "method.validation_batches=4")
        part = opened(f"semantic_relevance/{row}", folder, *changes)
        before = spread_of(part)
        for _ in steps(part, count, 1e-3):
            pass
        found[name] = {"untrained": before, f"after {count} steps": spread_of(part)}
    return found


@torch.no_grad()
def spread_of(part: MethodPart) -> dict[str, float]:
    """Effective rank of the first half's embedding of held-out clips, and the pretext figures."""
    module = part.module.eval()
    vectors = [module.objective.embed(part._views(module, clips).features[0]) for clips in part.clips]
    return {"effective rank": effective_rank(torch.cat(vectors)), **part.evaluate(module)}


def npid(folder: Path, count: int = 0) -> Found:
    change = "method.objective.noise=128", "method.batch=32", RESNET18, STACK, NO_PITCH, "method.clips.stretch=60.0"
    part = opened("npid", folder, FEW_TRACKS, *change)
    entries = len(part.module.objective.bank.vectors)
    count = count or round(VISITS * entries / 32)
    stops = [round(count * share) for share in (0.025, 0.1, 0.4, 1)]
    done = itertools.chain([0], (number for number in steps(part, count, 1e-3) if number in stops))
    curve = [
        [round(number * 32 / entries, 1), figure(part, "agreement"), instruments(part.module, folder)]
        for number in done
    ]
    return {"bank entries": entries, "visits of each, agreement (chance 1 / 32), probe": curve}


def decibels(folder: Path, count: int = 400) -> Found:
    found: Found = {"chance": 1 / 2}
    for reference, rate in itertools.product(("maximum", "one"), (1e-3, 1e-4)):
        changes = "method.batch=16", "method.validation_batches=16", f'method.frontend.spec.reference="{reference}"'
        part = opened("time_reversal/5s", folder, FEW_TRACKS, *changes)
        done = (number for number in steps(part, count, rate) if number % 100 == 0 or number == count)
        found[f"{reference}, {rate}"] = [[number, figure(part, "reversal")] for number in done]
    return found


def labels(folder: Path, count: int = 300) -> Found:
    found = {}
    for name in ("untrained", "random labels", "jigsaw"):
        part = opened("jigsaw/resnet18-3s", folder, FEW_TRACKS, "method.batch=16")
        if name == "random labels":
            part.module.objective.losses = random_labels(part.module.objective)  # type: ignore[method-assign]
        for _ in steps(part, 0 if name == "untrained" else count, 1e-3):
            pass
        found[name] = instruments(part.module, folder)
    return found


def random_labels(objective: Any) -> Callable[[Views], dict[str, Tensor]]:
    """The jigsaw's loss with a random label in place of 'shuffled'."""

    def losses(views: Views) -> dict[str, Tensor]:
        features = views.features[0]
        straight = torch.arange(objective.pieces.count).expand(len(features), -1)
        logits = objective._logits(features, straight)
        coins = (torch.rand(len(features)) < 0.5).to(logits)
        return {"jigsaw": nn.functional.binary_cross_entropy_with_logits(logits, coins)}

    return losses


EXPERIMENTS: dict[str, Callable[..., Found]] = {
    "levels": levels, "overfit": overfit, "mixed": mixed, "cpc": cpc, "npid": npid, "decibels": decibels,
    "labels": labels,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", nargs="*", metavar="EXPERIMENT", help="experiments to run (default: all)")
    parser.add_argument("--folder", type=Path, default=Path("runs/settling"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tracks", type=int, default=371, help="number of tracks of the music (default: all)")
    parser.add_argument(
        "--steps", type=int, help="number of steps of each training, for a quick look (default: hundreds)"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    os.environ["MUSICFEAT_DATA"] = str(data_folder())
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "tracks.csv").exists():
        few_tracks(folder, options.tracks)
    for name in options.experiment or EXPERIMENTS:
        kept = folder / f"{name}.json"
        if not kept.exists():
            begun = time.monotonic()
            found = EXPERIMENTS[name](folder, *([options.steps] if options.steps else []))
            kept.write_text(json.dumps({"seconds": round(time.monotonic() - begun), **found}, indent=1) + "\n")
        print(f"{name}: {kept.read_text()}", flush=True)


if __name__ == "__main__":
    main()
