"""One question of the benchmark of GPUs, in a process of its own: python question.py NAME [options of __main__]."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))


@dataclass(frozen=True)
class Limits:
    """Peak rates of the device when it does nothing else."""

    copied: float
    """Bytes a second from pageable host memory, the kind that callers pass."""
    pinned: float
    """Bytes a second from pinned memory."""
    flops: dict[str, float]
    """Floating-point operations a second of a large matrix product, by precision."""


@dataclass(frozen=True)
class Question:
    """Options that every question takes."""

    device: str
    batches: list[int]
    rounds: int
    folder: Path
    """Folder of this run, where ``limits`` are kept from one question to the next."""

    @property
    def on_gpu(self) -> bool:
        """True on a GPU, False on the CPU."""
        return self.device != "cpu"

    def keep(self, limits: Limits) -> None:
        """Keep the limits for later questions."""
        (self.folder / "limits.json").write_text(json.dumps(asdict(limits)))

    @property
    def limits(self) -> Limits | None:
        """Limits that the first question found; None if torch could not measure them."""
        kept = self.folder / "limits.json"
        return Limits(**json.loads(kept.read_text())) if kept.exists() else None


def seconds(call: Callable[[], object], rounds: int) -> float:
    """Median duration of several calls after a warm-up call."""
    call()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> None:
    """Print the answer; a missing library or device is one line on stderr and exit status 1."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("name")
    options.add_argument("--device", default="cuda:0")
    options.add_argument("--batches", type=int, nargs="+", default=[1, 8, 64, 256])
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--folder", type=Path, required=True)
    chosen = options.parse_args()
    question = Question(chosen.device, chosen.batches, chosen.rounds, chosen.folder)
    from musicfeat.errors import MusicfeatError

    try:
        print(import_module(f"answers.{chosen.name}").answer(question))
    except (MusicfeatError, ImportError) as error:
        raise SystemExit(" ".join(str(error).split())) from error


if __name__ == "__main__":
    main()
