"""Training of the plan's systems that are not trained yet, each by the command that a user would type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from plan import System

SEED = 7


def train(system: System, folder: Path, threads: int, steps: int, seed: int = SEED) -> Path:
    """Folder of a finished run; an interrupted run is continued, and a run with another seed has it in its name."""
    run = folder / (system.name if seed == SEED else f"{system.name}-seed{seed}")
    changes = [*system.changes, f'data.store="{folder}/store"', f"method.seed={seed}"]
    changes += [f"method.steps={steps}", f"method.evaluate_every={max(1, steps // 4)}"]
    command = [sys.executable, "-m", "musicfeat_trainer.cli", "--threads", str(threads), "run", system.recipe]
    for change in changes:
        command += ["--set", change]
    subprocess.run([*command, "-o", str(run)], check=True)
    return run
