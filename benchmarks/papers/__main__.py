"""Every method of the papers, trained at the size that two cores allow in hours, beside the papers' figures.

    python benchmarks/papers [--paper nyu|clmr|berkeley|siamusic|gururani] [--folder runs/papers]

Music, notes, environmental sounds and piano performances are read from $MUSICFEAT_DATA (../shared/data). Runs and
answers are kept in the folder: a command that was stopped goes on. Each run gets a page.html with its pictures.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from _table import data_folder, markdown
from plan import SYSTEMS
from tables import TABLES
from trained import finished
from training import SEED, train

from musicfeat_trainer.cli import main as train_command


def draw(folder: Path, paper: str) -> None:
    """Draw the pictures of every run and of its evaluations, and a page with them."""
    for _, run in finished(folder, paper):
        for of in (run, *sorted((run / "downstream").glob("*"))):
            train_command(["pictures", str(of), "-o", str(of / "pictures")])
        train_command(["page", str(run)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--paper", choices=TABLES, action="append", help="paper to repeat; may be given again (default: all)"
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/papers"))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument(
        "--steps", type=int, help="number of steps of every run, for a quick look (default: the plan's)"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="factor for the plan's steps; 10 takes hours")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[SEED], help="seeds to train each system with (default: 7)"
    )
    parser.add_argument("--no-training", action="store_true", help="judge what is trained already")
    options = parser.parse_args()
    os.environ["MUSICFEAT_DATA"] = str(data_folder())
    folder = options.folder.resolve()
    for paper in options.paper or TABLES:
        for system in SYSTEMS:
            if system.paper == paper and not options.no_training:
                for seed in options.seeds:
                    train(system, folder, options.threads, options.steps or round(options.scale * system.steps), seed)
        for title, table in TABLES[paper]:
            header, rows = table(folder)
            print(f"\n**{title}**\n\n{markdown(header, list(rows))}", flush=True)
        draw(folder, paper)


if __name__ == "__main__":
    main()
