"""A session that answers line by line, for engines.py; engine.mjs is the same in Node.

python benchmarks/engine.py DEVICE MODEL WINDOWS SAMPLES

The first line printed is the seconds that opening took. ``time`` is answered by the CPU milliseconds of one window, the
least of four; ``judge FOLDER`` by the outputs' names, after each was written over all windows to a file of its name.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "runtime"))

from musicfeat.model.session import Session

TURN = 4


def main() -> None:
    device, model, windows, samples = sys.argv[1:]
    begun = time.perf_counter()
    session = Session(model, device, threads=1)
    print(time.perf_counter() - begun, flush=True)
    sound = np.fromfile(windows, np.float32).reshape(-1, int(samples))
    for line in sys.stdin:
        if line.startswith("time"):
            print(min(milliseconds(session, sound[:1]) for _ in range(TURN)), flush=True)
        else:
            folder = Path(line.removeprefix("judge ").strip())
            rows = [session.run(sound[i : i + 1], session.outputs) for i in range(len(sound))]
            for name in session.outputs:
                np.concatenate([row[name] for row in rows]).astype(np.float32).tofile(folder / name)
            print(*session.outputs, flush=True)


def milliseconds(session: Session, window: np.ndarray) -> float:
    """CPU time of one window, all outputs."""
    start = time.process_time()
    session.run(window, session.outputs)
    return 1000 * (time.process_time() - start)


if __name__ == "__main__":
    main()
