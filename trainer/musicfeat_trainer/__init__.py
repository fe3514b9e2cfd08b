"""Pretrain music encoders by self-supervision, and evaluate them."""

from __future__ import annotations

import sys


def main() -> int:
    """The command ``musicfeat-train``, or one line on how to install what it needs."""
    try:
        from musicfeat_trainer import cli
    except ModuleNotFoundError as error:
        print(f"musicfeat-train: {error}; pip install 'musicfeat[train]'", file=sys.stderr)
        return 1
    return cli.main()
