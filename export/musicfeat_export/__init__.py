"""Turn a trained model into one ONNX file, and prove that it is the same model."""

from __future__ import annotations

import sys


def main() -> int:
    """The command ``musicfeat-export``, or one line on how to install what it needs."""
    try:
        from musicfeat_export import cli
    except ModuleNotFoundError as error:
        print(f"musicfeat-export: {error}; pip install 'musicfeat[export]'", file=sys.stderr)
        return 1
    return cli.main()
