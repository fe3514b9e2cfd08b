"""Pretrain music encoders by self-supervision, and evaluate them."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command ``musicfeat-train``, or print one line on how to install missing packages."""
    try:
        from musicfeat_trainer import cli
    except ModuleNotFoundError as error:
        print(f"musicfeat-train: {error}; pip install 'musicfeat[train]'", file=sys.stderr)
        return 1
    return cli.main()
