"""Small experiments that settle what tables leave open, each kept as JSON: what is there is not done again.

    python benchmarks/papers/settling.py [--folder runs/settling] [--threads 1] [--tracks 371] [EXPERIMENT...]

    overfit     jigsaw by ResNet-18 over 64 clips, orders drawn anew in each step: can it learn at all?
    levels      how much of the signal's level five and seven strided convolutions keep, as drawn before and now
    cpc         CPC from both initialisations at a constant rate: share of future steps told, chance 1 / batch
    mixed       mel and piano roll as the two halves: effective rank and rank@100, plain and standardised
    npid        visits of each bank entry against nearest-neighbour accuracy on its own stretches
    labels      a probe behind jigsaw, behind the same steps with random labels, and behind no step at all

Each prints what it found with the seconds it took; the docs quote these.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

import numpy as np
import torch
from _table import data_folder
from plan import NO_PITCH, PIANO, RESNET18, STACK
from torch import Tensor, nn
from training import few_performances

from musicfeat_trainer.encoders.strided_conv import CLMR, PUBLISHED, StridedConv
from musicfeat_trainer.evaluate.metrics import effective_rank
from musicfeat_trainer.method.part import MethodPart
from musicfeat_trainer.objectives.jigsaw import Jigsaw
from musicfeat_trainer.objectives.objective import Views
from musicfeat_trainer.recipe.files import open_recipe

Found = dict[str, Any]


HELD_OUT = "held_out"
SET = 'name="folder", root="$MUSICFEAT_DATA/music", table="{folder}/tracks.csv"'
MUSIC = f'data.set={{{SET}, validation_sources=["{HELD_OUT}"]}}'
"""A few tracks, some of them held out, so that decoding takes a minute."""


def few_tracks(folder: Path, count: int) -> None:
    """Write a table of ``count`` tracks spread over all sources; every fifth is its own source, held out."""
    with (data_folder() / "music" / "tracks.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("noncommercial") != "yes"]
    rows = rows[:: max(1, len(rows) // count)][:count]
    with (folder / "tracks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "source"))
        writer.writerows((row["path"], "trained" if i % 5 else HELD_OUT) for i, row in enumerate(rows))


def opened(recipe: str, folder: Path, *changes: str) -> MethodPart:
    """A part with a fresh module, drawn with seed 7, and its data ready."""
    given = [change.replace("{folder}", str(folder)) for change in (*changes, f'data.store="{folder}/store"')]
    part = MethodPart(open_recipe(recipe, given), folder / "unused")
    torch.manual_seed(7)
    part.module = part.build(part.recipe)
    part.open_training()
    part.open_validation()
    return part


def steps(part: MethodPart, count: int, rate: float) -> Iterator[int]:
    """Steps of Adam at a constant rate; yields the number of each finished step."""
    module = part.module
    optimizer = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], rate)
    for number in range(count):
        module.train()
        loss = torch.stack(list(part.losses(number).values())).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        part.after_step()
        yield number + 1


def overfit(folder: Path) -> Found:
    part = opened("jigsaw/resnet18-3s", folder, MUSIC, "method.batch=64")
    method, objective = part.module, part.module.objective
    assert isinstance(objective, Jigsaw)
    with torch.no_grad():
        views = method.views(part.sampler.draw(64, np.random.default_rng(7)), None)
    optimizer = torch.optim.Adam(objective.parameters(), 1e-3)
    curve = []
    for number in range(400):
        torch.manual_seed(number)
        objective.train()
        rows = torch.randperm(64)[:16]
        loss = objective.losses(Views((views.features[0][rows],), views.instances[rows]))["jigsaw"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if number % 50 == 49:
            objective.eval()
            with torch.no_grad():
                torch.manual_seed(1)
                curve.append([number + 1, objective.figures(views)["jigsaw"], loss.item()])
            if curve[-1][1] == 1.0:
                break
    return {"steps, accuracy over both answers of the 64 clips, loss": curve}


def levels(_: Path) -> Found:
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


def cpc(folder: Path, count: int = 150) -> Found:
    found = {}
    for scaled in (False, True):
        part = opened("cpc/magnatagatune", folder, MUSIC, "method.batch=16", "method.validation_batches=2")
        if not scaled:
            torch.manual_seed(7)
            for layer in part.module.objective.encoder.modules():
                if isinstance(layer, nn.Conv1d):
                    layer.reset_parameters()
        curve = [[0, part.evaluate(part.module.eval())["future"]]]
        done = (number for number in steps(part, count, 1.5e-4) if number % 50 == 0)
        curve += [[number, part.evaluate(part.module.eval())["future"]] for number in done]
        found["scaled" if scaled else "as PyTorch draws them"] = curve
    return found | {"chance": 1 / 16}


def mixed(folder: Path, count: int = 300) -> Found:
    few_performances(data_folder() / "asap", folder)
    found = {}
    for name, row, standardised in (
        ("mel-sym, plain", "mel-sym", False),
        ("mel-sym, standardised", "mel-sym", True),
        ("mel-mel", "mel-mel", False),
    ):
        change = f"method.objective.standardised={str(standardised).lower()}", "method.validation_batches=4"
        part = opened(
            f"semantic_relevance/{row}", folder, PIANO, change, "method.batch=32", "method.validation_batches=4"
        )
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
    return {"effective rank": effective_rank(torch.cat(vectors).numpy()), **part.evaluate(module)}


def npid(folder: Path) -> Found:
    change = ("method.objective.noise=256", "method.batch=32", RESNET18, STACK, NO_PITCH, "method.clips.stretch=60.0")
    part = opened("npid", folder, MUSIC, *change)
    bank = part.module.objective.bank
    visits = 32 / len(bank.vectors)
    done = (number for number in steps(part, 400, 1e-3) if number % 100 == 0)
    curve = [[round(number * visits, 1), part.evaluate(part.module.eval())["agreement"]] for number in done]
    return {"bank entries": len(bank.vectors), "visits of each, agreement (chance 1 / 32)": curve}


def labels(folder: Path, count: int = 300) -> Found:
    from musicfeat_trainer.cli.evaluate import open_set
    from musicfeat_trainer.evaluate.budgets import parse_budget
    from musicfeat_trainer.evaluate.downstream import Subject, evaluate

    dataset, found = open_set("notes", data_folder() / "notes", []), {}
    for name in ("untrained", "random labels", "jigsaw"):
        part = opened("jigsaw/resnet18-3s", folder, MUSIC, "method.batch=16")
        if name == "random labels":
            part.module.objective.losses = random_labels(part.module.objective)  # type: ignore[method-assign]
        for _ in steps(part, 0 if name == "untrained" else count, 1e-3):
            pass
        outcome = evaluate(Subject(part.module.eval(), dataset, folder / "store"), "probe", parse_budget("10"))
        found[name] = {"accuracy": outcome.figures["accuracy"], "95 %": outcome.intervals["accuracy"]}
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


EXPERIMENTS: dict[str, Callable[[Path], Found]] = {
    "levels": levels, "overfit": overfit, "mixed": mixed, "cpc": cpc, "npid": npid, "labels": labels,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", nargs="*", metavar="EXPERIMENT", help="experiments to run (default: all)")
    parser.add_argument("--folder", type=Path, default=Path("runs/settling"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tracks", type=int, default=371, help="number of tracks of the music (default: all)")
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
            found = EXPERIMENTS[name](folder)
            kept.write_text(json.dumps({"seconds": round(time.monotonic() - begun), **found}, indent=1) + "\n")
        print(f"{name}: {kept.read_text()}", flush=True)


if __name__ == "__main__":
    main()
