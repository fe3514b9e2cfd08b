from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from musicfeat import InputError
from musicfeat_trainer.method.part import MethodPart, load_method
from musicfeat_trainer.objectives.memory_bank import MemoryBank
from musicfeat_trainer.recipe.method import MethodRecipe
from musicfeat_trainer.training.checkpoint import load_checkpoint, save_recipe
from musicfeat_trainer.training.loop import Trainer
from support.runs import assert_same_weights, in_two_processes

RATE = 4000


def used(instances: int = 5) -> MemoryBank:
    bank = MemoryBank(3, 0.5)
    bank.prepare(instances)
    bank.remember(nn.functional.normalize(torch.tensor([[1.0, 2.0, 3.0]]), dim=1), torch.tensor([2]))
    return bank


def test_it_begins_with_the_same_random_unit_vectors_everywhere() -> None:
    banks = [MemoryBank(64, 0.5) for _ in range(2)]
    for number, bank in enumerate(banks):
        torch.manual_seed(number)
        bank.prepare(500)
    assert torch.equal(banks[0].vectors, banks[1].vectors)
    torch.testing.assert_close(banks[0].vectors.norm(dim=1), torch.ones(500))
    cosines = banks[0].cosines(banks[0].vectors)
    assert cosines.fill_diagonal_(0).abs().max() < 0.75  # of 64 dimensions: deviation 1/8, six of them


def test_a_row_is_the_normalised_moving_average() -> None:
    bank = MemoryBank(2, 0.75)
    bank.prepare(3)
    bank.vectors = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    bank.remember(torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.tensor([2, 1]))
    mixed = np.array([0.75, 0.25]) / np.hypot(0.75, 0.25)
    torch.testing.assert_close(bank.vectors, torch.tensor([[1.0, 0.0], [0.0, 1.0], mixed.tolist()]))


def test_it_comes_back_from_a_file_and_stays(tmp_path: Path) -> None:
    bank = used()
    save_file(bank.state_dict(), tmp_path / "bank.safetensors")
    restored = MemoryBank(3, 0.5)
    restored.load_state_dict(load_file(tmp_path / "bank.safetensors"))
    restored.prepare(5)
    assert torch.equal(restored.vectors, bank.vectors)
    restored.remember(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([0]))
    assert not torch.equal(restored.vectors, bank.vectors)
    assert torch.equal(used().vectors, bank.vectors)


def test_a_bank_does_not_share_what_it_took_over() -> None:
    bank, other = used(), MemoryBank(3, 0.5)
    other.load_state_dict(bank.state_dict())
    before = bank.vectors.clone()
    other.remember(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([0]))
    assert torch.equal(bank.vectors, before)
    copied = copy.deepcopy(bank)
    copied.remember(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([0]))
    assert torch.equal(bank.vectors, before)


def test_the_moving_average_of_a_model_leaves_the_bank_out(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(2, 2), MemoryBank(3, 0.5))
    average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    module[1].prepare(5)
    average.update_parameters(module)
    assert average.module[1].vectors.shape == (0, 3)
    save_file(average.module.state_dict(), tmp_path / "average.safetensors")
    average.module.load_state_dict(load_file(tmp_path / "average.safetensors"))


@pytest.mark.parametrize(("instances", "words"), [(1, "got 1"), (0, "got 0"), (4, "5 stretches.* 4")])
def test_other_data_than_remembered_is_explained(instances: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        used().prepare(instances)


TWO_PROCESSES = """
import torch
from musicfeat_trainer.distributed import rank, start, stop
from musicfeat_trainer.objectives.memory_bank import MemoryBank
start()
bank = MemoryBank(2, 0.0)
bank.prepare(4)
bank.remember(torch.eye(2) if rank() else -torch.eye(2), torch.tensor([2, 3]) - 2 * rank())
print(f"{bank.vectors.tolist()}\\n", end="")  # in one piece, since both processes write to one pipe
stop()
"""


@pytest.mark.slow
def test_two_processes_remember_what_either_saw() -> None:
    printed = in_two_processes("-c", TWO_PROCESSES).splitlines()
    expected = [[1.0, 0.0], [0.0, 1.0], [-1.0, -0.0], [-0.0, -1.0]]
    assert [json.loads(text.replace("-0.0", "0.0")) for text in printed] == [expected] * 2


MEMORIES: dict[str, dict[str, Any]] = {
    "moco": {"queue": 10},
    "npid": {"noise": 16},
    "pirl": {"negatives": 16},
}


def recipe(folder: Path, name: str, **changes: Any) -> MethodRecipe:
    spec = {"sample_rate": RATE, "n_fft": 256, "hop": 128, "n_mels": 16, "fmin": 30.0, "fmax": 2000.0}
    method = {
        "steps": 4, "batch": 4, "warmup": 0, "evaluate_every": 2, "checkpoint_seconds": 1e-6, "bfloat16": False,
        "clips": {"seconds": 1.0}, "frontend": {"name": "log_mel", "spec": spec}, "encoder": {"name": "resnet"},
        "objective": {"name": name, **MEMORIES[name]}, "pieces": {"edge": 1} if name == "pirl" else None,
    }  # fmt: skip
    data = {"set": {"name": "folder", "root": str(folder / "audio")}, "store": str(folder / "store")}
    return MethodRecipe.model_validate({"name": name, "data": data, "method": method | changes})


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sources of three seconds of noise."""
    folder = tmp_path_factory.mktemp("memories")
    for number, source in enumerate("abc"):
        (folder / "audio" / source).mkdir(parents=True)
        noise = np.random.default_rng(number).normal(0, 0.1, 3 * RATE).astype(np.float32)
        soundfile.write(folder / "audio" / source / "noise.wav", noise, RATE)
    return folder


class KilledError(Exception):
    """Ends a run in the middle."""


@pytest.mark.slow
@pytest.mark.parametrize("name", MEMORIES)
def test_a_killed_run_goes_on_with_what_it_remembered(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """To the same weights, queue, bank and partition, bit by bit; and the averaged weights embed."""
    monkeypatch.setattr("musicfeat_trainer.encoders.resnet.WIDTHS", (4, 4, 4, 8))
    asked = recipe(music, name)
    Trainer(MethodPart(asked, tmp_path / "whole")).run()
    trainer = Trainer(MethodPart(asked, tmp_path / "killed"))
    step = trainer.step

    def killed_at_three(number: int) -> dict[str, float]:
        if number == 3:
            raise KilledError
        return step(number)

    trainer.step = killed_at_three  # type: ignore[method-assign]
    with pytest.raises(KilledError):
        trainer.run()
    assert load_checkpoint(tmp_path / "killed" / "method" / "last.safetensors").progress["step"] == 3
    Trainer(MethodPart(asked, tmp_path / "killed")).run()
    ours = load_checkpoint(tmp_path / "killed" / "method" / "last.safetensors")
    assert ours.progress["step"] == 4
    assert_same_weights(tmp_path / "killed" / "method", tmp_path / "whole" / "method")
    remembered = "queue.keys" if name == "moco" else "bank._extra_state"
    assert len(ours.tensors[f"model.objective.{remembered}"]) == (10 if name == "moco" else 6)
    save_recipe(tmp_path / "whole", asked)
    method, _ = load_method(tmp_path / "whole")
    assert method.embed(torch.zeros(2, RATE)).shape == (2, 8)
